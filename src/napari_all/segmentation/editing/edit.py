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

_FOLLOWING = ("classes", "ignore", "marks")
"""The planes beside the labels, as `Edit` and `Planes` name them."""


@dataclass(frozen=True)
class Edit:
    """Pixels to change, each listed once; what is None is not said, see `completed`.

    Attributes
    ----------
    indices
        (y, x) index arrays of the changed pixels, as `Labels.data_setitem` of napari takes them.
    values
        int32, new label of each pixel.
    classes
        uint8, new class of each pixel: background, cytoplasm, nucleus.
    ignore
        bool, whether each pixel is left out of training and scores from now on.
    marks
        uint8, new `Mark` of each pixel.
    """

    indices: tuple[NDArray[np.intp], NDArray[np.intp]]
    values: NDArray[np.int32]
    classes: NDArray[np.uint8] | None = None
    ignore: NDArray[np.bool_] | None = None
    marks: NDArray[np.uint8] | None = None

    def __len__(self) -> int:
        return len(self.values)

    def places(self, width: int) -> NDArray[np.intp]:
        """Return the changed pixels as positions y * width + x: read and set twice as fast as pairs."""
        return self.indices[0] * width + self.indices[1]

    @property
    def spoken(self) -> tuple[str, ...]:
        """The planes beside the labels that it says something of."""
        return tuple(name for name in _FOLLOWING if getattr(self, name) is not None)

    @property
    def window(self) -> Window:
        """Bounding box of the changed pixels; empty where none changes."""
        if not len(self):
            return slice(0, 0), slice(0, 0)
        y, x = self.indices
        return slice(int(y.min()), int(y.max()) + 1), slice(int(x.min()), int(x.max()) + 1)


@dataclass(frozen=True)
class Planes:
    """The arrays that an edit changes, all of one image; a plane that is not kept is None.

    Attributes
    ----------
    labels
        (Y, X) int32 cells.
    classes
        (Y, X) uint8 classes map.
    parts
        What the classes map parts.
    ignore
        (Y, X) bool, left out of training and scores.
    marks
        (Y, X) uint8 of `Mark`.
    """

    labels: LabelImage
    classes: ClassesMap | None = None
    parts: Parts = "cell"
    ignore: BoolMask | None = None
    marks: NDArray[np.uint8] | None = None

    def __post_init__(self) -> None:
        for name in _FOLLOWING:
            plane = getattr(self, name)
            if plane is not None and plane.shape != self.labels.shape:
                raise MaskError(f"{name} is {plane.shape}, labels are {self.labels.shape}; give planes of one image")


def apply_edit(labels: NDArray[Any], edit: Edit) -> LabelImage:
    """Return a copy of `labels` (int32) with `edit` applied."""
    changed = labels.astype(np.int32, copy=True)
    changed[edit.indices] = edit.values
    return changed


