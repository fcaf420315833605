"""How corrected labels differ from the predicted ones: Dice, the cells that changed, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from napari_all.errors import MaskError
from napari_all.types import BoolMask, LabelImage

SAME: Final = 0
ADDED: Final = 1
"""Cell now, background in the prediction."""
REMOVED: Final = 2
"""Background now, cell in the prediction."""
OTHER_CELL: Final = 3
"""Cell in both, but of another one: cut off, or merged."""


@dataclass(frozen=True)
class Changes:
    """What corrections made of a prediction.

    Attributes
    ----------
    dice
        Dice of foreground with foreground, 0..1; 1 where both are empty.
    added, removed
        Labels (now, in the prediction) of cells without a partner; cells are paired one to one, those that share most
        pixels first.
    changed
        (now, predicted) labels of partners that are not the same pixel by pixel.
    unchanged
        How many are the same pixel by pixel, whatever their numbers.
    difference
        (Y, X) uint8: `SAME`, `ADDED`, `REMOVED` or `OTHER_CELL`.
    """

    dice: float
    added: tuple[int, ...]
    removed: tuple[int, ...]
    changed: tuple[tuple[int, int], ...]
    unchanged: int
    difference: NDArray[np.uint8]


def compare(labels: LabelImage, predicted: LabelImage, ignore: BoolMask | None = None) -> Changes:
    """Compare labels as they are with those that were predicted; numbers of cells may differ.

    Parameters
    ----------
    labels, predicted
        (Y, X) int32 of one image.
    ignore
        (Y, X) bool, pixels left out on both sides.

    Raises
    ------
    MaskError
        When the shapes differ.
    """
    if labels.shape != predicted.shape or (ignore is not None and ignore.shape != labels.shape):
        raise MaskError(f"labels are {labels.shape}, the prediction is {predicted.shape}; compare labels of one image")
    either = (labels > 0) | (predicted > 0)
    if ignore is not None:
        either &= ~ignore
    where = np.flatnonzero(either)
    now, then = labels.reshape(-1)[where], predicted.reshape(-1)[where]
    pairs, area_now, area_then = _counted(now, then)
    partners = _partners(pairs)
    both = np.count_nonzero((now > 0) & (then > 0))
    total = np.count_nonzero(now) + np.count_nonzero(then)
    same = {n for n, p in partners.items() if pairs[n, p] == area_now[n] == area_then[p]}
    difference = np.zeros(labels.size, np.uint8)
    difference[where] = _difference(now, then, partners)
    return Changes(
        dice=1.0 if total == 0 else 2 * both / total,
        added=tuple(sorted(set(area_now) - set(partners))),
        removed=tuple(sorted(set(area_then) - set(partners.values()))),
        changed=tuple(sorted((n, p) for n, p in partners.items() if n not in same)),
        unchanged=len(same),
        difference=difference.reshape(labels.shape),
    )


def _counted(
    now: NDArray[np.int32], then: NDArray[np.int32]
) -> tuple[dict[tuple[int, int], int], dict[int, int], dict[int, int]]:
    """Return the pixels that each pair of cells shares, and the area of each cell on both sides."""
    width = int(then.max(initial=0)) + 1
    keys, counts = np.unique(now.astype(np.int64) * width + then, return_counts=True)
    pairs: dict[tuple[int, int], int] = {}
    area_now: dict[int, int] = {}
    area_then: dict[int, int] = {}
    for key, count in zip(keys.tolist(), counts.tolist(), strict=True):
        n, p = divmod(key, width)
        if n and p:
            pairs[n, p] = count
        if n:
            area_now[n] = area_now.get(n, 0) + count
        if p:
            area_then[p] = area_then.get(p, 0) + count
    return pairs, area_now, area_then


def _partners(pairs: dict[tuple[int, int], int]) -> dict[int, int]:
    """Pair the cells one to one, those that share most first."""
    partners: dict[int, int] = {}
    taken: set[int] = set()
    for (n, p), _ in sorted(pairs.items(), key=lambda item: (-item[1], item[0])):
        if n not in partners and p not in taken:
            partners[n] = p
            taken.add(p)
    return partners


def _difference(now: NDArray[np.int32], then: NDArray[np.int32], partners: dict[int, int]) -> NDArray[np.uint8]:
    partner = np.zeros(int(now.max(initial=0)) + 1, np.int32)
    if partners:
        partner[list(partners)] = list(partners.values())
    result = np.full(now.size, SAME, np.uint8)
    result[partner[now] != then] = OTHER_CELL
    result[then == 0] = ADDED
    result[now == 0] = REMOVED
    return result
