"""One action on one image, exact in both directions: the pixels and values that it changes, before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from napari_all.errors import ProjectError
from napari_all.project.planes import DTYPES, Pixels, PlaneName, Values
from napari_all.segmentation.editing import Edit
from napari_all.segmentation.editing.windows import Window, rows_and_columns
from napari_all.types import IMAGE_STATUSES, ImageStatus

Value: TypeAlias = str | bool | None


@dataclass(frozen=True, eq=False)
class PlaneDiff:
    """Pixels of one plane that change.

    Attributes
    ----------
    plane
        Which one.
    indices
        int64, ascending positions in the (Y, X) plane read row by row: y * width + x.
    before, after
        Their values, in the plane's type.
    """

    plane: PlaneName
    indices: NDArray[np.int64]
    before: NDArray[Any]
    after: NDArray[Any]

    @classmethod
    def of(cls, plane: PlaneName, indices: NDArray[np.integer], before: NDArray[Any], after: NDArray[Any]) -> PlaneDiff:
        """Make a diff of pixels in the order in which they were set, some perhaps several times (a brush stroke)."""
        if (indices[1:] > indices[:-1]).all():  # each once and in order: nothing to sort
            old, new = np.asarray(before, DTYPES[plane]), np.asarray(after, DTYPES[plane])
            if (changed := old != new).all():
                return cls(plane, indices.astype(np.int64, copy=False), old, new)
            return cls(plane, indices[changed].astype(np.int64), old[changed], new[changed])
        order = np.argsort(indices, kind="stable")
        places, first = np.unique(indices[order], return_index=True)
        last = np.append(first[1:], len(order))[: len(first)] - 1
        old = np.asarray(before, DTYPES[plane])[order][first]
        new = np.asarray(after, DTYPES[plane])[order][last]
        changed = old != new
        return cls(plane, places[changed].astype(np.int64), old[changed], new[changed])

    def reversed(self) -> PlaneDiff:
        """Return the diff that takes this one back."""
        return replace(self, before=self.after, after=self.before)

    def __len__(self) -> int:
        return len(self.indices)


@dataclass(frozen=True)
class ValueChange:
    """A value that changes: the image's status or flag, or the class of one of its cells."""

    field: Literal["status", "flag", "cell_class"]
    before: Value
    after: Value
    cell: int | None = None


@dataclass(frozen=True, eq=False)
class Change:
    """One action of one person on one image; one step of undo.

    Attributes
    ----------
    tool
        What was used ("merge", "paint", "accept").
    planes, values
        What changes; at most one diff per plane.
    cell
        Label of the cell it was used on, where it was one.
    who, when
        Name of the person, and UTC in ISO 8601; set when the change is recorded.
    undoes, redoes
        Number of the log line that this change takes back or does again.
    """

    tool: str
    planes: tuple[PlaneDiff, ...] = ()
    values: tuple[ValueChange, ...] = ()
    cell: int | None = None
    who: str = ""
    when: str = ""
    undoes: int | None = None
    redoes: int | None = None

    def __bool__(self) -> bool:
        return any(len(diff) for diff in self.planes) or bool(self.values)

    @property
    def pixels(self) -> int:
        """How many pixels it changes, over all planes."""
        return sum(len(diff) for diff in self.planes)

    @property
    def nbytes(self) -> int:
        """Memory that its arrays take."""
        return sum(diff.indices.nbytes + diff.before.nbytes + diff.after.nbytes for diff in self.planes)

    def reversed(self) -> Change:
        """Return the change that takes this one back."""
        back = tuple(replace(v, before=v.after, after=v.before) for v in reversed(self.values))
        return replace(self, planes=tuple(diff.reversed() for diff in self.planes), values=back)


