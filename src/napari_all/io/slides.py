"""Images too large for memory, read piece by piece: pyramidal and tiled TIFF, OME-TIFF, SVS and its like, OME-Zarr."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_all.errors import ImageError
from napari_all.files import sha256_file
from napari_all.io import scale
from napari_all.io.tiff import DAMAGE, check_whole, pixel_size
from napari_all.types import ImageRecord, RGBImage

SLIDE_SUFFIXES: Final = (".svs", ".ndpi", ".scn", ".bif")
"""Endings of slides that are TIFF inside, lower case; `.tif` and `.zarr` are told by their content."""
SLIDE_PIXELS: Final = 25_000_000
"""A TIFF of more pixels than this is read piece by piece even without smaller copies of itself."""
_ZARR_FILES = ("zarr.json", ".zgroup", ".zattrs")
_LARGEST_CHUNK = 1 << 28
"""Bytes of a chunk that is decoded at once; more is hostile, or stored in one piece and no slide."""
_PYRAMID_STEP = 1.5
"""A smaller copy is at least this much smaller."""


@dataclass(frozen=True)
class Level:
    """One copy of the image at one resolution: give it rows and columns, get pixels.

    Attributes
    ----------
    shape
        (Y, X) in pixels of this copy.
    """

    shape: tuple[int, int]
    _read: Callable[[slice, slice], NDArray[Any]]

    def __getitem__(self, window: tuple[slice, slice]) -> RGBImage:
        """Return the window (Y, X, 3) uint8; `ImageError` where the file is damaged there."""
        try:
            return np.ascontiguousarray(self._read(*window), dtype=np.uint8)
        except DAMAGE as error:
            raise ImageError(f"the image is damaged in rows {window[0]}, columns {window[1]} ({error})") from error


@dataclass(frozen=True)
class Slide:
    """A large image.

    Attributes
    ----------
    record
        As of any image.
    levels
        The image itself, then smaller copies of it, if there are any.
    """

    record: ImageRecord
    levels: tuple[Level, ...]

    def overview(self, most_pixels: int) -> tuple[RGBImage, float]:
        """Return the whole image made small, at most about that many pixels, and its scale (small / large).

        Without a small enough copy every so many pixels are taken, which reads the file once, strip by strip.
        """
        level = next((v for v in self.levels if v.shape[0] * v.shape[1] <= most_pixels), self.levels[-1])
        height, width = level.shape
        step = max(1, int(np.ceil(np.sqrt(height * width / most_pixels))))
        strip = max(1, 512 // step) * step
        strips = (level[slice(y, min(height, y + strip)), slice(0, width)] for y in range(0, height, strip))
        small = np.concatenate([rows[::step, ::step] for rows in strips])
        return small, height / step / self.record.shape[0]


def is_zarr(path: Path) -> bool:
    """Tell whether a folder is a zarr group or array."""
    return path.is_dir() and any((path / name).is_file() for name in (*_ZARR_FILES, ".zarray"))


def is_slide(path: Path) -> bool:
    """Tell whether an image is read piece by piece: OME-Zarr, a pyramid, or a TIFF of many pixels."""
    if path.is_dir():
        return is_zarr(path)
    try:
        with path.open("rb") as stream:
            if stream.read(4) not in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
                return False
        with tifffile.TiffFile(path) as tif:
            series = tif.series[0]
            shape = dict(zip(series.axes, series.shape, strict=True))
            return len(series.levels) > 1 or shape.get("Y", 0) * shape.get("X", 0) > SLIDE_PIXELS
    except DAMAGE:
        return False  # `read_image` says what is wrong


@contextmanager
def open_slide(path: Path, sha256: str | None = None) -> Iterator[Slide]:
    """Open a slide; nothing is read but what is asked for, and all of it once for its hash.

    Parameters
    ----------
    sha256
        The hash, where it is known.

    Raises
    ------
    ImageError
        The file is missing, damaged, or no RGB image of 8 bits; the message names the remedy.
    """
    if path.is_dir():
        yield _known(_open_zarr(path), path, sha256)
        return
    try:
        with tifffile.TiffFile(path) as tif:
            yield _known(_open_tiff(tif, path), path, sha256)
    except FileNotFoundError as error:
        raise ImageError(f"{path.name} does not exist; check the path") from error
    except (tifffile.TiffFileError, OSError) as error:
        raise ImageError(f"{path.name} cannot be read ({error}); copy it again from where it came from") from error


def _known(slide: Slide, path: Path, sha256: str | None) -> Slide:
    """Give a slide its identity."""
    return replace(slide, record=replace(slide.record, sha256=sha256 or content_sha256(path)))


def content_sha256(path: Path) -> str:
    """Return the identity of an image: of the file's bytes, or of the names and bytes of a zarr's files."""
    if not path.is_dir():
        return sha256_file(path)
    digest = hashlib.sha256()
    for file in sorted(p for p in path.rglob("*") if p.is_file()):
        digest.update(f"{file.relative_to(path).as_posix()}\0{sha256_file(file)}\n".encode())
    return digest.hexdigest()


def _open_tiff(tif: tifffile.TiffFile, path: Path) -> Slide:
    import zarr

    try:
        series = tif.series[0]
        check_whole(tif, series, path.name)
        arrays: list[Any] = [zarr.open(series.aszarr(level=k), mode="r") for k in range(len(series.levels))]
        axes = "".join(a for a, n in zip(series.axes, series.shape, strict=True) if n > 1 or a in "YX")
        size = pixel_size(tif, series.keyframe)
    except DAMAGE as error:
        if isinstance(error, ImageError):
            raise
        raise ImageError(f"{path.name} is damaged ({error}); copy it again from where it came from") from error
    return _slide(path, arrays, series.axes, axes, size, f"pyramid of {len(arrays)} level(s), {series.axes}")


def _open_zarr(path: Path) -> Slide:
    import zarr

    try:
        group: Any = zarr.open_group(path, mode="r")
        attributes: dict[str, Any] = dict(group.attrs)
        described: dict[str, Any] = attributes.get("ome", attributes)["multiscales"][0]
        axes = "".join(axis["name"] if isinstance(axis, dict) else axis for axis in described["axes"]).upper()
        arrays = [group[dataset["path"]] for dataset in described["datasets"]]
        size = _ome_size(described, axes)
    except (*DAMAGE, json.JSONDecodeError) as error:
        raise ImageError(
            f"{path.name} is no OME-Zarr image ({error}); give the folder that holds its levels"
        ) from error
    wanted = "".join(a for a, n in zip(axes, arrays[0].shape, strict=True) if n > 1 or a in "YX")
    return _slide(path, arrays, axes, wanted, size, f"OME-Zarr of {len(arrays)} level(s), {axes}")


def _ome_size(described: dict[str, Any], axes: str) -> scale.PixelSize:
    """Return the pixel size that OME-Zarr declares for its finest level."""
    steps = [t for t in described["datasets"][0].get("coordinateTransformations", []) if t.get("type") == "scale"]
    if not steps:
        return None
    factors, units = steps[0]["scale"], [axis.get("unit", "") for axis in described["axes"]]
    unit = {"micrometer": "um", "nanometer": "nm", "millimeter": "mm"}.get(units[axes.index("X")])
    return scale.from_unit(factors[axes.index("Y")], factors[axes.index("X")], unit) if unit else None


def _slide(path: Path, arrays: list[Any], stored: str, axes: str, size: scale.PixelSize, source: str) -> Slide:
    """Check what was opened and make one reader per level."""
    name, colour = path.name, next((a for a in axes if a in "SC"), None)
    count = arrays[0].shape[stored.index(colour)] if colour else 1
    if sorted(axes) != sorted(f"YX{colour}") or count != 3 or arrays[0].dtype != np.uint8:
        raise ImageError(
            f"{name} has axes {stored}, shape {tuple(arrays[0].shape)}, type {arrays[0].dtype}; a slide is one plane "
            "of red, green and blue with 8 bits: save it so (for example with QuPath: File > Export images > OME TIFF)"
        )
    levels: list[Level] = []
    for array in arrays:
        if int(np.prod(array.chunks)) > _LARGEST_CHUNK:
            raise ImageError(
                f"{name} is stored in pieces of {tuple(array.chunks)} pixels, too large to be read one by one; save it "
                "with tiles (for example with QuPath or bfconvert -tilex 512 -tiley 512)"
            )
        shape = tuple(array.shape[stored.index(a)] for a in "YX")
        if not levels or shape[0] * _PYRAMID_STEP < levels[-1].shape[0]:
            levels.append(Level((int(shape[0]), int(shape[1])), _reader(array, stored, str(colour))))
    record = ImageRecord(path, "", levels[0].shape, size, source)
    return Slide(record, tuple(levels))


def _reader(array: Any, stored: str, colour: str) -> Callable[[slice, slice], NDArray[Any]]:
    kept = [a for a in stored if a in f"YX{colour}"]
    order = [kept.index(a) for a in f"YX{colour}"]

    def read(rows: slice, columns: slice) -> NDArray[Any]:
        window = tuple({"Y": rows, "X": columns, colour: slice(None)}.get(axis, 0) for axis in stored)
        return np.asarray(array[window]).transpose(order)

    return read
