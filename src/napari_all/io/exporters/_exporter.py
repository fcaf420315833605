"""What an export format is; the registry of formats is `napari_all.io.exporters.EXPORTERS`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from napari_all.io.masks import Sidecar
from napari_all.types import Cell, ClassesMap, LabelImage


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
        """The file's suffix, with its dot."""
        return Path(self.ending).suffix
