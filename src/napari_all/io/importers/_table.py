"""Tables of cells: the classes that stand in them go to the cells of label images, which must be the same ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias

import numpy as np

from napari_all.errors import MaskError
from napari_all.io.importers._build import GENERIC
from napari_all.io.importers._importer import Imported, ImportRequest
from napari_all.io.sidecar import Sidecar

NEEDED = ("image", "label", "area_px")
"""Columns without which a table cannot be brought together with label images."""


Rows: TypeAlias = Callable[[Path], Iterable[Mapping[str, Any]]]
"""Reads the rows of a table in one format; formats give theirs to the functions here (`functools.partial`)."""


def images_of(rows: Rows, path: Path) -> list[str]:
    """Return the names of the images in a table, in its order."""
    return list(dict.fromkeys(str(row["image"]) for row in rows(path)))


def read_classed_cells(rows: Rows, path: Path, request: ImportRequest) -> Iterator[Imported]:
    """Yield the label image of each image in the table with the classes that stand there.

    Raises
    ------
    MaskError
        There are no label images, or a cell of the table is not in them, or has another area there.
    """
    by_image: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows(path):
        by_image.setdefault(str(row["image"]), []).append(row)
    if request.labels_of is None:
        raise MaskError("a table of cells holds no outlines; give the folder of their label images (--labels)")
    for image, own in by_image.items():
        found = request.labels_of(image)
        areas = dict(zip(*(part.tolist() for part in np.unique(found.labels, return_counts=True)), strict=True))
        given: dict[int, str] = {}
        for row in own:
            label, area = int(row["label"]), int(float(row["area_px"]))
            if areas.get(label, 0) != area or label <= 0:
                raise MaskError(
                    f"{image}: cell {label} has {area} pixels in the table and {areas.get(label, 0)} in the label "
                    "image; the table was made from other labels"
                )
            name = row.get("cell_class")
            if isinstance(name, str) and name.casefold() not in GENERIC:
                given[label] = name
        sidecar = found.sidecar or Sidecar(image=PurePosixPath(image).name, pixel_size_um=found.pixel_size_um)
        yield Imported(image, found.labels, sidecar, found.classes, given)
