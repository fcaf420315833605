"""What an edit is: the pixels that change, and their new values on every plane that follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_all.classes import CYTOPLASM, NUCLEUS
from napari_all.errors import MaskError
from napari_all.segmentation.editing.index import CellIndex
from napari_all.segmentation.editing.windows import Window
from napari_all.types import BoolMask, ClassesMap, LabelImage, Parts


@dataclass(frozen=True)
class Edit:
    """Pixels to change, each listed once.

    Attributes
    ----------
    indices
        (y, x) index arrays of the changed pixels, as `Labels.data_setitem` of napari takes them.
    values
        int32, new label of each pixel.
    classes
        uint8, new class of each pixel (background, cytoplasm, nucleus); None = not said, see `completed`.
    marks
        uint8, new `Mark` of each pixel; None = not said.
    """

    indices: tuple[NDArray[np.intp], NDArray[np.intp]]
    values: NDArray[np.int32]
    classes: NDArray[np.uint8] | None = None
    marks: NDArray[np.uint8] | None = None

    def __len__(self) -> int:
        return len(self.values)

    @property
    def window(self) -> Window:
        """Bounding box of the changed pixels; empty where none changes."""
        if not len(self):
            return slice(0, 0), slice(0, 0)
        y, x = self.indices
        return slice(int(y.min()), int(y.max()) + 1), slice(int(x.min()), int(x.max()) + 1)


@dataclass(frozen=True)
class Planes:
    """The arrays that an edit changes, all of one image.

    Attributes
    ----------
    labels
        (Y, X) int32 cells.
    classes
        (Y, X) uint8 classes map, or None where nothing is known of the parts.
    parts
        What the classes map parts.
    marks
        (Y, X) uint8 of `Mark`, or None where nothing is ever marked.
    """

    labels: LabelImage
    classes: ClassesMap | None = None
    parts: Parts = "cell"
    marks: NDArray[np.uint8] | None = None

    def __post_init__(self) -> None:
        for name in ("classes", "marks"):
            plane = getattr(self, name)
            if plane is not None and plane.shape != self.labels.shape:
                raise MaskError(f"{name} are {plane.shape}, labels are {self.labels.shape}; give planes of one image")


def apply_edit(labels: NDArray[Any], edit: Edit) -> LabelImage:
    """Return a copy of `labels` (int32) with `edit` applied."""
    changed = labels.astype(np.int32, copy=True)
    changed[edit.indices] = edit.values
    return changed


def completed(planes: Planes, edit: Edit) -> Edit:
    """Return the edit with the classes and marks that follow from its labels, and without pixels that stay the same.

    What leaves a cell loses its class, and what joins one counts as cytoplasm where parts are told apart, else as
    whole cell. A pixel of a cell carries no mark.
    """
    classes, marks = edit.classes, edit.marks
    inside = edit.values > 0
    if planes.classes is not None:
        before = planes.classes[edit.indices]
        wanted = before if classes is None else classes
        added = np.uint8(CYTOPLASM if planes.parts == "nucleus+cytoplasm" else NUCLEUS)
        classes = np.where(inside, np.where(wanted > 0, wanted, added), 0).astype(np.uint8)
    if planes.marks is not None:
        wanted = planes.marks[edit.indices] if marks is None else marks
        marks = np.where(inside, 0, wanted).astype(np.uint8)
    full = replace(edit, classes=classes, marks=marks)
    return _picked(full, _changing(planes, full))


def change(planes: Planes, edit: Edit, cells: CellIndex | None = None) -> Edit:
    """Apply a completed edit to the planes in place and return its inverse.

    Parameters
    ----------
    planes
        What to change; planes that the edit says nothing of stay.
    cells
        Kept true to the labels, where given.

    Raises
    ------
    MaskError
        When the edit has values for a plane that is not there.
    """
    before = []
    for name, new in (("labels", edit.values), ("classes", edit.classes), ("marks", edit.marks)):
        plane = getattr(planes, name)
        if new is not None and plane is None:
            raise MaskError(f"the edit changes {name}, which these planes do not have; give them, or leave them out")
        before.append(None if new is None else plane[edit.indices])
    planes.labels[edit.indices] = edit.values
    if edit.classes is not None and planes.classes is not None:
        planes.classes[edit.indices] = edit.classes
    if edit.marks is not None and planes.marks is not None:
        planes.marks[edit.indices] = edit.marks
    if cells is not None:
        cells.update(planes.labels, edit.indices, before[0])
    return Edit(edit.indices, *before)


def touched(labels: NDArray[Any], edit: Edit) -> set[int]:
    """Return the numbers of the cells that an edit changes, makes or ends; `labels` as before or after it."""
    numbers = np.unique(np.concatenate([np.asarray(labels[edit.indices]), edit.values]))
    return {int(number) for number in numbers if number > 0}


def joined(edits: Sequence[Edit], shape: tuple[int, ...]) -> Edit:
    """Return several edits of labels as one; where two change a pixel, the first holds."""
    if not edits:
        nothing = np.empty(0, np.intp)
        return Edit((nothing, nothing.copy()), np.empty(0, np.int32))
    y, x = (np.concatenate([edit.indices[axis] for edit in edits]) for axis in (0, 1))
    _, first = np.unique(y * shape[1] + x, return_index=True)
    return Edit((y[first], x[first]), np.concatenate([edit.values for edit in edits])[first])


def edit_of(labels: NDArray[Any], where: BoolMask, values: NDArray[np.int32] | np.int32, window: Window) -> Edit:
    """Return the edit of the pixels of `where`, a mask of `window`, whose label really changes."""
    old = labels[window]
    new = np.broadcast_to(values, old.shape)
    y, x = np.nonzero(where & (new != old))
    found = np.ascontiguousarray(new[y, x], np.int32)
    return Edit((y + (window[0].start or 0), x + (window[1].start or 0)), found)


def _changing(planes: Planes, edit: Edit) -> BoolMask:
    changing = np.asarray(planes.labels[edit.indices] != edit.values)
    if edit.classes is not None and planes.classes is not None:
        changing |= planes.classes[edit.indices] != edit.classes
    if edit.marks is not None and planes.marks is not None:
        changing |= planes.marks[edit.indices] != edit.marks
    return changing


def _picked(edit: Edit, which: BoolMask) -> Edit:
    classes = None if edit.classes is None else edit.classes[which]
    marks = None if edit.marks is None else edit.marks[which]
    return Edit((edit.indices[0][which], edit.indices[1][which]), edit.values[which], classes, marks)
