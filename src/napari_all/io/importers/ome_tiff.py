"""Label images as OME-TIFF: of napari-all with parts and classes, of others with their pixel size."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from tifffile import TiffFile, TiffPageSeries

from napari_all.errors import MaskError
from napari_all.io.exporters.ome_tiff import CELL_CLASSES, FACTS
from napari_all.io.importers._build import sidecar_from
from napari_all.io.importers._importer import Imported, Importer, ImportRequest
from napari_all.io.importers._tiff_files import kind_of
from napari_all.io.masks import as_classes, as_labels, tiff_size
from napari_all.io.pixels import check_count
from napari_all.io.tiff import check_whole


def recognises(path: Path) -> bool:
    """Tell whether a file is a TIFF with OME metadata and without colours."""
    return kind_of(path) == "ome-tiff"


def read(path: Path, request: ImportRequest) -> Iterator[Imported]:
    """Read the first image as labels and, if it is of the same size, one named `classes` as the classes map."""
    with TiffFile(path, _multifile=False) as file:  # metadata may name other files: they are never opened
        if not file.series or file.ome_metadata is None:
            raise MaskError(f"{path.name} is a part of an OME-TIFF of several files; export it as one")
        planes = {series.name: _plane(file, series, path.name, request) for series in file.series[:2]}
        told = _annotations(tifffile.xml2dict(file.ome_metadata).get("OME", {}))
        size = tiff_size(file)
        labels = as_labels(planes[file.series[0].name], path.name)
    sidecar = sidecar_from(told.get(FACTS), pixel_size_um=size)
    classes = as_classes(planes["classes"], path.name) if len(planes) > 1 and "classes" in planes else None
    if classes is not None and classes.shape != labels.shape:
        raise MaskError(f"{path.name}: classes map is {classes.shape}, labels are {labels.shape}; export it again")
    given = {int(key): str(name) for key, name in told.get(CELL_CLASSES, {}).items()}
    yield Imported(sidecar.image, labels, sidecar.updated(shape=labels.shape), classes, given)


def _plane(file: TiffFile, series: TiffPageSeries, name: str, request: ImportRequest) -> NDArray[Any]:
    sides = [side for side in series.shape if side > 1]
    if len(sides) > 2:
        raise MaskError(f"{name} has axes {series.axes}, shape {series.shape}; labels are one plane (Y, X)")
    height, width = (series.shape[series.axes.index(axis)] for axis in "YX")
    check_count(height, width, request.max_pixels, name)
    check_whole(file, series, name)
    return np.asarray(series.asarray()).reshape(height, width)


def _annotations(ome: Any) -> dict[str, Any]:
    """Return napari-all's annotations by namespace: the sidecar, and classes by number."""
    found: dict[str, Any] = {}
    structured = ome.get("StructuredAnnotations") if isinstance(ome, dict) else None
    if not isinstance(structured, dict):
        return found
    comment, named = structured.get("CommentAnnotation"), structured.get("MapAnnotation")
    if isinstance(comment, dict) and comment.get("Namespace") == FACTS:
        found[FACTS] = json.loads(str(comment.get("Value")))
    if isinstance(named, dict) and named.get("Namespace") == CELL_CLASSES:
        pairs = named.get("Value", {}).get("M", [])
        found[CELL_CLASSES] = {one["K"]: one["value"] for one in (pairs if isinstance(pairs, list) else [pairs])}
    return found


ENTRY = Importer(
    name="ome-tiff",
    title="Label image (OME-TIFF)",
    summary="One number per cell with the pixel size; parts and classes where napari-all wrote them.",
    endings=("_labels.ome.tif", ".ome.tif", ".ome.tiff"),
    recognises=recognises,
    read=read,
)
