"""GeoJSON as QuPath writes it (all versions since 0.2), and as napari-all does: cells with nuclei and classes.

QuPath's cells and detections are taken; where there are none, its annotations are. Points, lines, tiles and cores of
tissue arrays are no cells.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_all.errors import MaskError
from napari_all.io.exporters.geojson import LABEL
from napari_all.io.importers import _json
from napari_all.io.importers._build import Canvas, image_shape, numbers_for, sidecar_from
from napari_all.io.importers._importer import Imported, Importer, ImportRequest
from napari_all.io.outlines import Ring, fill

_CELLS = frozenset({"cell", "detection", "pathcellobject", "pathdetectionobject"})
_OTHERS = frozenset({"tile", "root", "tmacore", "tma_core", "pathtileobject", "tmacoreobject", "pathrootobject"})
_DEEPEST = 50


@dataclass(frozen=True)
class _Object:
    kind: str
    label: Any
    name: str | None
    rings: list[Ring]
    nucleus: list[Ring]


def read(path: Path, request: ImportRequest) -> Iterator[Imported]:
    """Read the cells of the one image that the file is about."""
    found = _json.load(path)
    objects = [_object(feature) for feature in _features(found)]
    shaped = [one for one in objects if one.rings and one.kind not in _OTHERS]
    cells = [one for one in shaped if one.kind in _CELLS] or shaped
    if not cells and objects:
        raise MaskError(f"{path.name} holds {len(objects)} objects but no outline of a cell; export cells")
    facts = found.get("napari_all") if isinstance(found, dict) else None
    only_cells = bool(cells) and all(one.kind in ("cell", "pathcellobject") for one in cells)
    sidecar = sidecar_from(facts, parts="cell" if only_cells else None)
    rings = [ring for one in cells for ring in one.rings]
    shape = image_shape(request, sidecar.shape, rings)
    canvas = Canvas(shape)
    numbers = numbers_for([one.label for one in cells])
    for label, one in zip(numbers, cells, strict=True):
        canvas.claim(label, fill(one.rings, shape))
    for label, one in zip(numbers, cells, strict=True):
        if one.nucleus:
            canvas.nucleus(label, fill(one.nucleus, shape))
    left_out = len(objects) - len(cells)
    notes = [f"{left_out} objects that are no outlines of cells are left out"] if left_out else []
    names = {label: one.name for label, one in zip(numbers, cells, strict=True)}
    yield canvas.finish(sidecar.image, sidecar, names, notes)


def _features(found: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    """Yield features from a collection, a list, or one, with those that hang below others."""
    if depth > _DEEPEST:
        raise MaskError("objects hang below each other more than 50 deep; export cells without their hierarchy")
    if isinstance(found, dict) and isinstance(found.get("features"), list):
        found = found["features"]
    for feature in found if isinstance(found, list) else [found]:
        if not isinstance(feature, dict):
            raise MaskError(f"a feature is {type(feature).__name__}, not an object; export the file again")
        yield feature
        properties = _dict(feature.get("properties"))
        for key in ("childObjects", "children"):
            if isinstance(properties.get(key), list):
                yield from _features(properties[key], depth + 1)


def _object(feature: dict[str, Any]) -> _Object:
    properties = _dict(feature.get("properties"))
    kind = properties.get("objectType") or properties.get("object_type") or feature.get("id") or ""
    classification = properties.get("classification")
    name = classification.get("name") if isinstance(classification, dict) else classification
    return _Object(
        kind=str(kind).casefold(),
        label=_label(properties.get("measurements")),
        name=name if isinstance(name, str) else None,
        rings=_rings(feature.get("geometry")),
        nucleus=_rings(feature.get("nucleusGeometry")),
    )


def _label(measurements: Any) -> Any:
    """Return the measurement `Label`; QuPath before 0.4 writes a list of names and values."""
    if isinstance(measurements, list):
        pairs = [(one.get("name"), one.get("value")) for one in measurements if isinstance(one, dict)]
        return next((value for name, value in pairs if name == LABEL), None)
    return _dict(measurements).get(LABEL)


def _rings(geometry: Any, depth: int = 0) -> list[Ring]:
    told = _dict(geometry)
    match told.get("type"):
        case "Polygon":
            return [_ring(ring) for ring in _list(told.get("coordinates"))]
        case "MultiPolygon":
            return [_ring(ring) for polygon in _list(told.get("coordinates")) for ring in _list(polygon)]
        case "GeometryCollection" if depth < _DEEPEST:
            return [ring for one in _list(told.get("geometries")) for ring in _rings(one, depth + 1)]
    return []


def _ring(points: Any) -> Ring:
    ring = np.array([point[:2] for point in _list(points)], np.float64)
    return ring.reshape(-1, 2)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise MaskError(f"coordinates are {type(value).__name__}, not a list; export the file again")
    return value


ENTRY = Importer(
    name="geojson",
    title="QuPath (GeoJSON)",
    summary="Cells, detections or annotations of QuPath with nuclei, classes and, where told, their numbers.",
    endings=("_cells.geojson", ".geojson", ".json"),
    recognises=_json.is_geojson,
    read=read,
)
