"""The classes of a project's cells: which there are, how many cells have each, and how they follow an edit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from napari_all.errors import UsageError
from napari_all.evaluation.differential_report import CountedImages
from napari_all.io.cell_class_table import read_cell_classes
from napari_all.project.change import Change, PlaneDiff, ValueChange
from napari_all.project.folder import ProjectFolder
from napari_all.project.layout import Layout
from napari_all.project.manifest import Manifest
from napari_all.project.planes import Values
from napari_all.segmentation.cell_classes import UNCLASSIFIED, CellClass, CellClasses
from napari_all.segmentation.editing import CellIndex

_LOOKS = "cell_classes"
"""Key of the project's settings under which colours, and what counts, are kept."""


def classes_of(manifest: Manifest) -> CellClasses:
    """Return the classes that a project offers; those without settings of their own look as the program has them."""
    known = {one.name: one for one in CellClasses().classes}
    kept = {told["name"]: CellClass.parse(told) for told in manifest.settings.get(_LOOKS, ())}
    names = [name for name in manifest.cell_classes if name != UNCLASSIFIED]
    chosen = [kept.get(name) or known.get(name) or CellClass(name=name) for name in names]
    return CellClasses(classes=(*chosen, known[UNCLASSIFIED]))


def keep_classes(project: ProjectFolder, classes: CellClasses) -> None:
    """Keep other classes in the project; asks of all images' files, so call it outside of the window's handlers.

    Raises
    ------
    UsageError
        A class that is left out is still given to cells.
    SaveError
        The disk refuses.
    """
    counted = counted_images(project, 1)
    used = {name for cells in counted.classes_by_image.values() for name in cells if name is not None}
    if left_out := sorted(used - {*classes.names}):
        raise UsageError(f"cells are still classified {left_out[0]!r}; give them another class before it goes")
    looks = [one.model_dump(mode="json") for one in classes.classes]
    project.keep(cell_classes=classes.names, settings={**project.manifest.settings, _LOOKS: looks})


def counted_images(project: ProjectFolder, target: int) -> CountedImages:
    """Return the class of every cell of every image, and the images' statuses, as the count is made of.

    Images of which something is not saved yet are looked at in memory, of all others only the tables are read.
    """
    unsaved = set(project.unsaved)
    found = {
        entry.image: _in_memory(project, entry.image) if entry.image in unsaved else _filled(
            saved_classes(project.layout, entry.image), entry.cells or 0
        )
        for entry in project.entries
    }  # fmt: skip
    statuses = {entry.image: entry.status for entry in project.entries}
    return CountedImages(found, statuses, classes_of(project.manifest), target, project.who)


def saved_classes(layout: Layout, image: str) -> dict[int, str]:
    """Return the classes of the cells of an image as they are on the disk; none where the table is damaged."""
    try:
        return read_cell_classes(layout.labels(image))
    except (OSError, ValueError, KeyError):  # opening the image mends it from the log
        return {}


def following(values: Values, change: Change, labels: NDArray[np.int32], cells: CellIndex) -> Change:
    """Return a change of pixels with what it means for the classes that a person gave to cells.

    A class goes with its cell: to another number where cells are numbered anew, to the cell that it is merged into
    where that has no pixels of its own left, away with a cell that is deleted. A piece that is cut off has none.

    Parameters
    ----------
    values
        As they are before the change.
    labels, cells
        (Y, X) labels as they are after it, and where the cells lie.
    """
    diff = next((plane for plane in change.planes if plane.plane == "labels"), None)
    if diff is None or not values.cell_classes:
        return change
    pairs = _pairs(diff)
    classed = sorted({before for before, _ in pairs} & set(values.cell_classes))
    heirs = {label: _heir(label, pairs, labels, cells) for label in classed}
    wanted: dict[int, str | None] = dict.fromkeys(classed)
    for label in sorted(classed, key=lambda label: max(n for (before, _), n in pairs.items() if before == label)):
        heir = heirs[label]
        if heir is not None and (heir == label or _heir(heir, pairs, labels, cells) != heir):
            wanted[heir] = values.cell_classes[label]
    there = values.cell_classes
    new = [ValueChange("cell_class", there.get(k), name, k) for k, name in wanted.items() if there.get(k) != name]
    return replace(change, values=(*change.values, *new)) if new else change


def _pairs(diff: PlaneDiff) -> Mapping[tuple[int, int], int]:
    """Return how many pixels go from one label to another, by (before, after)."""
    width = int(max(diff.before.max(initial=0), diff.after.max(initial=0))) + 1
    keys = diff.before.astype(np.int64) * width + diff.after
    starts = np.flatnonzero(np.diff(keys, prepend=-1))  # a cell's pixels come in long runs: only those are sorted
    lengths = np.diff(starts, append=len(keys))
    found, which = np.unique(keys[starts], return_inverse=True)
    counts = np.bincount(which, weights=lengths).astype(int)
    return {divmod(key, width): count for key, count in zip(found.tolist(), counts.tolist(), strict=True)}


def _heir(label: int, pairs: Mapping[tuple[int, int], int], labels: NDArray[np.int32], cells: CellIndex) -> int | None:
    """Return the label that most of a cell's pixels have after a change, where that is a cell; its own wins a tie."""
    there = int(np.count_nonzero(labels[cells.window(label)] == label)) if label in cells else 0
    kept = there - sum(count for (_, after), count in pairs.items() if after == label)
    went = [(count, after) for (before, after), count in pairs.items() if before == label and after]
    count, after = max(went, default=(0, 0))
    if kept >= count:
        return label if kept else None
    return after


def _in_memory(project: ProjectFolder, image: str) -> list[str | None]:
    pixels, values, _, _ = project.desk.state(image)
    present = np.flatnonzero(np.bincount(pixels.labels.ravel())[1:]) + 1
    return [values.cell_classes.get(label) for label in present.tolist()]


def _filled(classes: Mapping[int, str], cells: int) -> list[str | None]:
    return [*classes.values(), *[None] * (cells - len(classes))]
