"""Points, lines and outlines that a person draws, as pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.draw import polygon as polygon_pixels

from napari_all.errors import UsageError
from napari_all.segmentation.editing.windows import Window
from napari_all.types import BoolMask

Point: TypeAlias = Sequence[float]
"""(y, x) in pixels of the label image; pixel centres are at whole numbers."""


def pixel_at(shape: tuple[int, ...], point: Point) -> tuple[int, int]:
    """Return the pixel under a point; raise `UsageError` outside the image."""
    y, x = (round(float(v)) for v in point)
    if not (0 <= y < shape[0] and 0 <= x < shape[1]):
        raise UsageError(f"(y={y}, x={x}) lies outside the image of {shape[0]} x {shape[1]} pixels")
    return y, x


def cell_at(labels: NDArray[Any], point: Point) -> int:
    """Return the label of the cell at `point`; raise `UsageError` on background or outside the image."""
    y, x = pixel_at(labels.shape, point)
    label = int(labels[y, x])
    if label == 0:
        raise UsageError(f"there is no cell at (y={y}, x={x}); click inside a cell")
    return label


def outline_pixels(shape: tuple[int, ...], points: Sequence[Point]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return (y, x) of the pixels of an image whose centres lie in a polygon; `UsageError` under three points."""
    if len(points) < 3:
        raise UsageError(f"an outline needs at least three points, got {len(points)}; go on drawing")
    corners = np.asarray(points, np.float64)
    y, x = polygon_pixels(corners[:, 0], corners[:, 1], shape)
    return y, x


def polygon_mask(shape: tuple[int, ...], points: Sequence[Point]) -> BoolMask:
    """Return the pixels whose centres lie in a polygon of (y, x) points, (Y, X) bool."""
    mask = np.zeros(shape, np.bool_)
    mask[outline_pixels(shape, points)] = True
    return mask


def line_pixels(shape: tuple[int, ...], line: Sequence[Point], radius_px: float = 0.0) -> tuple[BoolMask, Window]:
    """Return the pixels under a drawn line and the window that they are a mask of.

    Parameters
    ----------
    shape
        (Y, X) of the image.
    line
        One or more (y, x) points, which may lie outside the image.
    radius_px
        Half the width of the line: everything within this distance of its pixels. With 0 it is one pixel wide, and
        four-connected neighbours cannot pass it.
    """
    reach = int(np.floor(radius_px))
    drawn = [*line, line[-1]]  # OpenCV draws no line of one point
    corners = np.rint(np.asarray(drawn, np.float64)).astype(np.int32)
    low, high = corners.min(axis=0) - reach, corners.max(axis=0) + reach + 1
    rows, columns = (slice(max(0, int(a)), max(0, min(int(b), n))) for a, b, n in zip(low, high, shape, strict=True))
    height, width = max(0, rows.stop - rows.start), max(0, columns.stop - columns.start)
    if height == 0 or width == 0:
        return np.zeros((0, 0), np.bool_), (slice(0, 0), slice(0, 0))
    canvas: NDArray[Any] = np.zeros(
        (height + 2 * reach, width + 2 * reach), np.uint8
    )  # a line beside the image may reach into it
    xy = (corners - (rows.start - reach, columns.start - reach))[:, ::-1].reshape(-1, 1, 2)
    cv2.polylines(canvas, [np.ascontiguousarray(xy, np.int32)], False, 1, 1, cv2.LINE_8)
    if reach:
        canvas = cv2.dilate(canvas, _disc(radius_px))
        canvas = canvas[reach:-reach, reach:-reach]
    return canvas.astype(np.bool_), (rows, columns)


def _disc(radius: float) -> NDArray[np.uint8]:
    reach = int(np.floor(radius))
    y, x = np.ogrid[-reach : reach + 1, -reach : reach + 1]
    return np.asarray(y**2 + x**2 <= radius**2, np.uint8)
