"""TIFF told apart from OME-TIFF before either is read."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from tifffile import PHOTOMETRIC, TiffFile, TiffPage

from napari_all.io.tiff import DAMAGE

_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_COLOURS = (PHOTOMETRIC.RGB, PHOTOMETRIC.YCBCR, PHOTOMETRIC.SEPARATED, PHOTOMETRIC.CIELAB)


def kind_of(path: Path) -> Literal["tiff", "ome-tiff"] | None:
    """Return what kind of TIFF a file is; None for other files and for TIFFs of colours, which are no labels."""
    with path.open("rb") as stream:
        if stream.read(4) not in _STARTS:
            return None
    try:
        with TiffFile(path, _multifile=False) as file:
            page = file.pages.first
            if isinstance(page, TiffPage) and page.photometric in _COLOURS:
                return None
            return "ome-tiff" if file.is_ome else "tiff"
    except DAMAGE:
        return "tiff"  # damaged: reading it says so
