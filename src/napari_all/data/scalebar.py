"""Find the scale bar that the camera software burnt into a corner, and paint it out.

The text of the bar differs between the sessions of the Taleqani dataset, and so tells part of the subtype; nothing
that is measured or learned here may see it.
"""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_all.types import BoolMask, RGBImage

_WINDOW_TOP, _WINDOW_LEFT = 0.82, 0.80
"""Where the corner that is searched begins, as fractions of height and width."""
_FIELD_PX = 224
"""Longer side in pixels of the fields on which the lengths below were measured; larger images are shrunk to it."""
_STROKE_PX = 7
"""Strokes of text and line are thinner than this; cells are not."""
_MIN_INK_PX, _MIN_WIDTH_PX = 3, 10
_MIN_ASPECT = 1.2
"""The text with its line is wider than high."""
_BOX_MARGIN_PX = (4, 7)
"""(y, x): the box, or the ticks of the line beside its text, go on for at least so far beyond the strokes found."""
_MAX_BOX_MARGIN_PX = 12

_RED_ON_WHITE = 45
"""Grey levels by which red ink exceeds green and blue; no stain of a smear is so red beside white."""

_RED_TEXT = (
    ".......................",
    "...........###...##....",
    "........####..#####....",
    ".......######.######...",
    ".......#####..######...",
    "..#....#####..#####....",
    ".##...................#",
    ".##...................#",
    "..#....................",
)
"""What is left of the red '100 pixels' between its two ticks after the fields were shrunk to 224 px."""
_RED_MIN_CORRELATION, _RED_MIN_CONTRAST = 0.5, 20.0
"""Lowest on the dataset's red bars: 0.58 and 38 grey levels; highest elsewhere: 0.61, but then under 7 levels."""


def find_scale_bar(rgb: RGBImage) -> BoolMask:
    """Find the burnt-in scale bar of a field.

    Looked for in the lower right corner: a white box with thin black or red strokes (text and line), or the red text
    without a box that some Taleqani fields carry.

    Parameters
    ----------
    rgb
        (Y, X, 3) uint8.

    Returns
    -------
    (Y, X) bool, True in a rectangle that holds the bar; all False where no bar was found.
    """
    height, width = rgb.shape[:2]
    mask = np.zeros((height, width), np.bool_)
    scale = max(1.0, max(height, width) / _FIELD_PX)
    top, left = int(height * _WINDOW_TOP), int(width * _WINDOW_LEFT)
    corner: RGBImage = rgb[top:, left:]
    if scale > 1:
        shrunk = cv2.resize(corner, None, fx=1 / scale, fy=1 / scale, interpolation=cv2.INTER_AREA)
        corner = shrunk.astype(np.uint8, copy=False)
    if corner.shape[0] < len(_RED_TEXT) or corner.shape[1] < len(_RED_TEXT[0]):
        return mask
    box = _red_text(corner) or _ink_on_white(np.ascontiguousarray(corner))
    if box is not None:
        y0, x0, y1, x1 = (round(value * scale) for value in box)
        mask[top + y0 : top + y1, left + x0 : left + x1] = True
    return mask


def paint_out_scale_bar(rgb: RGBImage, mask: BoolMask | None = None) -> RGBImage:
    """Return a copy in which the scale bar has the colour of the bright background around it.

    Parameters
    ----------
    rgb
        (Y, X, 3) uint8; not changed.
    mask
        (Y, X) bool, the bar; looked for by `find_scale_bar` when not given.

    Returns
    -------
    (Y, X, 3) uint8; `rgb` itself where there is no bar.
    """
    if mask is None:
        mask = find_scale_bar(rgb)
    if not mask.any():
        return rgb
    painted = rgb.copy()
    painted[mask] = background_colour(rgb, ~mask)
    return painted


