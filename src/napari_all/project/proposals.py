"""Take cells over from other labels of the same image (a new prediction, an alternative), one by one.

What another prediction or another person says is never laid over the labels: it is compared with them cell by cell, and
only what is asked for is taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from napari_all.errors import ProjectError
from napari_all.project.change import Change, diff_planes
from napari_all.project.planes import Pixels

_SHARE = 0.5
"""Cells belong together when they share this much of the smaller one."""
OfferKind: TypeAlias = Literal["new", "changed", "gone"]


@dataclass(frozen=True)
class Offer:
    """Cells of other labels that may take the place of cells of the present ones.

    Attributes
    ----------
    kind
        "new" = there is no such cell, "gone" = the other labels have none there, "changed" = both have.
    current
        Labels of the present cells that would go.
    proposed
        Labels of the other cells that would come.
    corrected
        A person has worked on the present cells, or has taken away or marked what would come; such an offer is not
        taken unless the person says so.
    """

    kind: OfferKind
    current: tuple[int, ...]
    proposed: tuple[int, ...]
    corrected: bool


def compare(current: Pixels, proposed: Pixels, start: Pixels | None = None) -> tuple[Offer, ...]:
    """Return where two sets of labels of one image differ, cell by cell.

    Takes about half a second for an image of 2048x2048: call it outside the window's thread.

    Parameters
    ----------
    current
        The labels as they are.
    proposed
        The other ones.
    start
        What the present labels began from, to tell corrected cells from predicted ones; None = all are corrected.

    Raises
    ------
    ProjectError
        They are of different sizes.
    """
    if current.shape != proposed.shape:
        raise ProjectError(f"the proposal is {proposed.shape}, the image {current.shape}; segment this image")
    touched = corrected_cells(current, start)
    refused = _refused(current, proposed, start)
    same = _same_cells(current, proposed)
    found = []
    for now, other in _groups(current.labels, proposed.labels):
        if len(now) == len(other) == 1 and (now[0], other[0]) in same:
            continue
        kind: OfferKind = "new" if not now else "gone" if not other else "changed"
        corrected = not touched.isdisjoint(now) or not refused.isdisjoint(other)
        found.append(Offer(kind, now, other, corrected))
    return tuple(found)


def take_over(current: Pixels, proposed: Pixels, offers: Iterable[Offer], tool: str = "take over") -> Change:
    """Return the change that takes offers; the cells of no other offer lose a pixel.

    The first cell that comes keeps the number of the first that goes; further ones get new numbers.
    """
    after = current.copy()
    highest = int(current.labels.max(initial=0))
    numbers: dict[int, int] = {}
    going: list[int] = []
    for offer in offers:
        going += offer.current
        for place, cell in enumerate(offer.proposed):
            kept = offer.current[0] if place == 0 and offer.current else 0
            highest += not kept
            numbers[cell] = kept or highest
    gone = np.isin(current.labels, going)
    after.labels[gone], after.classes[gone] = 0, 0
    coming = np.array(sorted(numbers), proposed.labels.dtype)
    where = np.isin(proposed.labels, coming) & (after.labels == 0)
    renumbered = np.array([numbers[cell] for cell in coming.tolist()], after.labels.dtype)
    after.labels[where] = renumbered[np.searchsorted(coming, proposed.labels[where])]
    after.classes[where] = proposed.classes[where]
    after.ignore[where], after.marks[where] = False, 0
    return Change(tool, diff_planes(current, after))


def corrected_cells(current: Pixels, start: Pixels | None) -> set[int]:
    """Return the cells that are not exactly, pixel by pixel and class by class, cells of the start."""
    cells = _areas(current.labels)
    if start is None:
        return set(cells)
    return set(cells) - {now for now, _ in _same_cells(current, start)}


def _same_cells(one: Pixels, other: Pixels) -> set[tuple[int, int]]:
    """Return the pairs of cells that are the same in pixels and classes."""
    areas, others = _areas(one.labels), _areas(other.labels)
    alike = one.classes == other.classes
    return {
        (a, b)
        for (a, b), shared in _overlaps(one.labels[alike], other.labels[alike]).items()
        if shared == areas[a] == others[b]
    }


def _refused(current: Pixels, proposed: Pixels, start: Pixels | None) -> set[int]:
    """Return the proposed cells where a person took a cell away, or marked or ignored the place."""
    areas = _areas(proposed.labels)
    away = (current.ignore | (current.marks > 0)) & (current.labels == 0)
    if start is not None:
        away |= (start.labels > 0) & (current.labels == 0)
    refused = np.bincount(proposed.labels[away & (proposed.labels > 0)])
    return {int(cell) for cell in np.flatnonzero(refused) if refused[cell] >= _SHARE * areas[int(cell)]}


def _groups(one: NDArray[Any], other: NDArray[Any]) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Return cells of both that belong together by overlap, every cell in one group, in the order of labels."""
    areas, others = _areas(one), _areas(other)
    near = [(a, b) for (a, b), n in _overlaps(one, other).items() if n >= _SHARE * min(areas[a], others[b])]
    left, right = list(areas), list(others)
    rows = {label: place for place, label in enumerate(left)}
    columns = {label: place + len(left) for place, label in enumerate(right)}
    links = np.array([[rows[a], columns[b]] for a, b in near], np.intp).reshape(-1, 2)
    size = len(left) + len(right)
    graph = coo_array((np.ones(len(links)), (links[:, 0], links[:, 1])), shape=(size, size))
    count, which = connected_components(graph, directed=False) if size else (0, np.empty(0, np.intp))
    found: list[tuple[list[int], list[int]]] = [([], []) for _ in range(count)]
    for place, label in enumerate(left):
        found[which[place]][0].append(label)
    for place, label in enumerate(right):
        found[which[place + len(left)]][1].append(label)
    return [(tuple(now), tuple(new)) for now, new in found]


def _areas(labels: NDArray[Any]) -> dict[int, int]:
    values, counts = np.unique(labels[labels > 0], return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


def _overlaps(one: NDArray[Any], other: NDArray[Any]) -> dict[tuple[int, int], int]:
    both = (one > 0) & (other > 0)
    width = int(other.max(initial=0)) + 1
    pairs, counts = np.unique(one[both].astype(np.int64) * width + other[both], return_counts=True)
    return {divmod(pair, width): count for pair, count in zip(pairs.tolist(), counts.tolist(), strict=True)}


def untouched(offers: Sequence[Offer]) -> tuple[Offer, ...]:
    """Return the offers that touch nothing a person has worked on."""
    return tuple(offer for offer in offers if not offer.corrected)
