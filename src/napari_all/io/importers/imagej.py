"""ImageJ's ROIs: one (.roi) or a ZIP of them, read in memory; nothing is unpacked onto the disk."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import roifile

from napari_all.errors import MaskError
from napari_all.io.exporters.imagej import KEY
from napari_all.io.importers._build import Canvas, checked_size, image_shape, numbers_for, sidecar_from
from napari_all.io.importers._importer import Imported, Importer, ImportRequest
from napari_all.io.outlines import Ring, fill

_MAGIC = b"Iout"
_ZIPS = (b"PK\x03\x04", b"PK\x05\x06")
"""A ZIP with files and one without: no cell, no ROI."""
_MOST_ROIS = 1_000_000
_MOST_BYTES = 64_000_000
_MOST_BYTES_TOGETHER = 1_000_000_000
_AREAS = frozenset(
    {
        roifile.ROI_TYPE.POLYGON,
        roifile.ROI_TYPE.FREEHAND,
        roifile.ROI_TYPE.TRACED,
        roifile.ROI_TYPE.RECT,
        roifile.ROI_TYPE.OVAL,
    }
)


@dataclass(frozen=True)
class _Roi:
    told: dict[str, str]
    rings: list[Ring]


def recognises(path: Path) -> bool:
    """Tell whether a file is a ROI, or a ZIP that holds some."""
    with path.open("rb") as stream:
        start = stream.read(4)
    if start not in _ZIPS:
        return start == _MAGIC
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
        return not names or any(name.lower().endswith(".roi") for name in names)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return path.name.lower().endswith(".zip")  # damaged: reading it says so


def read(path: Path, request: ImportRequest) -> Iterator[Imported]:
    """Read areas; lines, points and texts are left out. ROIs of napari-all tell number, part, class and sizes."""
    found = [_roi(content) for content in _contents(path)]
    areas = [roi for roi in found if roi.rings]
    if found and not areas:
        raise MaskError(f"{path.name} holds {len(found)} ROIs but no area; draw polygons, freehand areas or ovals")
    cells = [roi for roi in areas if roi.told.get("part") != "nucleus"]
    facts = next((roi.told for roi in areas), {})
    sidecar = sidecar_from(None, pixel_size_um=_size(facts), parts=_parts(facts))
    rings = [ring for roi in areas for ring in roi.rings]
    shape = image_shape(request, _shape(facts), rings)
    canvas = Canvas(shape)
    numbers = numbers_for([_number(roi.told.get("label")) for roi in cells])
    for label, roi in zip(numbers, cells, strict=True):
        canvas.claim(label, fill(roi.rings, shape))
    for roi in areas:
        if roi.told.get("part") == "nucleus" and (of := _number(roi.told.get("label"))) in numbers and of is not None:
            canvas.nucleus(of, fill(roi.rings, shape))
    left_out = len(found) - len(areas)
    notes = [f"{left_out} ROIs that are no areas are left out"] if left_out else []
    names = {label: roi.told.get("class") for label, roi in zip(numbers, cells, strict=True)}
    yield canvas.finish("", sidecar, names, notes)


def _contents(path: Path) -> Iterator[bytes]:
    """Yield the bytes of each ROI; what a ZIP claims of their sizes is checked before and while they are read."""
    if not zipfile.is_zipfile(path):
        if path.stat().st_size > _MOST_BYTES:
            raise MaskError(f"{path.name} is larger than any ROI; choose another file")
        yield path.read_bytes()
        return
    together = 0
    with zipfile.ZipFile(path) as archive:
        entries = [entry for entry in archive.infolist() if entry.filename.lower().endswith(".roi")]
        if len(entries) > _MOST_ROIS:
            raise MaskError(f"{path.name} holds {len(entries):,} ROIs, over the limit of {_MOST_ROIS:,}")
        for entry in entries:
            with archive.open(entry) as stream:
                content = stream.read(_MOST_BYTES + 1)
            together += len(content)
            if len(content) > _MOST_BYTES or together > _MOST_BYTES_TOGETHER:
                raise MaskError(f"{path.name} unpacks to more than any ROIs are large; it is damaged or a trap")
            yield content


def _roi(content: bytes) -> _Roi:
    roi = roifile.ImagejRoi.frombytes(content)
    pairs = (line.split(": ", 1) for line in roi.props.splitlines() if line.startswith(f"{KEY}_") and ": " in line)
    told = {key.removeprefix(f"{KEY}_"): value for key, value in pairs}
    if roi.roitype not in _AREAS or roi.subtype in (roifile.ROI_SUBTYPE.TEXT, roifile.ROI_SUBTYPE.IMAGE):
        return _Roi(told, [])
    return _Roi(told, [ring for ring in roi.coordinates(multi=True) if len(ring) > 2])


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() and len(text) <= 10 else None


def _numbers(text: str) -> list[float]:
    try:
        return [float(word) for word in text.split()]
    except ValueError:
        return []


def _size(facts: dict[str, str]) -> tuple[float, float] | None:
    return checked_size(_numbers(facts.get("pixel_size_um", "")))


def _shape(facts: dict[str, str]) -> tuple[int, int] | None:
    sides = [_number(word) for word in facts.get("image_size", "").split()]
    return (sides[0], sides[1]) if len(sides) == 2 and sides[0] and sides[1] else None


def _parts(facts: dict[str, str]) -> str | None:
    parts = facts.get("parts")
    return parts if parts in ("nucleus", "cell", "nucleus+cytoplasm") else None


ENTRY = Importer(
    name="imagej",
    title="ImageJ ROIs",
    summary="Areas of ImageJ's ROI Manager (ZIP) or a single ROI; numbers and classes where napari-all wrote them.",
    endings=("_rois.zip", ".zip", ".roi"),
    recognises=recognises,
    read=read,
)
