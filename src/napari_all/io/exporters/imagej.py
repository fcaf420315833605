"""Outlines as a ZIP of ImageJ's ROIs, for the ROI Manager: traced along pixel edges, so that areas are kept.

A ROI is named after its cell's number, that of a nucleus `<number>-nucleus`. Number, part, class, image size and
pixel size stand among the ROI's properties, which ImageJ keeps (Edit > Properties).
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import roifile

from napari_all.errors import MaskError
from napari_all.files import write_bytes
from napari_all.io.exporters._exporter import CellShape, Exporter, ExportItem, cell_shapes
from napari_all.io.outlines import Polygon, polygons
from napari_all.types import BoolMask

KEY = "napari_all"
"""What the names of the properties begin with."""
_FARTHEST = 32_767
_MOVE, _LINE, _CLOSE = 0.0, 1.0, 4.0
_VERSION = 228
_MOST_VERTICES = 65_535


def write(path: Path, items: Iterable[ExportItem]) -> list[Path]:
    """Write each item's cells and nuclei; a cell with holes or in pieces is a composite ROI.

    Raises
    ------
    MaskError
        The image is larger than the 32,767 pixels that ImageJ's ROIs reach.
    """
    for item in items:
        if max(item.labels.shape) > _FARTHEST:
            raise MaskError(f"ImageJ's ROIs end at {_FARTHEST} px, the image is {item.labels.shape}; use geojson")
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            for roi in _rois(item):
                # A fixed date: the same cells give the same bytes.
                entry = zipfile.ZipInfo(f"{roi.name}.roi", (1980, 1, 1, 0, 0, 0))
                file.writestr(entry, roi.tobytes(), zipfile.ZIP_DEFLATED)
        write_bytes(path, archive.getvalue())
    return [path]


def _rois(item: ExportItem) -> Iterator[roifile.ImagejRoi]:
    facts: dict[str, Any] = {"image_size": f"{item.labels.shape[0]} {item.labels.shape[1]}"}
    if item.sidecar.parts is not None:
        facts["parts"] = item.sidecar.parts
    if item.sidecar.pixel_size_um is not None:
        facts["pixel_size_um"] = f"{item.sidecar.pixel_size_um[0]!r} {item.sidecar.pixel_size_um[1]!r}"
    for shape in cell_shapes(item):
        told = {**facts, "label": shape.label}
        if shape.cell_class is not None:
            told["class"] = " ".join(shape.cell_class.split())
        yield _roi(shape.mask, shape, f"{shape.label:04d}", told | {"part": "cell"})
        if shape.nucleus is not None:
            yield _roi(shape.nucleus, shape, f"{shape.label:04d}-nucleus", told | {"part": "nucleus"})


def _roi(mask: BoolMask, shape: CellShape, name: str, told: dict[str, Any]) -> roifile.ImagejRoi:
    found = polygons(mask, shape.y, shape.x)
    corners = np.concatenate([ring for polygon in found for ring in polygon])
    (left, top), (right, bottom) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    roi = roifile.ImagejRoi(version=_VERSION, top=top, left=left, bottom=bottom, right=right, name=name)
    roi.props = "".join(f"{KEY}_{key}: {value}\n" for key, value in sorted(told.items()))
    if len(found) == 1 and len(found[0]) == 1 and len(found[0][0]) <= _MOST_VERTICES:
        roi.roitype = roifile.ROI_TYPE.TRACED
        roi.integer_coordinates = (found[0][0] - (left, top)).astype(np.int32)
        roi.n_coordinates = len(roi.integer_coordinates)
    else:
        roi.roitype = roifile.ROI_TYPE.RECT
        roi.multi_coordinates = _path(found)
        roi.shape_roi_size = len(roi.multi_coordinates)
    return roi


def _path(found: list[Polygon]) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return java.awt.geom's path: go to, lines to, close, for each ring; rings in rings are holes."""
    steps: list[float] = []
    for polygon in found:
        for ring in polygon:
            for number, (x, y) in enumerate(ring.tolist()):
                steps += [_LINE if number else _MOVE, x, y]
            steps.append(_CLOSE)
    return np.array(steps, np.float32)


ENTRY = Exporter(
    name="imagej",
    title="ROIs for ImageJ (ZIP)",
    summary="Cells and nuclei for ImageJ's ROI Manager; outlines run along pixel edges.",
    ending="_rois.zip",
    write=write,
)
