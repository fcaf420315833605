"""Tiles on a rescaled grid: where they lie, how they are cut out of the image, and what each counts for its pixels.

The analysis grid is the image scaled by `scale`; the point x of the image lies at (x + 0.5) * scale - 0.5 of it. Tiles
begin at multiples of a network's stride, so that its pooling sees the same grid whatever the tile size, and overlap
with weights that add up to one. Nothing here is larger than a tile or one row of tiles.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_all.types import RGBImage

ALIGN = 16
"""Least multiple; networks may halve the resolution four times, and those that do so more often ask for more."""

_BARE = 0.85
"""Share of the light of bare glass below which something lies on it."""
_LOOKED_AT = 4
"""Every so many analysis pixels are looked at; nuclei are some thirty wide there."""


@dataclass(frozen=True)
class Span:
    """One tile along one axis of the analysis grid: [start, stop), and the widths of its two ramps."""

    start: int
    stop: int
    ramp_before: int
    ramp_after: int


def spans(length: int, tile: int, overlap: int, align: int = ALIGN) -> list[Span]:
    """Cover `length` pixels by equal tiles of at most `tile`, each sharing `overlap` with the next.

    Starts and sizes are multiples of `align`; the last tile may reach beyond `length`.

    Parameters
    ----------
    length
        Pixels to cover, at least 1.
    tile
        Largest tile, a multiple of `align` and larger than twice the overlap.
    overlap
        Pixels shared by neighbours, a multiple of `align`.
    """
    count = 1 if length <= tile else -(-(length - overlap) // (tile - overlap))
    least = -(-(length - overlap) // count) + overlap if count > 1 else length
    size = max(1, -(-least // align)) * align
    starts = [k * (size - overlap) for k in range(count)]
    return [
        Span(start, start + size, overlap if k else 0, overlap if k < count - 1 else 0)
        for k, start in enumerate(starts)
    ]


@dataclass(frozen=True)
class Grid:
    """The analysis grid of one image.

    Attributes
    ----------
    shape
        (Y, X) of the image.
    scale
        Analysis pixels per image pixel.
    rows, columns
        Tiles along Y and X.
    """

    shape: tuple[int, int]
    scale: float
    rows: tuple[Span, ...]
    columns: tuple[Span, ...]

    @classmethod
    def of(cls, shape: tuple[int, int], scale: float, tile: int, overlap: int, align: int = ALIGN) -> Grid:
        """Lay the tiles for an image of `shape` (Y, X); see `spans`."""
        lengths = [max(1, round(n * scale)) for n in shape]
        rows, columns = (tuple(spans(n, tile, overlap, align)) for n in lengths)
        return cls(shape, scale, rows, columns)

    def image_range(self, span: Span, axis: int) -> tuple[int, int]:
        """Return the image pixels [first, last) whose centres lie under a tile."""
        first = 0 if span.start == 0 else int(np.ceil((span.start + 0.5) / self.scale - 0.5))
        last = int(np.ceil((span.stop + 0.5) / self.scale - 0.5))
        return first, self.shape[axis] if span.ramp_after == 0 else min(last, self.shape[axis])

    def _points(self, span: Span, axis: int) -> NDArray[np.float64]:
        """Return where each image pixel under a tile lies on the analysis grid."""
        return (np.arange(*self.image_range(span, axis), dtype=np.float64) + 0.5) * self.scale - 0.5

    def positions(self, span: Span, axis: int) -> NDArray[np.float64]:
        """Return where each image pixel under a tile lies in it, from 0 to its last pixel."""
        return np.clip(self._points(span, axis) - span.start, 0.0, span.stop - span.start - 1.0)

    def weights(self, span: Span, axis: int) -> NDArray[np.float32]:
        """Return the weight of each image pixel under a tile; neighbouring tiles add up to one."""
        at = self._points(span, axis)
        weights = np.ones(at.size)
        if span.ramp_before:
            rise = np.clip((at - span.start) / span.ramp_before, 0.0, 1.0)
            weights *= np.sin(0.5 * np.pi * rise) ** 2
        if span.ramp_after:
            fall = np.clip((at - (span.stop - span.ramp_after)) / span.ramp_after, 0.0, 1.0)
            weights *= np.cos(0.5 * np.pi * fall) ** 2
        return weights.astype(np.float32)

    def is_bare(self, rgb: RGBImage, row: Span, column: Span, glass: NDArray[np.float64]) -> bool:
        """Tell whether all under a tile is nearly as light as the glass (R, G, B); every nucleus is far darker."""
        step = max(1, int(_LOOKED_AT / self.scale))
        y, x = (slice(*self.image_range(span, axis), step) for axis, span in enumerate((row, column)))
        return bool((rgb[y, x] >= _BARE * glass).all())

    def cut(self, rgb: RGBImage, row: Span, column: Span) -> RGBImage:
        """Return one tile of the analysis grid, (tile, tile, 3) uint8; beyond the image it is mirrored."""
        step = 2 ** max(0, int(np.floor(-np.log2(self.scale))))
        (y0, y1), (x0, x1) = (
            (
                max(0, int(span.start / self.scale) - 2 * step) // step * step,
                min(-(-length // step) * step, -(-int(span.stop / self.scale + 3 * step) // step) * step),
            )
            for span, length in zip((row, column), self.shape, strict=True)
        )
        window: NDArray[Any] = rgb[y0:y1, x0:x1]
        if step > 1:  # area averages first, so that what is finer than the analysis grid does not alias
            missing = (y1 - y0 - window.shape[0], x1 - x0 - window.shape[1])
            window = cv2.copyMakeBorder(window, 0, missing[0], 0, missing[1], cv2.BORDER_REPLICATE)
            size = ((x1 - x0) // step, (y1 - y0) // step)
            window = cv2.resize(window, size, interpolation=cv2.INTER_AREA)
        affine = _affine((self.scale * step,) * 2, (x0 / step, y0 / step), (column.start, row.start))
        return np.asarray(
            cv2.warpAffine(
                window,
                affine,
                (column.stop - column.start, row.stop - row.start),
                flags=cv2.INTER_CUBIC if self.scale > 1.0 else cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REFLECT,
            )
        )


def _affine(
    scale: tuple[float, float], origin: tuple[float, float], target: tuple[float, float]
) -> NDArray[np.float64]:
    """Matrix from pixels counted from `origin` to pixels, `scale` times as fine, counted from `target`; (x, y)."""
    shift = [(o + 0.5) * s - 0.5 - t for s, o, t in zip(scale, origin, target, strict=True)]
    return np.array([[scale[0], 0.0, shift[0]], [0.0, scale[1], shift[1]]])


def bands(grid: Grid) -> Iterator[tuple[Span, int, int]]:
    """Yield each row of tiles with the image rows [first, last) that are complete once it has been laid."""
    for k, row in enumerate(grid.rows):
        first, last = grid.image_range(row, 0)
        done = grid.image_range(grid.rows[k + 1], 0)[0] if k + 1 < len(grid.rows) else last
        yield row, first, done