def completed(planes: Planes, edit: Edit) -> Edit:
    """Return the edit with what follows from its labels on the other planes, and without what stays the same.

    What leaves a cell loses its class; what joins one counts as cytoplasm where parts are told apart, else as whole
    cell. A pixel of a cell is neither ignored nor marked. A plane of which no pixel changes is not spoken of.
    """
    inside = edit.values > 0
    flat = edit.places(planes.labels.shape[1])
    labels = planes.labels.take(flat)
    changing = np.asarray(labels != edit.values)
    if not edit.spoken and inside.all() and labels.all():  # numbers alone change: nothing follows
        return edit if changing.all() else _picked(edit, changing)
    said: dict[str, NDArray[Any]] = {}
    for name in _FOLLOWING:
        plane, wanted = getattr(planes, name), getattr(edit, name)
        if plane is None:
            if wanted is not None:
                said[name] = wanted
            continue
        before = plane.take(flat)
        new = _following(name, before if wanted is None else wanted, inside, planes.parts)
        if (differs := new != before).any():
            changing |= differs
            said[name] = new
    full = Edit(edit.indices, edit.values, **said)
    return full if changing.all() else _picked(full, changing)


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
        When the edit has values for a plane that is not there; nothing was changed.
    """
    spoken = edit.spoken
    for name in spoken:
        if getattr(planes, name) is None:
            raise MaskError(f"the edit changes the plane {name!r}, which is not kept here; give it to Planes")
    flat = edit.places(planes.labels.shape[1])
    labels = planes.labels.take(flat)
    before = {name: getattr(planes, name).take(flat) for name in spoken}
    _put(planes.labels, flat, edit.values)
    for name in spoken:
        _put(getattr(planes, name), flat, getattr(edit, name))
    if cells is not None:
        cells.update(planes.labels, edit.indices, labels, edit.values)
    return Edit(edit.indices, labels, **before)


def touched(edit: Edit, inverse: Edit) -> set[int]:
    """Return the numbers of the cells that an edit changes, makes or ends; `inverse` as `change` returns it."""
    found: set[int] = set()
    for numbers in (inverse.values, edit.values):
        last_of_run = np.append(numbers[1:] != numbers[:-1], True)[: len(numbers)]
        found.update(np.unique(numbers[last_of_run]).tolist())
    return found - {0}


def joined(edits: Sequence[Edit]) -> Edit:
    """Return several edits of labels alone as one; no two may change the same pixel."""
    if not edits:
        nothing = np.empty(0, np.intp)
        return Edit((nothing, nothing.copy()), np.empty(0, np.int32))
    y, x = (np.concatenate([edit.indices[axis] for edit in edits]) for axis in (0, 1))
    return Edit((y, x), np.concatenate([edit.values for edit in edits]))


def first_of_each(edit: Edit, shape: tuple[int, ...]) -> Edit:
    """Return an edit of labels alone with each pixel once; of several values the first holds."""
    y, x = edit.indices
    _, first = np.unique(y * shape[1] + x, return_index=True)
    return Edit((y[first], x[first]), edit.values[first])


def edit_of(labels: NDArray[Any], where: BoolMask, values: NDArray[np.int32] | np.int32, window: Window) -> Edit:
    """Return the edit of the pixels of `where`, a mask of `window`, whose label really changes."""
    old = labels[window]
    new = np.broadcast_to(values, old.shape)
    y, x = np.nonzero(where & (new != old))
    found = np.ascontiguousarray(new[y, x], np.int32)
    return Edit((y + window[0].start, x + window[1].start), found)


def class_edit(labels: NDArray[Any], old: ClassesMap, new: ClassesMap, window: Window) -> Edit:
    """Return the edit that changes classes alone, from `old` to `new`, both (Y, X) of `window`."""
    y, x = np.nonzero(new != old)
    values = np.ascontiguousarray(labels[window][y, x], np.int32)
    return Edit((y + window[0].start, x + window[1].start), values, new[y, x])


def _following(name: str, wanted: NDArray[Any], inside: BoolMask, parts: Parts) -> NDArray[Any]:
    """Return the values of a plane that agree with which pixels lie inside a cell."""
    if name != "classes":
        return np.where(inside, 0, wanted).astype(wanted.dtype)
    added = CYTOPLASM if parts == "nucleus+cytoplasm" else NUCLEUS
    return np.where(inside, np.where(wanted > 0, wanted, added), 0).astype(np.uint8)


def _put(plane: NDArray[Any], places: NDArray[np.intp], values: NDArray[Any]) -> None:
    if plane.flags.c_contiguous:  # three times as fast
        plane.reshape(-1)[places] = values
    else:
        np.put(plane, places, values)


def _picked(edit: Edit, which: BoolMask) -> Edit:
    said = {name: None if (new := getattr(edit, name)) is None else new[which] for name in _FOLLOWING}
    return replace(edit, indices=(edit.indices[0][which], edit.indices[1][which]), values=edit.values[which], **said)
