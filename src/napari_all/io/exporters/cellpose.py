"""Labels as Cellpose's `_seg.npy`, to be opened in its window beside the image or trained on.

The file is a pickled dictionary, as Cellpose writes and reads it (cellpose.io.masks_flows_to_seg). It holds no
flows and no colours, which Cellpose then makes itself; what it does not know of is text under the key `napari_all`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

import numpy as np
from skimage.segmentation import find_boundaries

from napari_all.files import atomic_path
from napari_all.io.exporters._exporter import Exporter, ExportItem
from napari_all.io.masks import storable

KEY = "napari_all"
_CELLPOSE_DIAMETER = 30.0
"""What Cellpose takes where it knows no diameter."""


def write(path: Path, items: Iterable[ExportItem]) -> list[Path]:
    """Write each item's labels and their outlines."""
    for item in items:
        masks = storable(item.labels)
        diameters = [cell.equivalent_diameter_px for cell in item.cells]
        told = {"sidecar": item.facts, "cell_classes": item.cell_classes}
        content = {
            "masks": masks,
            "outlines": masks * find_boundaries(masks, mode="inner"),
            "chan_choose": [0, 0],
            "ismanual": np.zeros(int(masks.max(initial=0)), np.bool_),
            "filename": PurePosixPath(item.image).name,
            "flows": [],
            "est_diam": float(np.median(diameters)) if diameters else _CELLPOSE_DIAMETER,
            KEY: json.dumps(told, ensure_ascii=False),
        }
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.save(file, np.array(content, dtype=object), allow_pickle=True)
    return [path]


ENTRY = Exporter(
    name="cellpose",
    title="Cellpose (NPY)",
    summary="Label image as Cellpose saves it, to go on in its window or to train on.",
    ending="_seg.npy",
    write=write,
)
