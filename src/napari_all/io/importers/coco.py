"""COCO JSON: run lengths, compressed or not, and polygons; one file can hold many images."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from napari_all.errors import MaskError
from napari_all.io.exporters._coco import NUCLEUS
from napari_all.io.importers import _json
from napari_all.io.importers._build import Canvas, Places, checked_shape, numbers_for, sidecar_from
from napari_all.io.importers._importer import Imported, Importer, ImportRequest
from napari_all.io.outlines import fill
from napari_all.io.run_lengths import decode, unpack

_Entry = dict[str, Any]


def read(path: Path, request: ImportRequest) -> Iterator[Imported]:
    """Read the images one after the other; an annotation that says `nucleus_of` is the nucleus of another."""
    found = _load(path)
    names = {one.get("id"): one.get("name") for one in _entries(found, "categories")}
    by_image: dict[Any, list[_Entry]] = {}
    for annotation in _entries(found, "annotations"):
        by_image.setdefault(_key(annotation.get("image_id")), []).append(annotation)
    for image in _entries(found, "images"):
        yield _image(image, by_image.get(_key(image.get("id")), []), names, request)


def images(path: Path) -> list[str]:
    """Return the names of the images in the file."""
    return [_name(image) for image in _entries(_load(path), "images")]


def _image(image: _Entry, annotations: list[_Entry], names: dict[Any, Any], request: ImportRequest) -> Imported:
    shape = checked_shape(image.get("height"), image.get("width"), request.max_pixels)
    shaped = [one for one in annotations if one.get("segmentation")]
    cells = [one for one in shaped if "nucleus_of" not in one]
    only_nuclei = bool(cells) and all(names.get(one.get("category_id")) == NUCLEUS for one in cells)
    sidecar = sidecar_from(image.get("napari_all"), image=PurePosixPath(_name(image)).name)
    if sidecar.parts is None and only_nuclei:
        sidecar = sidecar.updated(parts="nucleus")
    canvas = Canvas(shape)
    numbers = numbers_for([one.get("label", one.get("id")) for one in cells])
    label_of = {_key(one.get("id")): label for label, one in zip(numbers, cells, strict=True)}
    for label, one in zip(numbers, cells, strict=True):
        canvas.claim(label, _places(one["segmentation"], shape))
    for one in shaped:
        of = label_of.get(_key(one.get("nucleus_of"))) if "nucleus_of" in one else None
        if of is not None:
            canvas.nucleus(of, _places(one["segmentation"], shape))
    given = [names.get(one.get("category_id")) for one in cells]
    left_out = len(annotations) - len(shaped)
    notes = [f"{left_out} boxes or points without an outline are left out"] if left_out else []
    texts = {label: name for label, name in zip(numbers, given, strict=True) if isinstance(name, str)}
    return canvas.finish(_name(image), sidecar, texts, notes)


def _places(segmentation: Any, shape: tuple[int, int]) -> Places:
    """Return rows and columns of an annotation's pixels; several polygons are one area."""
    if isinstance(segmentation, dict):
        if segmentation.get("size") != list(shape):
            raise MaskError(f"run lengths are of {segmentation.get('size')!r}, the image is {list(shape)}")
        counts = segmentation.get("counts")
        if not isinstance(counts, str | list):
            raise MaskError(f"run lengths are {type(counts).__name__}; they are a list of numbers or a text")
        return decode(unpack(counts) if isinstance(counts, str) else counts, shape)
    if not isinstance(segmentation, list):
        raise MaskError(f"a segmentation is {type(segmentation).__name__}; it is run lengths or a list of polygons")
    pieces = [fill([_ring(piece)], shape) for piece in segmentation]
    flat = np.unique(np.concatenate([y * shape[1] + x for y, x in pieces]))
    return flat // shape[1], flat % shape[1]


def _ring(numbers: Any) -> Any:
    ring = np.array(numbers, np.float64)
    if ring.ndim != 1 or ring.size % 2:
        raise MaskError("a polygon is no list of x, y, x, y …; export the file again")
    return ring.reshape(-1, 2)


def _load(path: Path) -> dict[str, Any]:
    found = _json.load(path)
    if not isinstance(found, dict) or not isinstance(found.get("images"), list):
        raise MaskError(f"{path.name} holds no list of images; COCO has 'images', 'annotations' and 'categories'")
    return found


def _entries(found: dict[str, Any], key: str) -> list[_Entry]:
    entries = found.get(key, [])
    if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        raise MaskError(f"{key!r} is no list of objects; export the file again")
    return entries


def _key(value: Any) -> Any:
    return value if isinstance(value, int | str) else repr(value)


def _name(image: _Entry) -> str:
    name = image.get("file_name")
    if not isinstance(name, str) or not name.strip():
        raise MaskError(f"an image has the file_name {name!r}; each needs a name")
    return name.replace("\\", "/")


ENTRY = Importer(
    name="coco",
    title="COCO (JSON)",
    summary="Run lengths or polygons of cells, with categories as classes; one file can hold many images.",
    endings=("_coco_polygons.json", "_coco.json", ".json"),
    recognises=_json.is_coco,
    read=read,
    images=images,
)
