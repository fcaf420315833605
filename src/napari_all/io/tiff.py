"""Read one plane of a TIFF or OME-TIFF as RGB uint8."""

from __future__ import annotations

import math
import re
import struct
import zlib
from typing import IO, Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from tifffile import COMPRESSION, EXTRASAMPLE, PHOTOMETRIC, TiffFile, TiffPage, TiffPageSeries, TiffTag

from napari_all.errors import ImageError
from napari_all.io import pixels, scale
from napari_all.types import RGBImage

_COLOUR_AXES = ("S", "C")
_READ_KINDS = (
    PHOTOMETRIC.MINISBLACK,
    PHOTOMETRIC.MINISWHITE,
    PHOTOMETRIC.RGB,
    PHOTOMETRIC.YCBCR,
    PHOTOMETRIC.SEPARATED,
)
DAMAGE = (
    tifffile.TiffFileError,
    OSError,
    RuntimeError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    SyntaxError,
    struct.error,
    zlib.error,
)
"""What decoders raise on a damaged file; imagecodecs' own errors are RuntimeErrors, XML's are SyntaxErrors."""
_DENSITY_UM = {2: 25400.0, 3: 10000.0}


def read_tiff(stream: IO[bytes], name: str, max_pixels: int) -> tuple[RGBImage, scale.PixelSize, str]:
    """Return pixels (Y, X, 3) uint8, pixel size (y, x) in um or None, and what was stored, in words.

    Raises `ImageError` for stacks and pages, more pixels than the limit (before decoding), damage, and pixel
    kinds that have no reading as colour.
    """
    try:
        with TiffFile(stream, name=name) as tif:
            return _read(tif, name, max_pixels)
    except DAMAGE as error:
        if isinstance(error, ImageError):
            raise
        raise ImageError(f"{name} is truncated or damaged ({error}); copy it again from where it came from") from error


def _read(tif: TiffFile, name: str, max_pixels: int) -> tuple[RGBImage, scale.PixelSize, str]:
    series = _one_series(tif, name)
    page = series.keyframe
    axes = "".join(a for a, n in zip(series.axes, series.shape, strict=True) if n > 1 or a in "YX")
    _check_axes(axes, series, page, name)
    height, width = (series.shape[series.axes.index(a)] for a in "YX")
    pixels.check_count(height, width, max_pixels, name)
    if series.dtype is None:
        raise ImageError(f"{name} is truncated or damaged (no pixel type); copy it again from its source")
    pixels.check_dtype(series.dtype, name)
    check_whole(tif, series, name)
    stored = series.asarray()
    stored = stored.reshape([n for a, n in zip(series.axes, series.shape, strict=True) if n > 1 or a in "YX"])
    if len(axes) == 3:
        stored = np.moveaxis(stored, next(i for i, a in enumerate(axes) if a in _COLOUR_AXES), -1)
    ome = _ome_pixels(tif)
    rgb, bits = _to_rgb(stored, page, ome, name)
    size = pixel_size(tif, page)
    tag = page.tags.get("Orientation")
    orientation = int(tag.value) if tag is not None else 1
    if size is not None and orientation >= 5:
        size = (size[1], size[0])
    kind = PHOTOMETRIC(page.photometric).name.lower()
    words = f"{series.dtype.name} {kind} TIFF, axes {series.axes}, {bits} significant bits"
    return pixels.orient(rgb, orientation), size, words


def _one_series(tif: TiffFile, name: str) -> TiffPageSeries:
    full = [s for s in tif.series if s.keyframe is not None and not s.keyframe.subfiletype & 1]
    if not full:
        raise ImageError(f"{name} holds no image, or is truncated; copy it again from where it came from")
    if len(full) > 1:
        raise ImageError(
            f"{name} holds {len(full)} images; save the one to be read as a file of its own "
            "(ImageJ: Image > Duplicate, File > Save As)"
        )
    return full[0]


def _check_axes(axes: str, series: TiffPageSeries, page: TiffPage, name: str) -> None:
    colour = axes.replace("Y", "").replace("X", "")
    if "Y" not in axes or "X" not in axes or len(colour) > 1 or (colour and colour not in _COLOUR_AXES):
        raise ImageError(
            f"{name} is a stack (axes {series.axes}, shape {tuple(series.shape)}); save the one plane to be "
            "read as a file of its own (ImageJ: Image > Duplicate, File > Save As)"
        )
    if colour == "C" and series.shape[series.axes.index("C")] != 3:
        count = series.shape[series.axes.index("C")]
        raise ImageError(
            f"{name} has {count} separate channels, so which is red, green and blue is not known; "
            "save it as RGB (ImageJ: Image > Type > RGB Color)"
        )


