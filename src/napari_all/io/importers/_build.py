"""Labels from what outline formats tell: numbers, pixels claimed by cells, and the facts that come with them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_all.classes import BACKGROUND, CYTOPLASM, NUCLEUS
from napari_all.errors import MaskError, UsageError
from napari_all.io.importers._importer import Imported, ImportRequest
from napari_all.io.outlines import Ring, extent
from napari_all.io.sidecar import Sidecar
from napari_all.types import Parts

Places = tuple[NDArray[np.intp], NDArray[np.intp]]
"""Rows and columns of pixels."""

GENERIC = frozenset({"cell", "cells", "nucleus", "nuclei", "object", "objects", "detection", "unclassified", ""})
"""Names of classes that say nothing of the cell's."""
_HIGHEST = np.iinfo(np.int32).max
_OVERLAP = 20
"""Cells may claim this many times the pixels of the image; a file where they claim more is no drawing of cells."""


def checked_shape(height: Any, width: Any, max_pixels: int) -> tuple[int, int]:
    """Return (Y, X); `MaskError` when they are no whole numbers above 0, or make more than `max_pixels` pixels."""
    whole = all(isinstance(side, int) and not isinstance(side, bool) and side > 0 for side in (height, width))
    if not whole:
        raise MaskError(f"the image is said to be {width!r} x {height!r} pixels; give the image (--images)")
    if height * width > max_pixels:
        raise MaskError(
            f"the image is said to have {width} x {height} = {height * width:,} pixels, over the limit of "
            f"{max_pixels:,}; raise the limit (--max-pixels)"
        )
    return height, width


def image_shape(request: ImportRequest, told: tuple[int, int] | None, rings: Sequence[Ring]) -> tuple[int, int]:
    """Return (Y, X) of the image: as asked for, as the file tells, or as far as the outlines reach.

    Raises
    ------
    MaskError
        The file tells another size than the image's, or it is no size.
    """
    if request.shape is not None and told is not None and request.shape != told:
        raise MaskError(f"the cells were drawn on an image of {told}, this one is {request.shape}; give theirs")
    return checked_shape(*(request.shape or told or extent(rings)), request.max_pixels)


def numbers_for(wanted: Sequence[Any]) -> list[int]:
    """Return a number per cell: the wanted one where it is a label that no earlier cell has, else the next free one."""
    taken: set[int] = set()
    numbers: list[int] = []
    for one in wanted:
        whole = isinstance(one, int | float) and not isinstance(one, bool) and 0 < one <= _HIGHEST and one == int(one)
        numbers.append(int(one) if whole and int(one) not in taken else 0)
        taken.add(numbers[-1])
    free = max(taken, default=0)
    for at, number in enumerate(numbers):
        if not number:
            free += 1
            numbers[at] = free
    if free > _HIGHEST:
        raise MaskError(f"there is no number left for a cell: the highest is {_HIGHEST}; number the cells anew")
    return numbers


class Canvas:
    """Labels and nuclei of one image while they are painted; the first cell to claim a pixel keeps it.

    Raises `MaskError` when cells claim far more pixels than the image has.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self.labels = np.zeros(shape, np.int32)
        self.nuclei = np.zeros(shape, np.bool_)
        self._left = _OVERLAP * math.prod(shape) + 1_000_000
        self._contested = 0
        self._empty = 0

    def claim(self, label: int, places: Places) -> None:
        """Give pixels to a cell."""
        self._spend(places)
        free = self.labels[places] == 0
        self._contested += int(np.count_nonzero(~free))
        self._empty += not free.any()
        self.labels[places[0][free], places[1][free]] = label

    def nucleus(self, label: int, places: Places) -> None:
        """Make pixels of a cell its nucleus; those of other cells stay as they are."""
        self._spend(places)
        own = self.labels[places] == label
        self.nuclei[places[0][own], places[1][own]] = True

    def _spend(self, places: Places) -> None:
        self._left -= places[0].size
        if self._left < 0:
            raise MaskError("the cells cover the image many times over; this is no file of cells")

    def finish(
        self,
        image: str,
        sidecar: Sidecar,
        cell_classes: Mapping[int, str | None] | Mapping[int, str],
        notes: Iterable[str] = (),
    ) -> Imported:
        """Return what was painted; classes of cells without pixels are left out."""
        present = set(np.unique(self.labels).tolist())
        parts: Parts | None = "nucleus+cytoplasm" if self.nuclei.any() else sidecar.parts
        classes = None
        if parts is not None:
            inside = np.where(self.nuclei, NUCLEUS, CYTOPLASM) if parts == "nucleus+cytoplasm" else NUCLEUS
            classes = np.where(self.labels > 0, inside, BACKGROUND).astype(np.uint8)
        said = list(notes)
        if self._contested:
            said.append(f"{self._contested} pixels are claimed by several cells; the first in the file has them")
        if self._empty:
            said.append(f"{self._empty} cells hold no pixel's centre of their own and are left out")
        given = {k: v for k, v in cell_classes.items() if k in present and v and v.casefold() not in GENERIC}
        height, width = self.labels.shape
        told = sidecar.updated(shape=(height, width), parts=parts)
        return Imported(image, self.labels, told, classes, given, tuple(said))


def sidecar_from(facts: object, **known: Any) -> Sidecar:
    """Return the sidecar that an export of napari-all carries, else one of what is known.

    Parameters
    ----------
    facts
        What stands in the file; anything but a whole sidecar counts as nothing.
    known
        Fields of `Sidecar` for a file without one.
    """
    if isinstance(facts, dict):
        try:
            found = Sidecar.parse({**facts, "classes": None})
            return found.updated(pixel_size_um=checked_size(found.pixel_size_um))
        except (UsageError, TypeError):
            pass  # another version's, or a stranger's: the outlines count without it
    return Sidecar.parse(known)


def checked_size(size: object) -> tuple[float, float] | None:
    """Return a (y, x) pixel size in micrometres, or None for anything that is none."""
    if not isinstance(size, list | tuple) or len(size) != 2:
        return None
    numbers = [float(side) for side in size if isinstance(side, int | float)]
    if len(numbers) != 2 or not all(math.isfinite(side) and side > 0 for side in numbers):
        return None
    return numbers[0], numbers[1]
