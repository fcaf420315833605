"""COCO's run lengths of a mask: columns one after the other, background first.

Written here because the C code of pycocotools trusts what a file tells it; the layout is that of its maskApi.c.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_all.errors import MaskError
from napari_all.types import BoolMask


def encode(mask: BoolMask, y: int, x: int, shape: tuple[int, int]) -> list[int]:
    """Return the run lengths of a mask in an image.

    Parameters
    ----------
    mask
        (Y, X) bool.
    y, x
        Where its first pixel lies in the image.
    shape
        (Y, X) of the image.
    """
    columns, rows = np.nonzero(mask.T)
    places = (columns + x) * shape[0] + rows + y
    breaks = np.flatnonzero(np.diff(places) > 1)
    starts = places[np.concatenate([[0], breaks + 1])] if places.size else places
    ends = places[np.concatenate([breaks, [-1]])] + 1 if places.size else places
    edges = np.concatenate([[0], np.stack([starts, ends], axis=1).ravel(), [shape[0] * shape[1]]])
    counts: list[int] = np.diff(edges).tolist()
    return counts if counts[-1] else counts[:-1]


def decode(counts: Sequence[int], shape: tuple[int, int]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return rows and columns of the pixels; `MaskError` for runs that are negative or longer than the image."""
    try:
        runs = np.array(counts, np.int64)
    except (ValueError, TypeError, OverflowError) as error:
        raise MaskError(f"run lengths are no list of numbers ({error}); export the file again") from error
    if runs.ndim != 1 or (runs < 0).any() or (runs > shape[0] * shape[1]).any() or runs.sum() > shape[0] * shape[1]:
        raise MaskError(f"run lengths do not fit an image of {shape[1]} x {shape[0]} pixels; export the file again")
    ends = np.cumsum(runs)
    lengths = runs[1::2]
    begins = ends[1::2] - lengths
    places = np.repeat(begins - (np.cumsum(lengths) - lengths), lengths) + np.arange(lengths.sum())
    x, y = np.divmod(places, max(1, shape[0]))
    return y, x


def unpack(text: str) -> list[int]:
    """Return the run lengths in COCO's compressed text: five bits a letter, from the third on as differences."""
    counts: list[int] = []
    value, shift = 0, 0
    for letter in text:
        bits = ord(letter) - 48
        if not 0 <= bits < 64 or shift > 60:
            raise MaskError("compressed run lengths are damaged; export the file again")
        value |= (bits & 0x1F) << shift
        shift += 5
        if not bits & 0x20:
            if bits & 0x10:
                value -= 1 << shift
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value, shift = 0, 0
    if shift:
        raise MaskError("compressed run lengths are truncated; export the file again")
    return counts
