"""COCO's layout (cocodataset.org/#format-data), shared by the two formats that differ in how areas are told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from napari_all.files import write_bytes
from napari_all.io.exporters._exporter import CellShape, ExportItem, cell_shapes
from napari_all.types import BoolMask

CELL, NUCLEUS = "cell", "nucleus"
"""Category of cells without a class of their own, and of nuclei."""

Segmentation = Callable[[BoolMask, CellShape, tuple[int, int]], Any]
"""(mask, where it lies, the image's shape) -> COCO's `segmentation`."""


def write_coco(path: Path, items: Iterable[ExportItem], segmentation: Segmentation) -> list[Path]:
    """Write the images of all items with an annotation per cell and per nucleus.

    A cell's `id` is its number where the file holds one image; its `label` always. A nucleus is an annotation of the
    category `nucleus` whose `nucleus_of` is the `id` of its cell.
    """
    categories: dict[str, int] = {CELL: 1, NUCLEUS: 2}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    base = 0
    for image_id, item in enumerate(items, start=1):
        height, width = item.labels.shape
        images.append(
            {"id": image_id, "file_name": item.image, "width": width, "height": height, "napari_all": item.facts}
        )
        usual = NUCLEUS if item.sidecar.parts == "nucleus" else CELL
        highest = int(item.labels.max(initial=0))
        for shape in cell_shapes(item):
            category = categories.setdefault(shape.cell_class or usual, len(categories) + 1)
            facts = {"image_id": image_id, "iscrowd": 0, "label": shape.label}
            cell = {"id": base + shape.label, "category_id": category, **facts}
            annotations.append(cell | _area(shape.mask, shape, (height, width), segmentation))
            if shape.nucleus is not None:
                nucleus = {"id": base + highest + shape.label, "category_id": categories[NUCLEUS], **facts}
                nucleus["nucleus_of"] = cell["id"]
                annotations.append(nucleus | _area(shape.nucleus, shape, (height, width), segmentation))
        base += 2 * highest
    told = [{"id": number, "name": name, "supercategory": "cell"} for name, number in categories.items()]
    content = {
        "info": {"description": "Cells exported by napari-all. For research use only."},
        "licenses": [],
        "images": images,
        "annotations": annotations,
        "categories": told,
    }
    write_bytes(path, (json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n").encode())
    return [path]


def _area(mask: BoolMask, shape: CellShape, size: tuple[int, int], segmentation: Segmentation) -> dict[str, Any]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = (shape.x + columns[0], shape.y + rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1)
    return {
        "segmentation": segmentation(mask, shape, size),
        "area": int(np.count_nonzero(mask)),
        "bbox": [int(side) for side in box],
    }
