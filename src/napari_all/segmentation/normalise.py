"""Bring the colours of an image to a common ground before any method sees them.

Stain, lamp and camera differ between laboratories. Each choice works on the whole image at once, so it moves colours
and never edges.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_all.types import RGBImage

Normalise: TypeAlias = Literal["none", "white-balance", "grey-world", "reinhard"]

REINHARD_MEAN = (223.1, 128.6, 135.2)
REINHARD_STD = (32.1, 9.2, 9.9)
"""Target of `reinhard`: mean and standard deviation of L*, a*, b* (OpenCV's 8-bit Lab) over synthetic smears of this
project, all stains; `python benchmarks/normalisation.py --target` prints them. No image is shipped."""

_BRIGHT_PERCENTILE = 80
"""What is brighter than this holds the background between the cells, even of a crowded field."""
_SAMPLE_PIXELS = 250_000


def normalise(rgb: RGBImage, choice: Normalise) -> RGBImage:
    """Return the image with its colours normalised; the input stays as it is.

    Parameters
    ----------
    rgb
        (Y, X, 3) uint8.
    choice
        "none"; "white-balance" brings the bright background to white; "grey-world" gives the channels one mean;
        "reinhard" gives L*, a*, b* the mean and spread of a stated target (Reinhard et al. 2001,
        doi 10.1109/38.946629, in CIE Lab instead of their lαβ).
    """
    return _CHOICES[choice](rgb)


def background_colour(rgb: RGBImage) -> NDArray[np.float64]:
    """Return the (R, G, B) of the background, the median of the brightest fifth of the pixels, each at least 1."""
    step = max(1, int(np.sqrt(rgb.shape[0] * rgb.shape[1] / _SAMPLE_PIXELS)))
    pixels = rgb[::step, ::step].reshape(-1, 3)
    brightness = pixels.astype(np.int32).sum(axis=1)
    bright = pixels[brightness >= np.percentile(brightness, _BRIGHT_PERCENTILE)]
    return np.asarray(np.maximum(np.median(bright, axis=0), 1.0), np.float64)


def white_balance(rgb: RGBImage) -> RGBImage:
    """Scale each channel so that the background becomes white."""
    return _scaled(rgb, 255.0 / background_colour(rgb))


def grey_world(rgb: RGBImage) -> RGBImage:
    """Scale each channel to the mean of all three (Buchsbaum 1980, doi 10.1016/0016-0032(80)90058-7)."""
    means = np.maximum(rgb.reshape(-1, 3).mean(axis=0), 1.0)
    return _scaled(rgb, means.mean() / means)


def reinhard(rgb: RGBImage) -> RGBImage:
    """Give L*, a* and b* the mean and standard deviation of the target."""
    lab = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB), np.uint8)
    pixels = lab.reshape(-1, 3)
    gain = np.array(REINHARD_STD) / np.maximum(pixels.std(axis=0), 1.0)
    table = (np.arange(256)[:, None] - pixels.mean(axis=0)) * gain + REINHARD_MEAN
    return np.asarray(cv2.cvtColor(_looked_up(lab, table), cv2.COLOR_LAB2RGB), np.uint8)


def _scaled(rgb: RGBImage, gain: NDArray[np.float64]) -> RGBImage:
    return _looked_up(rgb, np.arange(256)[:, None] * gain)


def _looked_up(planes: NDArray[np.uint8], table: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Replace the values of three planes by those of a (256, 3) table."""
    rounded = np.clip(np.rint(table), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(np.ascontiguousarray(planes), rounded[:, None, :]), np.uint8)


_CHOICES: dict[str, Callable[[RGBImage], RGBImage]] = {
    "none": lambda rgb: rgb,
    "white-balance": white_balance,
    "grey-world": grey_world,
    "reinhard": reinhard,
}
