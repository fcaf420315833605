"""Binary mask as PNG: 8-bit grey, 255 = cell, 0 = background. Touching cells are one; for instances use TIFF."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from napari_all.files import atomic_path
from napari_all.io.exporters._exporter import Exporter, ExportItem
from napari_all.io.scale import pixels_per_inch


def write(path: Path, items: Iterable[ExportItem]) -> list[Path]:
    """Write each item's foreground; the pixel size goes into the PNG's pixels per metre."""
    for item in items:
        mask = Image.fromarray(np.where(item.labels > 0, 255, 0).astype(np.uint8))
        with atomic_path(path) as temporary:
            mask.save(temporary, format="PNG", optimize=True, dpi=pixels_per_inch(item.sidecar.pixel_size_um))
    return [path]


ENTRY = Exporter(
    name="png",
    title="Mask (PNG)",
    summary="8-bit mask, 255 = cell and 0 = background; touching cells are not told apart.",
    ending="_mask.png",
    write=write,
)
