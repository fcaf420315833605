"""Grow one cell from the colour at a point."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi
from skimage.filters import threshold_otsu

from napari_all.types import BoolMask, RGBImage

_PROBABILITY = 40.0
"""Colour difference (CIE Lab) that counts as much as a network being sure of one pixel and sure against another."""
_MOST_OF_DISC = 0.8
"""A region that fills more of the disc it may grow in has found no edge."""


def grow_region(
    rgb: RGBImage,
    free: BoolMask,
    seed: tuple[int, int],
    radius_px: int,
    probability: NDArray[np.uint8] | None = None,
) -> BoolMask | None:
    """Return the pixels around `seed` that look like it, or None where no edge is found.

    The colour distance (CIE Lab, smoothed by a pixel) to the 3 x 3 pixels at the seed is cut by Otsu's threshold
    within the radius; the connected part that holds the seed, holes filled, is the region. A network's probability
    counts as one more colour.

    Parameters
    ----------
    rgb
        (Y, X, 3) uint8, the surroundings of the seed.
    free
        (Y, X) bool, pixels the region may take.
    seed
        (y, x), a free pixel.
    radius_px
        The region stays within this distance of the seed.
    probability
        (Y, X) uint8, a network's probability of a cell, 255 = certain; None = by colour alone.
    """
    lab = cv2.cvtColor(np.ascontiguousarray(rgb, np.uint8).astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    lab = cv2.GaussianBlur(lab, (0, 0), 1.0)
    if probability is not None:
        lab = np.dstack([lab, probability.astype(np.float32) * np.float32(_PROBABILITY / 255)])
    near = lab[max(0, seed[0] - 1) : seed[0] + 2, max(0, seed[1] - 1) : seed[1] + 2].reshape(-1, lab.shape[2])
    distance = np.linalg.norm(lab - near.mean(axis=0), axis=2)
    disc = _disc(distance.shape, seed, radius_px)
    free = disc & free
    if distance[free].min() == distance[free].max():
        return None
    alike = free & (distance <= threshold_otsu(distance[free]))
    # opened, so that thin bridges to a neighbour break; never at the seed itself
    parts = ndi.label(ndi.binary_opening(alike) | (alike & _disc(alike.shape, seed, 2)))[0]
    if parts[seed] == 0:
        return None
    region = np.asarray(ndi.binary_fill_holes(parts == parts[seed]) & free, np.bool_)
    return None if region.sum() > _MOST_OF_DISC * disc.sum() else region


def _disc(shape: tuple[int, ...], centre: tuple[int, int], radius: int) -> BoolMask:
    y, x = np.ogrid[: shape[0], : shape[1]]
    return np.asarray((y - centre[0]) ** 2 + (x - centre[1]) ** 2 <= radius**2, np.bool_)
