"""A large image in blocks: each is segmented with a margin, and every cell belongs to exactly one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from napari_all.segmentation.editing.index import CellIndex
from napari_all.segmentation.editing.windows import Window
from napari_all.types import LabelImage

MARGIN_DIAMETERS = 2.0
"""Margin around a block in cell diameters: a cell that begins in the block lies whole in it, and the network sees what
is around it."""
_TOLERANCE_DIAMETERS = 0.1
"""How far two blocks may disagree on where a cell begins."""
_TRIED = 6
"""Starts of a window that are compared; more would fit better and cost more of the neighbours' pixels."""
_SAME_SHARE = 0.5
"""A cell of which another block has claimed more than this share of its pixels is that block's."""


@dataclass(frozen=True)
class Block:
    """One block.

    Attributes
    ----------
    number
        Its place in raster order.
    core
        Rows and columns whose cells are this block's.
    window
        What is segmented: the core and its margin, within the image.
    """

    number: int
    core: Window
    window: Window


def on_grid(start: int, scale: float, align: int) -> int:
    """Return where a window begins at or before `start` so that a network sees it as it would see the whole image.

    Its pooling and the averages by which the image is made smaller then fall on the same pixels: the window's start is
    a whole number of those averages, and nearly a whole number of pooled pixels (see `segmentation.tiles`).

    Parameters
    ----------
    scale
        Network's pixels per image pixel.
    align
        Multiple of the network's pixels at which its pooling repeats.
    """
    step = 2 ** max(0, int(np.floor(-np.log2(scale))))
    last = int(start * scale / align)
    tried: list[int] = [step * round(align * k / scale / step) for k in range(last, max(-1, last - _TRIED), -1)]
    fitting = [begin for begin in tried if begin <= start] or [0]
    return min(fitting, key=lambda begin: abs(begin * scale / align - round(begin * scale / align)))


def blocks(
    shape: tuple[int, int], core_px: int, margin_px: int, begin: Callable[[int], int] = lambda start: start
) -> list[Block]:
    """Cover an image of `shape` (Y, X) by blocks of at most `core_px`, in raster order.

    Windows begin where `begin` says, which is given the latest place that leaves the margin.
    """
    rows, columns = (_cuts(length, core_px) for length in shape)
    made: list[Block] = []
    for y in rows:
        for x in columns:
            window = tuple(
                slice(begin(max(0, side.start - margin_px)), min(length, side.stop + margin_px))
                for side, length in zip((y, x), shape, strict=True)
            )
            made.append(Block(len(made), (y, x), (window[0], window[1])))
    return made


def _cuts(length: int, most: int) -> list[slice]:
    count = -(-length // most)
    edges = np.linspace(0, length, count + 1).round().astype(int).tolist()
    return [slice(a, b) for a, b in pairwise(edges)]


@dataclass(frozen=True)
class Claimed:
    """A cell that a block has taken: its number in the block, and its first pixel (y, x) in the image."""

    number: int
    first: tuple[int, int]


def claim(
    block: Block, found: LabelImage, taken: NDArray[np.bool_], diameter_px: float
) -> tuple[LabelImage, list[Claimed]]:
    """Keep the cells that begin in the block's core and that no other block has.

    Parameters
    ----------
    found
        (Y, X) int32, the cells found in the block's window.
    taken
        (Y, X) bool, pixels of cells that earlier blocks have claimed.
    diameter_px
        Of a typical cell.

    Returns
    -------
    The kept cells (Y, X) int32, numbered 1..N in raster order and without the taken pixels, and where they begin.
    """
    tolerance = 2 + _TOLERANCE_DIAMETERS * diameter_px
    kept = np.zeros_like(found)
    claimed: list[Claimed] = []
    for mask, window in _cells(found):
        free = mask & ~taken[window]
        if np.count_nonzero(free) <= (1 - _SAME_SHARE) * np.count_nonzero(mask):
            continue
        row = int(np.argmax(free.any(axis=1)))
        first = (
            block.window[0].start + window[0].start + row,
            block.window[1].start + window[1].start + int(np.argmax(free[row])),
        )
        if all(s.start - tolerance <= at < s.stop + tolerance for s, at in zip(block.core, first, strict=True)):
            claimed.append(Claimed(len(claimed) + 1, first))
            kept[window][free] = claimed[-1].number
    return kept, claimed


def _cells(labels: LabelImage) -> Iterator[tuple[NDArray[np.bool_], Window]]:
    cells = CellIndex(labels)
    for label in cells:
        window = cells.window(label)
        yield labels[window] == label, window
