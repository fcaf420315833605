"""COCO JSON with run lengths: exact for every shape; one file can hold many images."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from napari_all.io.exporters._coco import write_coco
from napari_all.io.exporters._exporter import CellShape, Exporter, ExportItem
from napari_all.io.run_lengths import encode
from napari_all.types import BoolMask


def write(path: Path, items: Iterable[ExportItem]) -> list[Path]:
    """Write the cells of all items, areas as uncompressed run lengths."""
    return write_coco(path, items, _segmentation)


def _segmentation(mask: BoolMask, shape: CellShape, size: tuple[int, int]) -> dict[str, Any]:
    return {"size": list(size), "counts": encode(mask, shape.y, shape.x, size)}


ENTRY = Exporter(
    name="coco",
    title="COCO, run lengths (JSON)",
    summary="Cells, nuclei and classes with pixel-exact areas, for training with COCO's tools.",
    ending="_coco.json",
    write=write,
    combines=True,
)
