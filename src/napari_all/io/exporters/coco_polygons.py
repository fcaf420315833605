"""COCO JSON with polygons along pixel edges, for programs that read no run lengths."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from napari_all.io.exporters._coco import write_coco
from napari_all.io.exporters._exporter import CellShape, Exporter, ExportItem
from napari_all.io.outlines import one_ring, polygons
from napari_all.types import BoolMask


def write(path: Path, items: Iterable[ExportItem]) -> list[Path]:
    """Write the cells of all items; holes, which COCO's polygons cannot tell, hang on the outer ring by a line."""
    return write_coco(path, items, _segmentation)


def _segmentation(mask: BoolMask, shape: CellShape, size: tuple[int, int]) -> list[list[int]]:
    return [one_ring(polygon).ravel().tolist() for polygon in polygons(mask, shape.y, shape.x)]


ENTRY = Exporter(
    name="coco-polygons",
    title="COCO, polygons (JSON)",
    summary="Cells, nuclei and classes as polygons along pixel edges, for programs that read no run lengths.",
    ending="_coco_polygons.json",
    write=write,
    combines=True,
)
