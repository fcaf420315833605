"""Nuclei of white cells by local contrast of stain, without training; see `napari_all.segmentation.nuclear_stain`."""

from __future__ import annotations

import cv2
import numpy as np
from pydantic import Field

from napari_all.classes import NUCLEUS
from napari_all.config import Settings
from napari_all.monitor import Monitor
from napari_all.segmentation.method import PostprocessSettings, Preset, RawSegmentation, SegmentationMethod
from napari_all.segmentation.nuclear_stain import Choice, find_limits, tidy
from napari_all.segmentation.stain import smoothed, stain_planes
from napari_all.types import BoolMask, RGBImage

_LOOK_PIXELS = 400_000
"""Larger images are looked through on a reduced copy; edges always come from every pixel."""
_LEAST_RADIUS_PX = 6.0
"""A copy reduced so far that nuclei are smaller than this shows too little of them."""


class NucleiSettings(Settings):
    """Settings of the `nuclei` method."""

    edge: float = Field(
        0.5,
        ge=0.1,
        le=0.9,
        description="Where a nucleus ends: 0 = at the stain of its surroundings, 1 = at its own; higher is tighter",
    )
    pale: float = Field(
        0.65,
        ge=0.0,
        le=1.0,
        description="Least stain of a nucleus as a share of the field's typical one; lower takes paler ones",
    )


def preview(rgb: RGBImage, settings: Settings) -> BoolMask:
    """Return the pixels of nuclei, (Y, X) bool, with specks and holes."""
    own = NucleiSettings.parse(settings.model_dump())
    choice = Choice(own.edge, own.pale)
    stain, redness = stain_planes(rgb)
    factor = max(1, round(float(np.sqrt(stain.size / _LOOK_PIXELS))))
    found = None
    if factor > 1:
        size = (max(1, stain.shape[1] // factor), max(1, stain.shape[0] // factor))
        small = [
            np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.uint8) for plane in (stain, redness)
        ]
        found = find_limits(small[0], small[1], choice)
    if factor == 1 or found is None or found.radius_px < _LEAST_RADIUS_PX:
        factor, found = 1, find_limits(stain, redness, choice)
    if found is None:
        return np.zeros(stain.shape, np.bool_)
    limits = cv2.resize(found.stain, stain.shape[::-1], interpolation=cv2.INTER_NEAREST)
    return np.asarray(smoothed(stain, found.radius_px * factor) > limits)


def run(rgb: RGBImage, settings: Settings, monitor: Monitor) -> RawSegmentation:
    """Segment the nuclei of `rgb`, (Y, X, 3) uint8 (classes map of 0 and 2)."""
    monitor.raise_if_cancelled()
    mask = preview(rgb, settings)
    monitor.raise_if_cancelled()
    return RawSegmentation(classes=np.where(tidy(mask), np.uint8(NUCLEUS), np.uint8(0)))


ENTRY = SegmentationMethod(
    name="nuclei",
    title="Nuclei (automatic)",
    summary="Nuclei by how much stronger they are stained than what lies round each; needs no model and no limits.",
    parts="nucleus",
    settings=NucleiSettings,
    presets={
        "default": Preset(
            NucleiSettings(),
            PostprocessSettings(fill_holes=False),
            "Limits found for each nucleus; holes of ring-shaped nuclei stay open",
        )
    },
    run=run,
    preview=preview,
)
