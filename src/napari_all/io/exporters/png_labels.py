"""Label image as PNG, for programs that read no TIFF: 8 or 16 bits of grey, one number per cell."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from napari_all.errors import MaskError
from napari_all.files import atomic_path
from napari_all.io.exporters._exporter import Exporter, ExportItem
from napari_all.io.scale import pixels_per_inch


def write(path: Path, items: Iterable[ExportItem]) -> list[Path]:
    """Write each item's labels; the pixel size goes into the PNG's pixels per metre.

    Raises
    ------
    MaskError
        A number is larger than the 65,535 that a PNG can hold.
    """
    for item in items:
        highest = int(item.labels.max(initial=0))
        if highest > np.iinfo(np.uint16).max:
            raise MaskError(f"cell {highest} does not fit into a PNG, whose numbers end at 65535; use a TIFF")
        picture = Image.fromarray(item.labels.astype(np.uint16))
        with atomic_path(path) as temporary:
            picture.save(temporary, format="PNG", optimize=True, dpi=pixels_per_inch(item.sidecar.pixel_size_um))
    return [path]


ENTRY = Exporter(
    name="png-labels",
    title="Label image (PNG)",
    summary="One number per cell, 16 bits of grey, at most 65,535; pixel size kept, parts and classes not.",
    ending="_labels.png",
    write=write,
)
