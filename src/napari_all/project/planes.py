"""What a person corrects in an image: four planes of pixels and a few values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_all.errors import ProjectError
from napari_all.files import sha256_array
from napari_all.segmentation.editing import Planes
from napari_all.types import BoolMask, ClassesMap, ImageStatus, LabelImage, Parts

PlaneName: TypeAlias = Literal["labels", "classes", "ignore", "marks"]
DTYPES: Mapping[PlaneName, np.dtype[Any]] = {
    "labels": np.dtype("<i4"), "classes": np.dtype("u1"), "ignore": np.dtype("?"), "marks": np.dtype("u1"),
}  # fmt: skip
"""Type of each plane, in memory and in the log."""


@dataclass(frozen=True, eq=False)
class Pixels:
    """Pixels of one image; all (Y, X), C-contiguous.

    Attributes
    ----------
    labels
        int32 cells, 0 = background.
    classes
        uint8: 0 background, 1 cytoplasm, 2 nucleus (or the whole cell), 3 = parts of this cell are not known.
    ignore
        bool, what cannot be decided: left out of training and of every score.
    marks
        uint8 of `napari_all.segmentation.editing.Mark`; 0 = nothing is marked.
    """

    labels: LabelImage
    classes: ClassesMap
    ignore: BoolMask
    marks: NDArray[np.uint8]

    def __post_init__(self) -> None:
        for name, dtype in DTYPES.items():
            plane = getattr(self, name)
            if plane.shape != self.labels.shape or plane.ndim != 2 or plane.dtype != dtype:
                raise ProjectError(
                    f"plane {name!r} is {plane.dtype} {plane.shape}; {dtype} of the labels' shape "
                    f"{self.labels.shape} is needed"
                )
            if not plane.flags.c_contiguous:
                raise ProjectError(f"plane {name!r} does not lie in one piece of memory; pass it through Pixels.of")

    @classmethod
    def of(
        cls,
        labels: NDArray[Any],
        classes: NDArray[Any] | None = None,
        ignore: NDArray[Any] | None = None,
        marks: NDArray[Any] | None = None,
    ) -> Pixels:
        """Make planes from arrays of any integer type, copied; what is None is empty (classes: whole cells)."""
        given = {"labels": labels, "classes": (labels > 0) * 2 if classes is None else classes}
        given |= {"ignore": np.zeros(labels.shape) if ignore is None else ignore}
        given |= {"marks": np.zeros(labels.shape) if marks is None else marks}
        return cls(**{name: np.array(plane, DTYPES[name], order="C") for name, plane in given.items()})  # type: ignore[index]

    @classmethod
    def empty(cls, shape: tuple[int, int]) -> Pixels:
        """Make planes without any cell."""
        return cls.of(np.zeros(shape, np.int32))

    def editable(self, parts: Parts) -> Planes:
        """Return the same memory as the edits of `napari_all.segmentation.editing` take it."""
        return Planes(self.labels, self.classes, parts, self.ignore, self.marks)

    @property
    def shape(self) -> tuple[int, int]:
        """(Y, X) in pixels."""
        height, width = self.labels.shape
        return height, width

    def plane(self, name: PlaneName) -> NDArray[Any]:
        """Return one plane by its name."""
        found: NDArray[Any] = getattr(self, name)
        return found

    def copy(self) -> Pixels:
        """Return planes of their own memory."""
        return Pixels(**{name: self.plane(name).copy() for name in DTYPES})

    def fingerprints(self) -> dict[str, str]:
        """Return the SHA-256 of each plane, by name (`napari_all.files.sha256_array`)."""
        return {name: sha256_array(self.plane(name)) for name in DTYPES}

    def same(self, other: Pixels) -> bool:
        """Tell whether every pixel of every plane is the same."""
        return all(np.array_equal(self.plane(name), other.plane(name)) for name in DTYPES)


@dataclass(frozen=True)
class Values:
    """What is known of an image beside its pixels.

    Attributes
    ----------
    status
        How far the work on it is.
    flag
        A person wants to come back to it.
    cell_classes
        Class given to single cells, by label; a cell that is not in it has none.
    """

    status: ImageStatus = "none"
    flag: bool = False
    cell_classes: Mapping[int, str] = field(default_factory=dict)

    def with_class(self, cell: int, name: str | None) -> Values:
        """Return values in which a cell has another class, or none."""
        classes = {k: v for k, v in self.cell_classes.items() if k != cell}
        return replace(self, cell_classes=classes if name is None else classes | {cell: name})
