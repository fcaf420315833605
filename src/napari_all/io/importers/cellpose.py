"""Cellpose's `_seg.npy`: a pickled dictionary, read without running it (see `_pickle`)."""

from __future__ import annotations

import json
import tokenize
from collections.abc import Iterator
from pathlib import Path, PureWindowsPath
from typing import Any, BinaryIO

import numpy as np

from napari_all.errors import MaskError
from napari_all.io.exporters.cellpose import KEY
from napari_all.io.importers._build import sidecar_from
from napari_all.io.importers._importer import Imported, Importer, ImportRequest
from napari_all.io.importers._pickle import plain_values
from napari_all.io.masks import as_labels
from napari_all.io.pixels import check_count

_MAGIC = b"\x93NUMPY"
_MOST_BYTES = 4_000_000_000
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def recognises(path: Path) -> bool:
    """Tell whether a file is a NumPy file of objects; arrays of numbers are no business of Cellpose's."""
    with path.open("rb") as stream:
        if stream.read(len(_MAGIC)) != _MAGIC:
            return False
        stream.seek(0)
        try:
            return _header(stream)
        except (ValueError, EOFError, TypeError):
            return path.name.endswith("_seg.npy")  # damaged: reading it says so


def read(path: Path, request: ImportRequest) -> Iterator[Imported]:
    """Read the masks of one plane; flows, colours and the image are not looked at."""
    if path.stat().st_size > _MOST_BYTES:
        raise MaskError(f"{path.name} is larger than {_MOST_BYTES:,} bytes; save the labels as TIFF instead")
    with path.open("rb") as stream:
        if not _header(stream):
            raise MaskError(f"{path.name} holds an array of numbers; Cellpose's files hold a dictionary")
        found = plain_values(stream.read())
    if not isinstance(found, dict) or not isinstance(found.get("masks"), np.ndarray):
        raise MaskError(f"{path.name} holds no 'masks'; save it in Cellpose with File > Save masks and flows")
    masks = np.squeeze(found["masks"]) if found["masks"].ndim > 2 else found["masks"]
    if masks.ndim != 2:
        raise MaskError(f"{path.name} holds masks of the shape {masks.shape}; labels are one plane (Y, X)")
    check_count(masks.shape[0], masks.shape[1], request.max_pixels, path.name)
    told = _told(found.get(KEY))
    name = found.get("filename")
    image = PureWindowsPath(name).name if isinstance(name, str) else ""  # knows both kinds of slash
    sidecar = sidecar_from(told.get("sidecar"), image=image)
    given = told.get("cell_classes")
    classes = {int(k): v for k, v in given.items() if isinstance(v, str)} if isinstance(given, dict) else {}
    lowest = 1 if masks.size and masks.min() == -1 else 0  # early versions count from 0, background is -1
    labels = as_labels(masks + lowest if lowest else masks, path.name)
    yield Imported(image, labels, sidecar.updated(shape=labels.shape, parts=sidecar.parts), None, classes)


def _header(stream: BinaryIO) -> bool:
    """Read NumPy's header and tell whether objects follow it."""
    version = np.lib.format.read_magic(stream)
    try:
        _, _, kind = _HEADERS[version](stream) if version in _HEADERS else (None, None, None)
    except (SyntaxError, tokenize.TokenError) as error:
        raise ValueError(f"its header is no header of NumPy: {error}") from error
    return kind is not None and bool(kind.hasobject)


def _told(text: Any) -> dict[str, Any]:
    """Return what napari-all added to its export; nothing else may stand there."""
    if not isinstance(text, str):
        return {}
    told = json.loads(text)
    return told if isinstance(told, dict) else {}


ENTRY = Importer(
    name="cellpose",
    title="Cellpose (NPY)",
    summary="Masks that Cellpose saved as _seg.npy; nothing in the file is run.",
    endings=("_seg.npy", ".npy"),
    recognises=recognises,
    read=read,
)
