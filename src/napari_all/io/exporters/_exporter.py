"""What an export format is; the registry of formats is `napari_all.io.exporters.EXPORTERS`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_all.classes import NUCLEUS
from napari_all.io.outlines import cell_windows
from napari_all.io.sidecar import Sidecar
from napari_all.types import BoolMask, Cell, ClassesMap, LabelImage


@dataclass(frozen=True)
class ExportItem:
    """One labelled image to be exported; carries no path of this machine and none of the image's metadata.

    Attributes
    ----------
    image
        POSIX name of the image, relative to the folder that was given.
    labels
        (Y, X) int32.
    sidecar
        Provenance, with the pixel size and the `parts` of the classes map.
    classes
        (Y, X) uint8 classes map, or None.
    cells
        Measurements, in the order of the labels.
    detailed
        True when the cells were measured on the image too, so that tables tell colour, texture, certainty and class.
    red_cell_px
        Median diameter of the image's red cells in pixels, or None where nobody asked.
    """

    image: str
    labels: LabelImage
    sidecar: Sidecar
    classes: ClassesMap | None = None
    cells: tuple[Cell, ...] = ()
    detailed: bool = False
    red_cell_px: float | None = None

    @property
    def cell_classes(self) -> dict[int, str]:
        """The classes that a person gave, by label."""
        return {cell.label: cell.cell_class for cell in self.cells if cell.cell_class is not None}

    @property
    def facts(self) -> dict[str, Any]:
        """The sidecar, JSON-ready, for formats that can carry it."""
        height, width = self.labels.shape
        return self.sidecar.updated(shape=(height, width), classes=None).model_dump(mode="json")


@dataclass(frozen=True)
class CellShape:
    """One cell to be drawn: masks (Y, X) bool of the cell and its nucleus, and where their first pixel lies."""

    label: int
    cell_class: str | None
    y: int
    x: int
    mask: BoolMask
    nucleus: BoolMask | None


def cell_shapes(item: ExportItem) -> Iterator[CellShape]:
    """Yield the cells in the order of their labels; with a nucleus where parts are told apart and it has one."""
    parted = item.classes is not None and item.sidecar.parts == "nucleus+cytoplasm"
    given = item.cell_classes
    for label, window in cell_windows(item.labels):
        mask = np.asarray(item.labels[window] == label)
        nucleus = mask & (item.classes[window] == NUCLEUS) if parted and item.classes is not None else None
        has_nucleus = nucleus is not None and nucleus.any()
        yield CellShape(
            label, given.get(label), window[0].start, window[1].start, mask, nucleus if has_nucleus else None
        )


@dataclass(frozen=True)
class Exporter:
    """Entry of the registry of export formats.

    Attributes
    ----------
    name, title, summary
        Key, display name and one sentence for people.
    ending
        What follows the image's stem in the file name, with the format's suffix ("_mask.png").
    write
        (path, items) -> the files written, each whole or not at all. Gets one item unless `combines`.
    combines
        True when one file can hold several images.
    """

    name: str
    title: str
    summary: str
    ending: str
    write: Callable[[Path, Iterable[ExportItem]], list[Path]]
    combines: bool = False

    @property
    def suffix(self) -> str:
        """The file's suffix, with its dots (".ome.tif")."""
        return self.ending[self.ending.index(".") :]
