"""Read any supported image file as RGB uint8.

Rules, one per case: grey is repeated in three colours; palette colours are looked up; alpha is laid on
white; CMYK is (1 - ink)(1 - black); 1-bit is 0 and 255; 16-bit is scaled from its significant bits
(`pixels.significant_bits`); numbers are taken as sRGB and colour profiles are not applied; EXIF/TIFF
orientation is applied. Floating-point and signed pixels, stacks, time series and pages have no one reading
as a colour field and are refused.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final

import numpy as np
from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from napari_all.errors import ImageError
from napari_all.io import pixels, scale
from napari_all.io.tiff import DAMAGE, read_tiff
from napari_all.types import ImageRecord, RGBImage

IMAGE_SUFFIXES: Final = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
"""File endings of readable images, lower case."""
MAX_PIXELS: Final = 100_000_000
"""Largest image read unless the caller asks for more."""

_TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
# The plugin classes, not Image.open: its own limit is a global that one reader must not change for all.
_PILLOW: Final[dict[bytes, Callable[[IO[bytes]], ImageFile]]] = {
    b"\x89PNG\r\n\x1a\n": PngImageFile,
    b"\xff\xd8\xff": JpegImageFile,
    b"BM": BmpImageFile,
}
_ORIENTATION = 0x0112


def read_image(path: Path | str, *, max_pixels: int = MAX_PIXELS) -> tuple[ImageRecord, RGBImage]:
    """Read an image file.

    Parameters
    ----------
    path
        PNG, JPEG, BMP, TIFF or OME-TIFF; told by its content, not its name.
    max_pixels
        Largest width times height that is decoded; checked before decoding.

    Returns
    -------
    record
        Path, SHA-256 of the file, shape (Y, X), pixel size in um where the file tells it, what was stored.
    rgb
        (Y, X, 3) uint8.

    Raises
    ------
    ImageError
        The file is missing, empty, damaged, no image, of a refused kind or too large; the message names
        the file and the remedy.
    """
    path = Path(path)
    try:
        with path.open("rb") as stream, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks on odd EXIF; what matters becomes an ImageError
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            stream.seek(0)
            rgb, size, source = _decode(stream, path.name, max_pixels)
    except ImageError:
        raise
    except MemoryError as error:
        raise ImageError(f"{path.name} does not fit into memory; crop it or close other programs") from error
    except OSError as error:
        raise ImageError(f"cannot open {path.name}: {error.strerror or error}; check the path") from error
    return ImageRecord(path, digest, (rgb.shape[0], rgb.shape[1]), size, source), rgb


def _decode(stream: IO[bytes], name: str, max_pixels: int) -> tuple[RGBImage, scale.PixelSize, str]:
    start = stream.read(26)
    stream.seek(0)
    if not start:
        raise ImageError(f"{name} is an empty file; copy it again from where it came from")
    if start.startswith(_TIFF_STARTS):
        return read_tiff(stream, name, max_pixels)
    for magic, reader in _PILLOW.items():
        if start.startswith(magic):
            try:
                return _read_with_pillow(reader(stream), start, name, max_pixels)
            except (*DAMAGE, EOFError) as error:
                if isinstance(error, ImageError):
                    raise
                raise ImageError(
                    f"{name} is truncated or damaged ({error}); copy it again from where it came from"
                ) from error
    raise ImageError(
        f"{name} is not an image of a supported kind (PNG, JPEG, BMP, TIFF); convert it to PNG or TIFF, "
        "for example with ImageJ: File > Save As"
    )


def _read_with_pillow(
    image: ImageFile, start: bytes, name: str, max_pixels: int
) -> tuple[RGBImage, scale.PixelSize, str]:
    pixels.check_count(image.height, image.width, max_pixels, name)
    frames = getattr(image, "n_frames", 1)
    if frames > 1:
        raise ImageError(
            f"{name} is an animation of {frames} frames; save the one frame to be read as an image of its own"
        )
    kind = image.format or "image"
    if kind == "PNG" and start[24] == 16:
        rgb, source = _sixteen_bit_png(image, name)
    else:
        rgb, source = _pillow_rgb(image), f"{image.mode} {kind}"
    size: scale.PixelSize = None
    if "dpi" in image.info:
        x_dpi, y_dpi = (float(v) for v in image.info["dpi"])
        size = scale.from_resolution(y_dpi, x_dpi, unit_um=25400)
    orientation = int(image.getexif().get(_ORIENTATION, 1))
    if size is not None and orientation >= 5:
        size = (size[1], size[0])
    return pixels.orient(rgb, orientation), size, source


def _pillow_rgb(image: Image.Image) -> RGBImage:
    if image.mode == "CMYK":
        return pixels.cmyk_to_rgb(np.asarray(image))
    if "A" in image.mode or "transparency" in image.info:
        rgba = np.asarray(image.convert("RGBA"))
        return pixels.over_white(rgba[..., :3], rgba[..., 3])
    return np.asarray(image.convert("RGB"))


def _sixteen_bit_png(image: ImageFile, name: str) -> tuple[RGBImage, str]:
    """Decode with libpng, because Pillow keeps only the high byte of 16-bit colours."""
    import imagecodecs

    stream = image.fp
    if stream is None:
        raise ImageError(f"{name} is truncated or damaged; copy it again from where it came from")
    stream.seek(0)
    try:
        stored = np.asarray(imagecodecs.png_decode(stream.read()))
    except imagecodecs.PngError as error:
        raise ImageError(f"{name} is truncated or damaged ({error}); copy it again from its source") from error
    if stored.ndim == 2:
        stored = stored[..., np.newaxis]
    channels = stored.shape[-1]
    colours = stored[..., : 3 if channels >= 3 else 1]
    bits = pixels.significant_bits(colours)
    rgb = pixels.to_uint8(colours, bits)
    if rgb.shape[-1] == 1:
        rgb = pixels.grey_to_rgb(rgb[..., 0])
    if channels in (2, 4):
        rgb = pixels.over_white(rgb, pixels.to_uint8(stored[..., -1], 16))
    return rgb, f"16-bit PNG of {channels} channel(s), {bits} significant bits"