def check_whole(tif: TiffFile, series: TiffPageSeries, name: str) -> None:
    """Refuse a file that ends before its last strip: decoders may fill what is missing with black."""
    size = tif.filehandle.size
    first = series.keyframe
    if first is not None and first.bitspersample == 1 and first.samplesperpixel > 1:  # a lost tag reads as 1
        raise ImageError(f"{name} is truncated or damaged (no depth of its colours); copy it again from its source")
    for page in series.pages:
        if page is None:
            raise ImageError(f"{name} lacks a part of the image; copy it again from where it came from")
        if len(page.dataoffsets) != math.prod(page.chunked):
            raise ImageError(f"{name} is damaged: parts of the image are not listed; copy it again from its source")
        for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True):
            if offset + count > size:
                raise ImageError(
                    f"{name} is truncated: it ends at byte {size:,} of {offset + count:,}; "
                    "copy it again from where it came from"
                )


def _to_rgb(stored: NDArray[Any], page: TiffPage, ome: dict[str, Any], name: str) -> tuple[RGBImage, int]:
    if page.photometric == PHOTOMETRIC.PALETTE and stored.ndim == 2:
        if page.colormap is None:
            raise ImageError(f"{name} is a palette image without its palette; save it as RGB")
        table = (np.asarray(page.colormap, np.uint16) >> 8).astype(np.uint8)  # writers differ below that
        return np.ascontiguousarray(table[:, stored].transpose(1, 2, 0)), 8
    if stored.ndim == 2:
        stored = stored[..., np.newaxis]
    count, alpha = _colour_count(stored.shape[-1], page, name)
    declared = ome.get("SignificantBits", page.bitspersample if page.bitspersample != 16 else None)
    bits = pixels.significant_bits(stored[..., :count], int(declared) if declared else None)
    colours = pixels.to_uint8(stored[..., :count], bits)
    if page.photometric == PHOTOMETRIC.MINISWHITE:
        colours = 255 - colours
    if count == 4:
        return pixels.cmyk_to_rgb(colours), bits
    rgb = pixels.grey_to_rgb(colours[..., 0]) if count == 1 else np.ascontiguousarray(colours)
    if alpha is not None:
        opacity = pixels.to_uint8(stored[..., count], 16 if stored.dtype == np.uint16 else 8)
        rgb = pixels.over_white(rgb, opacity, premultiplied=alpha == EXTRASAMPLE.ASSOCALPHA)
    return rgb, bits


def _colour_count(samples: int, page: TiffPage, name: str) -> tuple[int, EXTRASAMPLE | None]:
    """Return how many leading samples are colour (1, 3, or 4 for CMYK) and the kind of alpha after them."""
    kind = PHOTOMETRIC(page.photometric)
    uncoded = kind == PHOTOMETRIC.YCBCR and page.compression not in (COMPRESSION.JPEG, COMPRESSION.OJPEG)
    if uncoded or kind not in _READ_KINDS:
        raise ImageError(f"{name} stores colours as {kind.name}, which is not read; save it as RGB")
    count = 4 if kind == PHOTOMETRIC.SEPARATED else 3 if samples >= 3 else 1
    if samples < count:
        raise ImageError(f"{name} stores {samples} of the {count} channels of {kind.name}; save it as RGB")
    extra = EXTRASAMPLE(page.extrasamples[0]) if samples > count and page.extrasamples else None
    return count, None if extra == EXTRASAMPLE.UNSPECIFIED else extra


def _ome_pixels(tif: TiffFile) -> dict[str, Any]:
    if not tif.ome_metadata:
        return {}
    image = tifffile.xml2dict(tif.ome_metadata).get("OME", {}).get("Image", {})
    found = (image[0] if isinstance(image, list) else image).get("Pixels", {})
    return found if isinstance(found, dict) else {}


def pixel_size(tif: TiffFile, page: TiffPage) -> scale.PixelSize:
    """Return the (y, x) pixel size in micrometres that OME, Aperio or ImageJ metadata or the resolution tell."""
    ome = _ome_pixels(tif)
    if "PhysicalSizeX" in ome:
        y, x = ome.get("PhysicalSizeY"), ome["PhysicalSizeX"]
        return scale.from_unit(None if y is None else float(y), float(x), str(ome.get("PhysicalSizeXUnit", "µm")))
    aperio = re.search(r"\|\s*MPP\s*=\s*([0-9.]+)", page.description)
    if aperio:
        return scale.from_unit(None, float(aperio[1]), "um")
    y_density, x_density = (_density(page.tags.get(n)) for n in ("YResolution", "XResolution"))
    imagej = tif.imagej_metadata or {}
    if imagej.get("unit") and y_density > 0 and x_density > 0:
        named = scale.from_unit(1 / y_density, 1 / x_density, str(imagej["unit"]))
        if named is not None:
            return named
    unit = page.tags.get("ResolutionUnit")
    per_um = _DENSITY_UM.get(int(unit.value) if unit is not None else 2)
    return scale.from_resolution(y_density, x_density, per_um) if per_um else None


def _density(tag: TiffTag | None) -> float:
    if tag is None or not tag.value[1]:
        return 0.0
    return float(tag.value[0] / tag.value[1])
