"""Scale bars to add to, remove from and exchange between images: a classifier must not care.

The painted ones look like the three kinds in the Taleqani fields: a small white box with black text and two ticks, the
same in red without a box, and a large box with a bold line that runs out of the picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_all.data.scalebar import find_scale_bar, paint_out_scale_bar
from napari_all.types import BoolMask, RGBImage

_FIELD_PX = 224
"""Longer side of the fields that the boxes below were measured on; in larger images they grow alike."""
_FINE = 8
"""Bars are drawn so much larger and shrunk, as the camera's picture was: their text is hardly legible."""


@dataclass(frozen=True)
class _Bar:
    """Box (y0, x0, y1, x1), colour of the ink, whether the box is white, and the text with its height and pen."""

    box: tuple[int, int, int, int]
    ink: tuple[int, int, int]
    white: bool
    text: str
    text_px: float
    pen_px: float
    line: bool


BARS = {
    "black text in a white box": _Bar((206, 195, 217, 218), (0, 0, 0), True, "100 pixels", 4.0, 0.7, False),
    "red text without a box": _Bar((206, 195, 217, 218), (225, 20, 40), False, "100 pixels", 4.0, 0.7, False),
    "large white box": _Bar((194, 193, 224, 224), (0, 0, 0), True, "200 pixels", 8.5, 0.8, True),
}
"""Kinds of painted bars by name."""


def with_bar(rgb: RGBImage, kind: str) -> RGBImage:
    """Return a copy with a painted bar in the lower right corner; a bar that is found there is removed first.

    Parameters
    ----------
    rgb
        (Y, X, 3) uint8.
    kind
        One of `BARS`.
    """
    bar = BARS[kind]
    result = paint_out_scale_bar(rgb).copy()
    height, width = rgb.shape[:2]
    scale = max(height, width) / _FIELD_PX
    y0, x0 = (round(side - (_FIELD_PX - at) * scale) for side, at in zip((height, width), bar.box[:2], strict=True))
    y0, x0 = max(0, y0), max(0, x0)
    size = (
        min(width - x0, max(1, round((bar.box[3] - bar.box[1]) * scale))),
        min(height - y0, max(1, round((bar.box[2] - bar.box[0]) * scale))),
    )
    ink = cv2.resize(_ink(bar), size, interpolation=cv2.INTER_AREA).astype(np.float32)[..., None] / 255
    place = result[y0 : y0 + size[1], x0 : x0 + size[0]]
    under = np.full_like(place, 255) if bar.white else place
    place[:] = np.round(ink * np.array(bar.ink, np.float32) + (1 - ink) * under).astype(np.uint8)
    return result


def with_bar_of(rgb: RGBImage, other: RGBImage) -> RGBImage | None:
    """Return a copy that carries the bar of another image of the same shape; None where that has none."""
    bar = find_scale_bar(other) if rgb.shape == other.shape else np.zeros(0, np.bool_)
    if not bar.any():
        return None
    result = paint_out_scale_bar(rgb).copy()
    result[bar] = other[bar]
    return result


def without_bar(rgb: RGBImage) -> tuple[RGBImage, BoolMask]:
    """Return the image with the bar that is found painted out, and where it was."""
    bar = find_scale_bar(rgb)
    return paint_out_scale_bar(rgb, bar), bar


def _ink(bar: _Bar) -> NDArray[np.uint8]:
    """Draw the ink of a bar (255) at `_FINE` times its size on 224-pixel fields."""
    y0, x0, y1, x1 = bar.box
    height, width = (y1 - y0) * _FINE, (x1 - x0) * _FINE
    ink = np.zeros((height, width), np.uint8)
    pen = max(1, round(bar.pen_px * _FINE))
    left, right = pen, width + pen if bar.line else width - pen
    base = round(height * (0.74 if bar.line else 0.97))
    for x in (left, right):
        cv2.line(ink, (x, base - round(0.3 * height)), (x, base), 255, pen)
    if bar.line:
        cv2.line(ink, (left, base), (right, base), 255, 2 * pen)
    unit = cv2.getTextSize(bar.text, cv2.FONT_HERSHEY_SIMPLEX, 1.0, 1)[0]
    tall = bar.text_px * _FINE
    start = round(0.27 * width) if bar.line else round(0.2 * width)
    wide = 2 * width if bar.line else 0.62 * width
    letters = np.zeros((round(unit[1] * 1.6), unit[0]), np.uint8)
    cv2.putText(letters, bar.text, (0, unit[1] + 2), cv2.FONT_HERSHEY_SIMPLEX, 1.0, 255, 3, cv2.LINE_AA)
    if bar.line:
        wide = unit[0] * tall / unit[1] * 0.6
    fitted = cv2.resize(letters, (round(wide), round(tall * 1.6)), interpolation=cv2.INTER_AREA)
    top = max(0, round(base - tall * 1.6 - 0.06 * height))
    part = fitted[: height - top, : width - start].astype(np.uint8)
    place = ink[top : top + part.shape[0], start : start + part.shape[1]]
    np.maximum(place, part, out=place)
    return ink
