"""Changes of values, made from what a person wants and what is there."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from napari_all.errors import unknown_name
from napari_all.project.change import Change, ValueChange
from napari_all.project.planes import Values
from napari_all.types import IMAGE_STATUSES, ImageStatus


def new_status(values: Values, status: ImageStatus) -> Change:
    """Return the change to another status; an empty one where it is that already."""
    if status not in IMAGE_STATUSES:
        raise unknown_name("status", status, IMAGE_STATUSES)
    changes = (ValueChange("status", values.status, status),)
    return Change("status", values=changes if values.status != status else ())


def new_flag(values: Values, flag: bool) -> Change:
    """Return the change that sets the flag or takes it back; an empty one where it is so already."""
    return Change("flag", values=(ValueChange("flag", values.flag, flag),) if values.flag != flag else ())


def check_classes(classes: Iterable[str | None], known: Collection[str]) -> None:
    """Raise `UsageError` for a class that is not among the `known`; None stands for no class."""
    for name in classes:
        if name is not None and name not in known:
            raise unknown_name("cell class", name, known)


def new_classes(values: Values, classes: Mapping[int, str | None]) -> Change:
    """Return the change that gives cells a class, or None."""
    there = values.cell_classes
    changes = [ValueChange("cell_class", there.get(k), name, k) for k, name in classes.items() if there.get(k) != name]
    return Change("class", values=tuple(changes), cell=next(iter(classes)) if len(classes) == 1 else None)


def put_in_work(values: Values, change: Change) -> Change:
    """Return a change of pixels with what it means for the status, unless it says so itself."""
    says = any(value.field == "status" for value in change.values)
    if not change.pixels or says or values.status == "in work":
        return change
    return replace(change, values=(*change.values, ValueChange("status", values.status, "in work")))
