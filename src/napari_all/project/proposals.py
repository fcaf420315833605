"""Take cells over from other labels of the same image (a new prediction, an alternative), one by one.

What another prediction or another person says is never laid over the labels: it is compared with them cell by cell, and
only what is asked for is taken.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from napari_all.errors import ProjectError
from napari_all.io.masks import LABELS_ENDING
from napari_all.project.change import Change, change_of_edit
from napari_all.project.layout import Layout, stem
from napari_all.project.planes import Pixels
from napari_all.segmentation import editing
from napari_all.segmentation.editing import Edit
from napari_all.types import BoolMask, LabelImage

_SHARE = 0.5
"""Cells belong together when they share this much of the smaller one."""
_FEW = 8
"""So many cells are quicker looked for one by one."""
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
    """Return the change that takes offers; see `taken`."""
    planes = current.copy().editable("cell")
    full = editing.completed(planes, taken(current, proposed, offers))
    return change_of_edit(tool, full, editing.change(planes, full), current.shape)


def taken(current: Pixels, proposed: Pixels, offers: Iterable[Offer]) -> Edit:
    """Return the edit that takes offers; the cells of no other offer lose a pixel.

    The first cell that comes keeps the number of the first that goes; further ones get new numbers. Takes some
    milliseconds for a cell of an image of 2048x2048, a tenth of a second for hundreds of them.
    """
    highest = int(current.labels.max(initial=0))
    numbers: dict[int, int] = {}
    going: list[int] = []
    for offer in offers:
        going += offer.current
        for place, cell in enumerate(offer.proposed):
            kept = offer.current[0] if place == 0 and offer.current else 0
            highest += not kept
            numbers[cell] = kept or highest
    gone, come = _where(current.labels, going), _where(proposed.labels, numbers)
    window = _window(gone | come)
    gone, come = gone[window], come[window] & (gone[window] | (current.labels[window] == 0))
    coming = np.array(sorted(numbers), np.int32)
    renumbered = np.array([numbers[cell] for cell in coming.tolist()], np.int32)
    labels = np.zeros(gone.shape, np.int32)
    labels[come] = renumbered[np.searchsorted(coming, proposed.labels[window][come])]
    y, x = np.nonzero(gone | come)
    classes = np.where(come, proposed.classes[window], 0).astype(np.uint8)
    return Edit((y + window[0].start, x + window[1].start), labels[y, x], classes[y, x])


def corrected_cells(current: Pixels, start: Pixels | None) -> set[int]:
    """Return the cells that are not exactly, pixel by pixel and class by class, cells of the start."""
    cells = _areas(current.labels)
    if start is None:
        return set(cells)
    return set(cells) - {now for now, _ in _same_cells(current, start)}


def _where(labels: NDArray[Any], cells: Collection[int]) -> BoolMask:
    """Return where any of the cells lies."""
    if len(cells) <= _FEW:
        found = np.zeros(labels.shape, np.bool_)
        for cell in cells:
            found |= labels == cell
        return found
    wanted = np.zeros(int(labels.max(initial=0)) + 1, np.bool_)
    wanted[[cell for cell in cells if cell < len(wanted)]] = True
    return np.asarray(wanted[labels], np.bool_)


def _window(mask: BoolMask) -> tuple[slice, slice]:
    """Return the smallest window that holds a mask; an empty one where there is nothing."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return slice(0, 0), slice(0, 0)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


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


def proposed_images(layout: Layout, images: Iterable[str]) -> set[str]:
    """Return the images that something is proposed for; looks into the folder once."""
    root = layout.folder / "proposals"
    there = {path.relative_to(root).as_posix() for path in root.rglob(f"*{LABELS_ENDING}")}
    return {image for image in images if f"{stem(image)}{LABELS_ENDING}" in there}


def offer_map(current: Pixels, proposed: Pixels, offers: Sequence[Offer]) -> LabelImage:
    """Return (Y, X) int32: 0, or the place from 1 on of the offer whose cells, proposed or to go, lie there."""
    found = np.zeros(current.shape, np.int32)
    for plane, cells_of in ((current.labels, _going), (proposed.labels, _coming)):
        table = np.zeros(int(plane.max(initial=0)) + 1, np.int32)
        for place, offer in enumerate(offers, start=1):
            table[list(cells_of(offer))] = place
        found = np.where(drawn := table[plane], drawn, found)
    return found


def untouched(offers: Sequence[Offer]) -> tuple[Offer, ...]:
    """Return the offers that touch nothing a person has worked on."""
    return tuple(offer for offer in offers if not offer.corrected)


def _coming(offer: Offer) -> tuple[int, ...]:
    return offer.proposed


def _going(offer: Offer) -> tuple[int, ...]:
    return offer.current if offer.kind == "gone" else ()
