"""The differential count: how many cells of each class a person has counted, and how sure the shares are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from napari_all.errors import UsageError
from napari_all.evaluation.intervals import clopper_pearson
from napari_all.segmentation.cell_classes import UNCLASSIFIED, CellClasses
from napari_all.types import REVIEWED, ImageStatus

TARGETS = (100, 200, 500)
"""Numbers of cells that laboratories count; 500 where a class is rare."""


@dataclass(frozen=True)
class ClassCount:
    """Cells of one class.

    Attributes
    ----------
    name
        The class.
    cells
        How many.
    share, interval
        Share of the counted cells and its Clopper-Pearson 95 % interval, 0..1; None where the class does not count,
        or nothing was counted.
    """

    name: str
    cells: int
    share: float | None = None
    interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class Differential:
    """Counts of some images together.

    Attributes
    ----------
    classes
        One entry per class, in the order of the settings.
    images
        How many images were counted in.
    target
        Number of cells to count.
    """

    classes: tuple[ClassCount, ...]
    images: int
    target: int

    @property
    def counted(self) -> int:
        """Cells of the classes that count; what every share is of."""
        return sum(count.cells for count in self.classes if count.share is not None)

    @property
    def unclassified(self) -> int:
        """Cells that nobody has given a class."""
        return next(count.cells for count in self.classes if count.name == UNCLASSIFIED)

    @property
    def left(self) -> int:
        """Cells still to be counted until the target is reached."""
        return max(0, self.target - self.counted)

    @property
    def progress(self) -> float:
        """How far the target is reached, 0..1."""
        return min(1.0, self.counted / self.target)


def count_classes(
    images: Iterable[Iterable[str | None]], classes: CellClasses | None = None, target: int = TARGETS[1]
) -> Differential:
    """Count the cells of one image or of many.

    Parameters
    ----------
    images
        For each image the class of each of its cells; None = unclassified.
    classes
        The classes there are, and which of them count; by default those of `CellClasses`.
    target
        Number of cells to count, 1 or more.

    Raises
    ------
    UsageError
        When a cell has a class that is not one of `classes`, or the target is below 1.
    """
    known = classes or CellClasses()
    if target < 1:
        raise UsageError(f"target = {target} cells cannot be counted; use one of {', '.join(map(str, TARGETS))}")
    found = dict.fromkeys(known.names, 0)
    number = 0
    for cells in images:
        number += 1
        for name in cells:
            wanted = UNCLASSIFIED if name is None else name
            if wanted not in found:
                raise UsageError(
                    f"cells are classified {wanted!r}, which is none of {', '.join(known.names)}; "
                    f"add the class, or give these cells another"
                )
            found[wanted] += 1
    counted = sum(found[name] for name in known.counted)
    return Differential(
        classes=tuple(_count(name, cells, counted if name in known.counted else 0) for name, cells in found.items()),
        images=number,
        target=target,
    )


def unreviewed(statuses: Mapping[str, ImageStatus]) -> list[str]:
    """Return the images that nobody has reviewed yet, in order; `statuses` by the image's name."""
    return sorted(image for image, status in statuses.items() if status not in REVIEWED)


def check_reviewed(statuses: Mapping[str, ImageStatus]) -> None:
    """Raise `UsageError` unless every image was reviewed: what a model proposed alone is no count."""
    waiting = unreviewed(statuses)
    if waiting:
        shown = ", ".join(waiting[:5]) + (" …" if len(waiting) > 5 else "")
        raise UsageError(
            f"{len(waiting)} of {len(statuses)} images are not reviewed ({shown}); correct, accept or exclude them "
            f"before a report is made"
        )


def _count(name: str, cells: int, counted: int) -> ClassCount:
    if not counted:
        return ClassCount(name, cells)
    return ClassCount(name, cells, cells / counted, clopper_pearson(cells, counted))