def background_colour(rgb: RGBImage, where: BoolMask | None = None) -> NDArray[np.uint8]:
    """Return the colour of the empty background: the median of the brightest quarter of the pixels.

    Parameters
    ----------
    rgb
        (Y, X, 3) uint8.
    where
        (Y, X) bool, the pixels that count; all of them when not given.

    Returns
    -------
    (3,) uint8, RGB.
    """
    pixels = rgb.reshape(-1, 3) if where is None else rgb[where]
    # green, because every stain of a smear absorbs there, and no colour conversion is needed
    green = pixels[:, 1]
    bright = pixels[green >= np.percentile(green, 75)]
    return np.asarray(np.median(bright, axis=0).round(), dtype=np.uint8)


_Box: TypeAlias = tuple[int, int, int, int]
"""(y0, x0, y1, x1) in pixels of the corner, ends excluded."""


def _ink_on_white(corner: RGBImage) -> _Box | None:
    """Return the white box around thin strokes of neutral black or of red that lie on white."""
    kernel = np.ones((_STROKE_PX, _STROKE_PX), np.uint8)
    brightest, darkest = corner.max(axis=2), corner.min(axis=2)
    depth = cv2.subtract(cv2.morphologyEx(brightest, cv2.MORPH_CLOSE, kernel), brightest)
    around = cv2.morphologyEx(darkest, cv2.MORPH_CLOSE, kernel)
    black = (brightest < 150) & (depth > 70) & (cv2.subtract(brightest, darkest) < 45)
    red = cv2.subtract(corner[..., 0], np.maximum(corner[..., 1], corner[..., 2])) > _RED_ON_WHITE
    ink = (black | red) & (around >= 235)
    joined = cv2.dilate(ink.astype(np.uint8), np.ones((_STROKE_PX, 2 * _STROKE_PX + 1), np.uint8))
    count, groups = cv2.connectedComponents(joined)
    sizes = np.bincount(groups[ink], minlength=count)
    if sizes.max(initial=0) < _MIN_INK_PX:
        return None
    rows, columns = np.nonzero(ink & (groups == int(sizes.argmax())))
    y0, x0, y1, x1 = int(rows.min()), int(columns.min()), int(rows.max()) + 1, int(columns.max()) + 1
    if x1 - x0 < max(_MIN_WIDTH_PX, _MIN_ASPECT * (y1 - y0)):
        return None
    return _widened((y0, x0, y1, x1), darkest >= 240)


def _widened(box: _Box, white: BoolMask) -> _Box:
    """Widen a box by its least margin, and further while the next line along it is white."""
    y0, x0, y1, x1 = box
    height, width = white.shape
    margin_y, margin_x = _BOX_MARGIN_PX
    top, bottom = max(0, y0 - margin_y), min(height, y1 + margin_y)
    left, right = max(0, x0 - margin_x), min(width, x1 + margin_x)
    while top > max(0, y0 - _MAX_BOX_MARGIN_PX) and white[top - 1, x0:x1].mean() > 0.9:
        top -= 1
    while bottom < min(height, y1 + _MAX_BOX_MARGIN_PX) and white[bottom, x0:x1].mean() > 0.9:
        bottom += 1
    while left > max(0, x0 - _MAX_BOX_MARGIN_PX) and white[y0:y1, left - 1].mean() > 0.9:
        left -= 1
    while right < min(width, x1 + _MAX_BOX_MARGIN_PX) and white[y0:y1, right].mean() > 0.9:
        right += 1
    return top, left, bottom, right


def _red_text(corner: RGBImage) -> _Box | None:
    """Return where the corner looks like the red text, by correlation of its redness with the text's pattern."""
    pattern = np.array([[c == "#" for c in row] for row in _RED_TEXT], np.float32)
    rows, columns = pattern.shape
    channels = corner.astype(np.float32)
    redness = channels[..., 0] - channels[..., 1:].mean(axis=2)
    _, correlation, _, (x, y) = cv2.minMaxLoc(cv2.matchTemplate(redness, pattern, cv2.TM_CCOEFF_NORMED))
    found = redness[y : y + rows, x : x + columns]
    contrast = float(found[pattern > 0].mean() - found[pattern == 0].mean())
    if correlation < _RED_MIN_CORRELATION or contrast < _RED_MIN_CONTRAST:
        return None
    return max(0, y - 2), max(0, x - 2), y + rows + 2, x + columns + 3
