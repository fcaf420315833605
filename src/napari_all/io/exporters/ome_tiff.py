"""Label image as OME-TIFF: labels, classes map, pixel size and classes of cells in one file.

The first image, `labels`, holds one number per cell; where there is a classes map, it is the second, `classes`.
The classes that a person gave are a MapAnnotation of number to class, the sidecar is a CommentAnnotation.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from napari_all import __version__
from napari_all.files import atomic_path, sha256_array
from napari_all.io import scale
from napari_all.io.exporters._exporter import Exporter, ExportItem
from napari_all.io.masks import storable

CELL_CLASSES, FACTS = "napari-all/cell-classes", "napari-all/sidecar"
"""Namespaces of the annotations."""


def write(path: Path, items: Iterable[ExportItem]) -> list[Path]:
    """Write each item's labels (uint16 or uint32) and classes map (uint8)."""
    for item in items:
        told: dict[str, Any] = {
            "Creator": f"napari-all {__version__}",
            # Made of the content, so that the same labels give the same bytes.
            "UUID": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, sha256_array(item.labels))}",
            "CommentAnnotation": {"Namespace": FACTS, "Value": json.dumps(item.facts, ensure_ascii=False)},
        }
        if item.cell_classes:
            named = {str(label): name for label, name in item.cell_classes.items()}
            told["MapAnnotation"] = {"Namespace": CELL_CLASSES, "Value": named}
        with atomic_path(path) as temporary, tifffile.TiffWriter(temporary, ome=True) as file:
            _write(file, storable(item.labels), "labels", item, told)
            if item.classes is not None:
                _write(file, item.classes, "classes", item, {})
    return [path]


def _write(file: tifffile.TiffWriter, plane: np.ndarray[Any, Any], name: str, item: ExportItem, told: Any) -> None:
    size = item.sidecar.pixel_size_um
    physical = {} if size is None else {
        "PhysicalSizeY": size[0], "PhysicalSizeYUnit": "µm", "PhysicalSizeX": size[1], "PhysicalSizeXUnit": "µm",
    }  # fmt: skip
    file.write(
        plane,
        photometric="minisblack",
        compression="zlib",
        metadata={"axes": "YX", "Name": name, **physical, **told},
        software=f"napari-all {__version__}",
        resolution=scale.pixels_per_cm(size),
        resolutionunit="CENTIMETER" if size else None,
    )


ENTRY = Exporter(
    name="ome-tiff",
    title="Label image (OME-TIFF)",
    summary="One number per cell, with parts, classes, pixel size and how it was made, in one file.",
    ending="_labels.ome.tif",
    write=write,
)
