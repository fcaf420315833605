"""Scribbles as a person would draw them over an image for a pixel classifier, drawn from masks by a fixed seed."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_all.segmentation.instances import components
from napari_all.types import BoolMask, ClassesMap

WIDTH_PX = 3
_STROKES = 6
_LONGEST_PX = 40
_ARC = np.pi / 2


def scribble(truth: ClassesMap, ignore: BoolMask, seed: int) -> NDArray[np.uint8]:
    """Draw a few strokes about 3 px wide through every class, and arcs on both sides of two of its borders.

    Parameters
    ----------
    truth
        (Y, X) uint8 classes map of the image.
    ignore
        (Y, X) bool, where no stroke goes.
    seed
        Of the places.

    Returns
    -------
    (Y, X) uint8, 0 = not labelled, else class + 1.
    """
    rng = np.random.default_rng(seed)
    drawn = np.zeros_like(truth)
    for value in np.unique(truth):
        region = (truth == value) & ~ignore
        pieces = components(region) if value > 0 else region.astype(np.int32)
        order = rng.permutation(np.unique(pieces[pieces > 0]))
        for number in range(_STROKES):  # one goes from cell to cell
            piece = pieces == order[number % len(order)]
            drawn[_stroke(piece, rng) & piece] = value + 1
        if value > 0:
            for _ in range(2):
                near = _border_arc(truth >= value, rng) & ~ignore
                drawn[near] = truth[near] + 1
    return drawn


def _stroke(piece: BoolMask, rng: np.random.Generator) -> BoolMask:
    """Return a straight stroke from a point of the piece to another not far away."""
    inner = ndimage.binary_erosion(piece)
    ends = np.argwhere(inner if inner.any() else piece)
    start = ends[rng.integers(len(ends))]
    near = ends[np.linalg.norm(ends - start, axis=1) <= _LONGEST_PX]
    stop = near[rng.integers(len(near))]
    canvas = np.zeros(piece.shape, np.uint8)
    cv2.line(canvas, start[::-1].tolist(), stop[::-1].tolist(), 1, WIDTH_PX)
    return canvas > 0


def _border_arc(mask: BoolMask, rng: np.random.Generator) -> BoolMask:
    """Return a quarter of the outline of one piece, 3 px to either side; the outermost pixels are too mixed."""
    pieces = components(mask)
    piece = pieces == rng.integers(1, pieces.max() + 1)
    away = np.maximum(ndimage.distance_transform_edt(piece), ndimage.distance_transform_edt(~piece))
    y, x = np.indices(mask.shape) - np.array(ndimage.center_of_mass(piece))[:, None, None]
    angle = np.mod(np.arctan2(y, x) - rng.uniform(0, 2 * np.pi), 2 * np.pi)
    other = mask & ~piece
    return (away > 1) & (away <= 1 + WIDTH_PX) & (angle < _ARC) & ~other
