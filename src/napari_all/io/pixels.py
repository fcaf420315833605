"""Any stored pixels become RGB uint8, by one stated rule per case."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_all.errors import ImageError
from napari_all.types import RGBImage

_CAMERA_BITS = (8, 10, 12, 14, 16)


def significant_bits(array: NDArray[Any], declared: int | None = None) -> int:
    """Return how many bits of unsigned integer pixels carry the picture.

    Parameters
    ----------
    array
        uint8 or uint16 pixels.
    declared
        Bits that the file's own metadata declares, which are believed; None or the full 16 of a container
        does not tell, so the smallest of 8, 10, 12, 14 and 16 bits that holds the largest value is taken:
        a 12-bit camera's frame in a 16-bit file is then as bright as it was on the camera.
    """
    if array.dtype == np.uint8:
        return min(declared or 8, 8)
    if declared and declared < 16:
        return declared
    largest = int(array.max(initial=0))
    return next(bits for bits in _CAMERA_BITS if largest < 1 << bits)


def to_uint8(array: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    """Scale pixels of `bits` significant bits to 0..255, rounding to nearest; 8 bits are left as they are."""
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255)
    if bits == 8:
        return array.astype(np.uint8, copy=False)
    full = (1 << bits) - 1
    scaled: NDArray[np.uint32] = (np.minimum(array, full).astype(np.uint32) * 255 + full // 2) // full
    return scaled.astype(np.uint8)


def check_count(height: int, width: int, max_pixels: int, name: str) -> None:
    """Refuse an image with more than `max_pixels` pixels."""
    if height * width > max_pixels:
        raise ImageError(
            f"{name} has {width} x {height} = {height * width:,} pixels, over the limit of {max_pixels:,}; "
            "crop it, or raise the limit (--max-pixels)"
        )


def check_dtype(array_dtype: np.dtype[Any], name: str) -> None:
    """Refuse pixels whose range has no stated meaning: floats, signed and 32-bit integers."""
    if array_dtype not in (np.dtype(bool), np.dtype(np.uint8), np.dtype(np.uint16)):
        raise ImageError(
            f"{name} holds {array_dtype.name} pixels, whose brightness has no fixed scale; "
            "save it as 8-bit or 16-bit unsigned (ImageJ: Image > Type > RGB Color)"
        )


def grey_to_rgb(grey: NDArray[np.uint8]) -> RGBImage:
    """Repeat (Y, X) grey in the three colours."""
    return np.repeat(grey[..., np.newaxis], 3, axis=-1)


def cmyk_to_rgb(cmyk: NDArray[np.uint8]) -> RGBImage:
    """Turn (Y, X, 4) ink (255 = full ink) into RGB as (1 - ink)(1 - black), without a colour profile."""
    paper = 255 - cmyk.astype(np.uint32)
    rgb: RGBImage = ((paper[..., :3] * paper[..., 3:] + 127) // 255).astype(np.uint8)
    return rgb


def over_white(rgb: NDArray[np.uint8], alpha: NDArray[np.uint8], *, premultiplied: bool = False) -> RGBImage:
    """Lay a transparent picture on white, as an empty part of a slide looks.

    Parameters
    ----------
    rgb, alpha
        (Y, X, 3) and (Y, X) uint8; alpha 255 = opaque.
    premultiplied
        True when the colours were multiplied by alpha already (TIFF 'associated' alpha).
    """
    opaque = alpha[..., np.newaxis].astype(np.uint32)
    weight = 255 if premultiplied else opaque
    mixed = (rgb.astype(np.uint32) * weight + 255 * (255 - opaque) + 127) // 255
    clipped: RGBImage = np.minimum(mixed, 255).astype(np.uint8)
    return clipped


def orient(array: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn stored rows and columns upright by the EXIF/TIFF orientation (1..8; others are left alone)."""
    if orientation >= 5:
        array = np.swapaxes(array, 0, 1)
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    return np.ascontiguousarray(array)
