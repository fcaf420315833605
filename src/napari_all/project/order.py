"""In which order images are reviewed, which one comes next, and how much is left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

from napari_all.classes import SUBTYPES
from napari_all.errors import unknown_name
from napari_all.project.index import ImageEntry
from napari_all.types import REVIEWED, ImageStatus

Order: TypeAlias = Literal["file", "uncertainty", "cells", "subtype", "quality"]
ORDERS: Mapping[Order, str] = {
    "file": "as the files are named",
    "uncertainty": "least certain first",
    "cells": "most cells first",
    "subtype": "by predicted subtype, the least certain first",
    "quality": "images with something wrong first",
}
"""The orders, in words."""


@dataclass(frozen=True)
class Progress:
    """How far the work on a project is.

    Attributes
    ----------
    total, done
        Images, and those that are corrected, accepted or excluded.
    by_status
        How many images have each status.
    flagged
        How many images are flagged.
    """

    total: int
    done: int
    by_status: Mapping[ImageStatus, int]
    flagged: int

    @property
    def left(self) -> int:
        """Images that are not done."""
        return self.total - self.done


def review_order(entries: Sequence[ImageEntry], order: Order) -> tuple[str, ...]:
    """Return the names of the images as they are to be reviewed; what is not known of an image puts it last."""
    if order not in get_args(Order):
        raise unknown_name("order", order, get_args(Order))
    return tuple(entry.image for entry in sorted(entries, key=_KEYS[order]))  # stable: files' order decides ties


def progress(entries: Sequence[ImageEntry]) -> Progress:
    """Count what is done and what is left."""
    statuses = Counter(entry.status for entry in entries)
    done = sum(count for status, count in statuses.items() if status in REVIEWED)
    return Progress(len(entries), done, dict(statuses), sum(entry.flag for entry in entries))


def next_image(names: Sequence[str], current: str | None, step: int = 1) -> str | None:
    """Return the image `step` places after the current one (before it with a negative step), or None past the ends."""
    place = names.index(current) + step if current in names else 0
    return names[place] if 0 <= place < len(names) else None


def next_left(names: Sequence[str], entries: Sequence[ImageEntry], current: str | None) -> str | None:
    """Return the next image that is not done, from the beginning again past the end; None when all are."""
    start = names.index(current) + 1 if current in names else 0
    left = {entry.image for entry in entries if entry.status not in REVIEWED}
    return next((name for name in (*names[start:], *names[:start]) if name in left and name != current), None)


def coming(names: Sequence[str], entries: Sequence[ImageEntry], current: str | None) -> list[str]:
    """Return the images that are likely to be wanted after the current one, the likeliest first."""
    left = next_left(names, entries, current)
    likely = (left, next_image(names, current), left and next_left(names, entries, left))
    return list(dict.fromkeys(name for name in likely if name is not None and name != current))


def _subtype(entry: ImageEntry) -> tuple[int, float]:
    known = entry.predicted in SUBTYPES.names
    place = SUBTYPES.names.index(entry.predicted) if known and entry.predicted else len(SUBTYPES)
    return place, 1.0 if entry.confidence is None else entry.confidence


_KEYS: Mapping[Order, Callable[[ImageEntry], Any]] = {
    "file": lambda entry: 0,
    "uncertainty": lambda entry: -1.0 if entry.uncertainty is None else -2.0 - entry.uncertainty,
    "cells": lambda entry: 1 if entry.cells is None else -entry.cells,
    "subtype": _subtype,
    "quality": lambda entry: -len([flag for flag in (entry.quality or "").split(";") if flag.strip()]),
}