def diff_planes(before: Pixels, after: Pixels) -> tuple[PlaneDiff, ...]:
    """Return what leads from one state of an image to another, without planes that stay as they are."""
    found = []
    for name in DTYPES:
        old, new = before.plane(name).reshape(-1), after.plane(name).reshape(-1)
        places = np.flatnonzero(old != new)
        if len(places):
            found.append(PlaneDiff(name, places, old[places], new[places]))
    return tuple(found)


def change_of_edit(tool: str, edit: Edit, inverse: Edit, shape: tuple[int, int], cell: int | None = None) -> Change:
    """Return an edit and its inverse, as `napari_all.segmentation.editing.change` gives it, as one change.

    Parameters
    ----------
    shape
        (Y, X) of the image.
    """
    flat = edit.places(shape[1])
    diffs = [PlaneDiff.of("labels", flat, inverse.values, edit.values)]
    following: tuple[PlaneName, ...] = ("classes", "ignore", "marks")
    for plane in following:
        before, after = getattr(inverse, plane), getattr(edit, plane)
        if before is not None and after is not None:
            diffs.append(PlaneDiff.of(plane, flat, before, after))
    return Change(tool, tuple(diff for diff in diffs if len(diff)), cell=cell)


def apply_pixels(change: Change, planes: Pixels) -> None:
    """Change the pixels of `planes` in place, all of them or none.

    Raises
    ------
    ProjectError
        The planes are not in the state in which the change was made.
    """
    for diff in change.planes:
        plane = planes.plane(diff.plane).reshape(-1)
        if len(diff) and not 0 <= diff.indices[0] <= diff.indices[-1] < plane.size:
            raise ProjectError(f"change {change.tool!r} reaches beyond the image of {planes.shape} pixels")
        if not np.array_equal(plane[diff.indices], diff.before):
            raise ProjectError(
                f"change {change.tool!r} does not fit the {diff.plane} as they are; open the image again and repeat it"
            )
    for diff in change.planes:
        planes.plane(diff.plane).reshape(-1)[diff.indices] = diff.after


def extent(change: Change, planes: Pixels) -> tuple[Window, set[int]]:
    """Return the window of a change of pixels that was applied to `planes`, and the cells that it concerns."""
    diffs = [diff for diff in change.planes if len(diff)]
    numbers = [planes.labels.reshape(-1)[diff.indices] for diff in diffs]
    numbers += [diff.before for diff in diffs if diff.plane == "labels"]
    places = [rows_and_columns(diff.indices, planes.shape) for diff in diffs]
    y, x = ([side for pair in places for side in (pair[axis].min(), pair[axis].max())] for axis in (0, 1))
    # a cell's pixels come in long runs: only those are sorted
    runs = [each[np.flatnonzero(np.diff(each, prepend=each[:1] - 1))] for each in numbers]
    window = slice(int(min(y)), int(max(y)) + 1), slice(int(min(x)), int(max(x)) + 1)
    return window, set(np.unique(np.concatenate(runs)).tolist()) - {0}


def apply_values(changes: Sequence[ValueChange], values: Values) -> Values:
    """Return values with `changes` applied; `ProjectError` where they are not in the state these were made in."""
    for change in changes:
        found: Value
        if change.field == "cell_class":
            if change.cell is None:
                raise ProjectError("a change of a cell's class needs the cell's label")
            found = values.cell_classes.get(change.cell)
        else:
            found = getattr(values, change.field)
        if found != change.before:
            raise ProjectError(f"{change.field} is {found!r}, not {change.before!r} as the change has it; repeat it")
        if change.field == "status":
            values = replace(values, status=_status(change.after))
        elif change.field == "flag":
            values = replace(values, flag=bool(change.after))
        else:
            values = values.with_class(cast(int, change.cell), cast("str | None", change.after))
    return values


def _status(value: Value) -> ImageStatus:
    if value not in IMAGE_STATUSES:
        raise ProjectError(f"unknown status {value!r}; choose one of {', '.join(map(repr, IMAGE_STATUSES))}")
    return value
