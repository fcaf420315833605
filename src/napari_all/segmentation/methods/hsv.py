"""Thresholding in hue, saturation and value: quick, explainable, and the way the dataset's authors went.

Hue is OpenCV's 0-179, saturation and value 0-255. The preset `published` reproduces the masks of Ghaderzadeh et al.
(Int J Intell Syst 2022;37:5113). The automatic limits use Otsu's method (doi 10.1109/TSMC.1979.4310076) twice: on
hue, between red and white cells, and on saturation, between what is left of the background and the cells.
"""

from __future__ import annotations

import cv2
import numpy as np
from pydantic import Field
from skimage.filters import threshold_otsu

from napari_all.classes import NUCLEUS
from napari_all.config import Settings
from napari_all.monitor import Monitor
from napari_all.segmentation.method import PostprocessSettings, Preset, RawSegmentation, SegmentationMethod
from napari_all.types import BoolMask, RGBImage

_SEARCH = (100, 175)
"""Hues among which cells are looked for: blue-grey red cells at the low end, magenta nuclei at the high end."""
_BOUNDARY = (117, 124)
"""The automatic lower hue stays here: red cells of every stain seen lie below, white cells above."""
_LEAST_SATURATION = 30
_SAMPLE_PIXELS = 250_000


class HsvSettings(Settings):
    """Limits of the HSV box; a hue range with `hue_low` above `hue_high` wraps round through 179 and 0."""

    automatic: bool = Field(True, description="Find the lower hue and saturation limits from the image")
    hue_low: int = Field(120, ge=0, le=179, description="Lowest hue (0–179); found from the image when automatic")
    hue_high: int = Field(175, ge=0, le=179, description="Highest hue (0–179); below the lowest, the range wraps round")
    saturation_low: int = Field(
        47, ge=0, le=255, description="Lowest saturation (0–255); found from the image when automatic"
    )
    saturation_high: int = Field(255, ge=0, le=255, description="Highest saturation (0–255)")
    value_low: int = Field(0, ge=0, le=255, description="Lowest value, that is brightness (0–255)")
    value_high: int = Field(255, ge=0, le=255, description="Highest value, that is brightness (0–255)")


def found_limits(rgb: RGBImage, settings: HsvSettings) -> HsvSettings:
    """Return settings whose automatic limits are replaced by those found in the image.

    Parameters
    ----------
    rgb
        (Y, X, 3) uint8.
    settings
        With `automatic` off they come back unchanged.
    """
    if not settings.automatic:
        return settings
    step = max(1, int(np.sqrt(rgb.shape[0] * rgb.shape[1] / _SAMPLE_PIXELS)))
    hsv = cv2.cvtColor(cv2.GaussianBlur(rgb, (3, 3), 0.7)[::step, ::step], cv2.COLOR_RGB2HSV)
    hue, saturation = hsv[..., 0], hsv[..., 1]
    low, high = _SEARCH
    coloured = (hue >= low) & (hue <= high) & (saturation >= _LEAST_SATURATION)
    weights = np.bincount(hue[coloured], weights=saturation[coloured].astype(float), minlength=180)[low : high + 1]
    boundary = _BOUNDARY[0]
    if np.count_nonzero(weights) > 1:
        boundary = int(np.clip(threshold_otsu(hist=(weights, np.arange(low, high + 1))), *_BOUNDARY))
    cells = np.where((hue > boundary) & (hue <= settings.hue_high), saturation, 0).astype(np.uint8)
    threshold, _ = cv2.threshold(cells, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    return settings.updated(
        automatic=False,
        hue_low=boundary + 1,
        saturation_low=int(max(threshold, _LEAST_SATURATION)) + 1,
    )


def threshold_hsv(rgb: RGBImage, settings: HsvSettings) -> BoolMask:
    """Return the (Y, X) bool mask of pixels inside the box."""
    limits = found_limits(rgb, settings)
    image = cv2.GaussianBlur(rgb, (3, 3), 0.7) if settings.automatic else rgb
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    floor = (limits.saturation_low, limits.value_low)
    ceiling = (limits.saturation_high, limits.value_high)
    if limits.hue_low <= limits.hue_high:
        mask = cv2.inRange(hsv, (limits.hue_low, *floor), (limits.hue_high, *ceiling))
    else:
        upper = cv2.inRange(hsv, (limits.hue_low, *floor), (179, *ceiling))
        mask = cv2.bitwise_or(upper, cv2.inRange(hsv, (0, *floor), (limits.hue_high, *ceiling)))
    return np.asarray(mask > 0)


def _preview(rgb: RGBImage, settings: Settings) -> BoolMask:
    assert isinstance(settings, HsvSettings)
    return threshold_hsv(rgb, settings)


def _resolve(rgb: RGBImage, settings: Settings) -> Settings:
    assert isinstance(settings, HsvSettings)
    return found_limits(rgb, settings)


def _run(rgb: RGBImage, settings: Settings, monitor: Monitor) -> RawSegmentation:
    monitor.raise_if_cancelled()
    return RawSegmentation(classes=_preview(rgb, settings).astype(np.uint8) * np.uint8(NUCLEUS))


ENTRY = SegmentationMethod(
    name="hsv",
    title="HSV threshold",
    summary="Colour limits in hue, saturation and value; quick, needs no model.",
    parts="cell",
    settings=HsvSettings,
    presets={
        "default": Preset(HsvSettings(), PostprocessSettings(), "Limits found from each image, masks cleaned"),
        "published": Preset(
            HsvSettings(automatic=False, hue_low=120, hue_high=133, saturation_low=44),
            PostprocessSettings(fill_holes=False, smooth_px=0, min_area_px=0, split_touching=False),
            "Reproduces the masks published with the Taleqani ALL images, which miss most Pro-B cells",
        ),
    },
    run=_run,
    preview=_preview,
    resolve=_resolve,
    by_blocks=True,
)
