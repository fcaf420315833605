"""Windows of an image and small work on masks inside them."""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from napari_all.types import BoolMask

Window: TypeAlias = tuple[slice, slice]
"""Rows and columns with whole, non-negative ends."""


def around(mask: BoolMask, margin: int = 0) -> Window:
    """Return the bounding box of a mask that is not empty, widened by `margin` inside the image."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
    return widened(box, margin, mask.shape)


def widened(window: Window, margin: int, shape: tuple[int, ...]) -> Window:
    """Return a window with `margin` pixels more on each side, inside an image of `shape`."""
    rows, columns = (
        slice(max(0, side.start - margin), min(size, side.stop + margin))
        for side, size in zip(window, shape, strict=True)
    )
    return rows, columns


def spanning(first: Window, second: Window) -> Window:
    """Return the smallest window that holds both."""
    rows, columns = (slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(first, second, strict=True))
    return rows, columns


def meet(first: Window, second: Window) -> bool:
    """Tell whether two windows share a pixel."""
    return all(a.start < b.stop and b.start < a.stop for a, b in zip(first, second, strict=True))


def rows_and_columns(places: NDArray[np.integer], shape: tuple[int, ...]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return ascending positions y * width + x in an image of `shape` as (y, x); dividing would take far longer."""
    rows, width = np.arange(shape[0] + 1), shape[1]
    y = np.repeat(rows[:-1], np.diff(np.searchsorted(places, rows * width)))
    return y, places - y * width


def largest(mask: BoolMask) -> BoolMask:
    """Return the largest 4-connected part of a mask."""
    if cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)[0] <= 2:
        return mask
    parts, _ = ndi.label(mask)
    return np.asarray(parts == 1 + int(np.argmax(np.bincount(parts.ravel())[1:])), np.bool_)


def holes_of(mask: BoolMask) -> BoolMask:
    """Return what a mask encloses: not in it, and not 4-connected to the outside of the array."""
    ground = cv2.copyMakeBorder(mask.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=(0,))
    cv2.floodFill(ground, None, (0, 0), (2,), flags=4)
    return np.asarray(ground[1:-1, 1:-1] == 0, np.bool_)


def touches_border(window: Window, shape: tuple[int, ...]) -> bool:
    """Tell whether a window reaches the border of an image of `shape`."""
    return any(side.start == 0 or side.stop == size for side, size in zip(window, shape, strict=True))
