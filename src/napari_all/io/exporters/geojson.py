"""Outlines as GeoJSON that QuPath reads: a cell with its nucleus is one object, by pixel edges, so that areas are kept.

The layout is QuPath's own (qupath.lib.io.QuPathTypeAdapters, versions 0.4 and later): `nucleusGeometry` beside
`geometry`, `objectType`, `classification` and `measurements` among the properties. Coordinates are pixels. QuPath
keeps measurements, so the cell's number comes back from it as the measurement `Label`. What QuPath does not know of,
pixel size and provenance, stands in the member `napari_all` of the collection.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from napari_all.classes import SUBTYPES
from napari_all.errors import UsageError
from napari_all.files import write_bytes
from napari_all.io.exporters._exporter import CellShape, Exporter, ExportItem, cell_shapes
from napari_all.io.outlines import polygons
from napari_all.types import BoolMask

LABEL = "Label"
"""Name of the measurement that holds the cell's number."""
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "napari-all")


def write(path: Path, items: Iterable[ExportItem]) -> list[Path]:
    """Write each item's cells as a FeatureCollection."""
    for item in items:
        collection = {
            "type": "FeatureCollection",
            "features": [_feature(item, shape) for shape in cell_shapes(item)],
            "napari_all": item.facts,
        }
        write_bytes(path, (json.dumps(collection, ensure_ascii=False, separators=(",", ":")) + "\n").encode())
    return [path]


def _feature(item: ExportItem, shape: CellShape) -> dict[str, Any]:
    only_nuclei = item.sidecar.parts == "nucleus"
    whose = item.sidecar.image_sha256 or item.image
    feature: dict[str, Any] = {
        "type": "Feature",
        "id": str(uuid.uuid5(_NAMESPACE, f"{whose}/{shape.label}")),
        "geometry": _geometry(shape.mask, shape),
    }
    if shape.nucleus is not None:
        feature["nucleusGeometry"] = _geometry(shape.nucleus, shape)
    properties: dict[str, Any] = {"objectType": "detection" if only_nuclei else "cell"}
    if shape.cell_class is not None:
        properties["classification"] = {"name": shape.cell_class, **_colour(shape.cell_class)}
    properties["measurements"] = {LABEL: shape.label, **_areas(item, shape)}
    return feature | {"properties": properties}


def _geometry(mask: BoolMask, shape: CellShape) -> dict[str, Any]:
    found = [[[*ring.tolist(), ring[0].tolist()] for ring in polygon] for polygon in polygons(mask, shape.y, shape.x)]
    if len(found) == 1:
        return {"type": "Polygon", "coordinates": found[0]}
    return {"type": "MultiPolygon", "coordinates": found}


def _areas(item: ExportItem, shape: CellShape) -> dict[str, float]:
    """Return areas under the names that QuPath's own cell detection uses."""
    size = item.sidecar.pixel_size_um
    unit, square = ("px^2", 1.0) if size is None else ("µm^2", size[0] * size[1])
    area = float(np.count_nonzero(shape.mask)) * square
    if shape.nucleus is None:
        return {f"{'Nucleus' if item.sidecar.parts == 'nucleus' else 'Cell'}: Area {unit}": area}
    nucleus = float(np.count_nonzero(shape.nucleus)) * square
    return {f"Nucleus: Area {unit}": nucleus, f"Cell: Area {unit}": area, "Nucleus/Cell area ratio": nucleus / area}


def _colour(name: str) -> dict[str, list[int]]:
    try:
        colour = SUBTYPES.colour(name)
    except UsageError:  # a class of the user's own; QuPath gives it a colour
        return {}
    return {"color": [int(colour[at : at + 2], 16) for at in (1, 3, 5)]}


ENTRY = Exporter(
    name="geojson",
    title="Outlines for QuPath (GeoJSON)",
    summary="Cells with their nuclei and classes as QuPath's objects; outlines run along pixel edges.",
    ending="_cells.geojson",
    write=write,
)
