"""Label images and masks as PNG: numbers, or 255 for every cell, whose connected pixels are then one cell."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from napari_all.io.importers._importer import Imported, Importer, ImportRequest
from napari_all.io.masks import read_labels
from napari_all.io.sidecar import Sidecar

_MAGIC = b"\x89PNG\r\n\x1a\n"
_NUMBERS = (b"\x00", b"\x03")
"""Colour types of the header: grey, and indices of a palette."""
_CELL = 255


def recognises(path: Path) -> bool:
    """Tell whether a file begins like a PNG of grey or indexed pixels; colours are no labels."""
    with path.open("rb") as stream:
        start = stream.read(26)
    return start.startswith(_MAGIC) and start[25:] in _NUMBERS


def read(path: Path, request: ImportRequest) -> Iterator[Imported]:
    """Read numbers; where they are 0 and 255 only, the file is a mask, and cells are what hangs together."""
    found = read_labels(path, max_pixels=request.max_pixels)
    sidecar = found.sidecar or Sidecar(pixel_size_um=found.pixel_size_um)
    labels = found.labels
    notes: tuple[str, ...] = ()
    if labels.max(initial=0) == _CELL and not ((labels > 0) & (labels < _CELL)).any():
        _, pieces = cv2.connectedComponents((labels > 0).astype(np.uint8), connectivity=8, ltype=cv2.CV_32S)
        labels = np.asarray(pieces, np.int32)
        notes = ("a mask of 0 and 255: cells that touch are one",)
    yield Imported(sidecar.image, labels, sidecar, found.classes, notes=notes)


ENTRY = Importer(
    name="png",
    title="Label image or mask (PNG)",
    summary="One number per cell, or 255 for all of them; cells of a mask that touch are one.",
    endings=("_labels.png", "_mask.png", ".png"),
    recognises=recognises,
    read=read,
)
