"""White cells of one image on the background of another: a classifier that looks at cells must not change its mind.

The other image loses its own white cells first: each hole is filled with a piece of the same image that shows no white
cell and fits the hole's rim best (exemplar-based filling in its simplest form, after Criminisi et al. 2004,
doi 10.1109/TIP.2004.833105), so that red cells stand where they could; where no piece fits, `cv2.inpaint` fills (Telea
2004, doi 10.1080/10867651.2004.10487596).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_all.data.scalebar import background_colour, find_scale_bar
from napari_all.types import BoolMask, RGBImage

RIM_PX = 3
"""Width of the rim that is pasted with a cell, and by which holes are larger than the cells they held."""
MOST_COVERED = 0.25
"""An image with more of its area under white cells is no good background: too little of it is known."""

_TILE_PX = 28
"""Larger holes are filled piece by piece."""
_FRAME_PX = 5
"""Known pixels around a hole by which a piece is chosen."""
_MOST_SHIFT = 15.0
"""Grey levels by which a piece is made lighter or darker to fit the light at its new place."""


def without_cells(rgb: RGBImage, cells: BoolMask) -> RGBImage:
    """Return the image as if its white cells had not been there.

    Parameters
    ----------
    rgb
        (Y, X, 3) uint8.
    cells
        (Y, X) bool, white cells and smudge cells.
    """
    hole = cv2.dilate(cells.astype(np.uint8), _disk(RIM_PX)) > 0
    if not hole.any():
        return rgb
    filled = rgb.copy()
    usable = ~(hole | find_scale_bar(rgb))
    left_over = np.zeros(hole.shape, np.uint8)
    for piece in _pieces(hole):
        if not _fill(filled, hole, piece, rgb, usable):
            left_over[piece] |= hole[piece]
        hole[piece] = False
    if left_over.any():
        filled = np.asarray(cv2.inpaint(filled, left_over, 3, cv2.INPAINT_TELEA), np.uint8)
    return filled


def on_background(rgb: RGBImage, cells: BoolMask, background: RGBImage, *, relit: bool = False) -> RGBImage:
    """Paste the white cells of an image, with a soft rim of 3 px, at their places on another background.

    Parameters
    ----------
    rgb
        (Y, X, 3) uint8, the image whose cells are kept.
    cells
        (Y, X) bool, its white cells.
    background
        (Y, X, 3) uint8 of any size (it is resized), as `without_cells` makes it.
    relit
        Show the cells in the other image's light: multiply each channel by the ratio of the two images' bright
        backgrounds. Otherwise their colours stay as photographed.
    """
    height, width = cells.shape
    under = background
    if background.shape != rgb.shape:
        under = np.asarray(cv2.resize(background, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    share = cells_with_rim(cells)[..., None]
    over = rgb.astype(np.float64)
    if relit:
        over = over * (background_colour(under, ~cells) / np.maximum(background_colour(rgb), 1.0))
    return np.clip(np.round(share * over + (1.0 - share) * under), 0, 255).astype(np.uint8)


def cells_with_rim(cells: BoolMask, rim_px: float = RIM_PX) -> NDArray[np.float32]:
    """Return (Y, X) how much of each pixel is a pasted cell's: 1 inside, less and less over the rim, else 0."""
    if not cells.any():
        return np.zeros(cells.shape, np.float32)
    distance = cv2.distanceTransform((~cells).astype(np.uint8), cv2.DIST_L2, 5)
    return np.asarray(np.clip(1.0 - distance / (rim_px + 1), 0.0, 1.0), np.float32)


def cells_only(rgb: RGBImage, cells: BoolMask) -> RGBImage:
    """Return the image with everything but its white cells in the colour of its own bright background."""
    flat = np.broadcast_to(background_colour(rgb), rgb.shape).astype(np.uint8)
    return on_background(rgb, cells, flat)


def _disk(radius: int) -> NDArray[np.uint8]:
    side = 2 * radius + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)


def _pieces(hole: BoolMask) -> Iterator[tuple[slice, slice]]:
    """Yield the boxes of the holes, cut into pieces of at most `_TILE_PX`."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(hole.astype(np.uint8), connectivity=8)
    for x0, y0, width, height, _ in stats[1:]:
        rows = np.linspace(y0, y0 + height, 1 + -(-height // _TILE_PX)).round().astype(int).tolist()
        columns = np.linspace(x0, x0 + width, 1 + -(-width // _TILE_PX)).round().astype(int).tolist()
        for top, bottom in pairwise(rows):
            for start, end in pairwise(columns):
                yield slice(top, bottom), slice(start, end)


def _fill(filled: RGBImage, hole: BoolMask, piece: tuple[slice, slice], source: RGBImage, usable: BoolMask) -> bool:
    """Fill the hole's pixels of a piece from the place that fits its frame best; False where there is none."""
    height, width = hole.shape
    y0, y1 = max(0, piece[0].start - _FRAME_PX), min(height, piece[0].stop + _FRAME_PX)
    x0, x1 = max(0, piece[1].start - _FRAME_PX), min(width, piece[1].stop + _FRAME_PX)
    inner = np.zeros((y1 - y0, x1 - x0), np.bool_)
    inner[piece[0].start - y0 : piece[0].stop - y0, piece[1].start - x0 : piece[1].stop - x0] = True
    wanted = hole[y0:y1, x0:x1] & inner
    if not wanted.any():
        return True
    known = ~hole[y0:y1, x0:x1]
    target = filled[y0:y1, x0:x1]
    blocked = cv2.matchTemplate((~usable).astype(np.float32), wanted.astype(np.float32), cv2.TM_CCORR) > 0.5
    if blocked.all():
        return False
    weights = np.repeat(known.astype(np.float32)[..., None], 3, axis=2)
    cost = cv2.matchTemplate(source.astype(np.float32), target.astype(np.float32), cv2.TM_SQDIFF, mask=weights)
    cost[blocked | ~np.isfinite(cost)] = np.inf
    y, x = np.unravel_index(int(cost.argmin()), cost.shape)
    patch = source[y : y + y1 - y0, x : x + x1 - x0].astype(np.float64)
    if known.any():  # the median: red cells that differ must not pass for a difference of light
        patch += np.clip(np.median(target[known] - patch[known], axis=0), -_MOST_SHIFT, _MOST_SHIFT)
    soft = cv2.GaussianBlur(wanted.astype(np.float64), (0, 0), 1.5)
    soft[wanted] = 1.0
    soft[~known & ~wanted] = 0.0  # belongs to another piece
    soft[~usable[y : y + y1 - y0, x : x + x1 - x0]] = 0.0
    mixed = soft[..., None] * patch + (1.0 - soft[..., None]) * target
    target[:] = np.clip(np.round(mixed), 0, 255).astype(np.uint8)
    return True
