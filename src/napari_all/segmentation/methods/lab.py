"""Whole white cells by their red-green opponent colour, a* of CIE Lab, with an automatic threshold.

Romanowsky-stained white cells stand far from red cells and from the bright background in a* (OpenCV's float Lab, D65,
a* in CIE units), so Otsu's threshold (doi 10.1109/TSMC.1979.4310076) usually falls between them by itself.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy import ndimage as ndi
from skimage.filters import threshold_otsu
from skimage.morphology import disk

from napari_all.classes import NUCLEUS
from napari_all.config import Settings
from napari_all.data.scalebar import find_scale_bar
from napari_all.monitor import Monitor
from napari_all.segmentation.edges import snap_to_green
from napari_all.segmentation.method import Preset, RawSegmentation, SegmentationMethod
from napari_all.types import BoolMask, RGBImage

_MIN_STEP = 7.5
"""Least a* between the median of background with red cells and a threshold that can part white cells from them."""


class LabSettings(Settings):
    """Settings of the `lab` method."""

    threshold: float | None = Field(
        None, ge=-60.0, le=100.0, description="Least a* of a cell (CIE units); none = found for each image"
    )
    offset: float = Field(
        0.0,
        ge=-30.0,
        le=30.0,
        description="Added to the automatic threshold; higher takes less of pale cells",
    )
    snap_edges: bool = Field(True, description="Move edges to the half-contrast line of the green channel")
    drop_pale: bool = Field(
        True,
        description="Drop regions much paler than the other cells of the image (smudges, stained red cells)",
    )


def red_green(rgb: RGBImage) -> NDArray[np.float32]:
    """Return a* of `rgb`, (Y, X) float32 in CIE units, smoothed by one pixel against JPEG blocks."""
    lab = cv2.cvtColor(np.ascontiguousarray(rgb, np.uint8).astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    return np.asarray(cv2.GaussianBlur(lab[..., 1], (0, 0), 1.0), np.float32)


def automatic_threshold(a: NDArray[np.float32]) -> float:
    """Return a threshold between background and white cells in a*, or infinity where nothing stands out.

    Otsu's threshold; where the white cells are so few that it fell between red cells and background (too near the
    median of what lies below it), Otsu's threshold of what lies above.
    """
    values = a.ravel()
    least = -np.inf
    while values.size > 1 and values.min() < values.max():
        threshold = float(threshold_otsu(values))
        if np.isneginf(least):
            least = float(np.median(values[values <= threshold])) + _MIN_STEP
        if threshold >= least:
            return threshold
        values = values[values > threshold]
    return float("inf")


def preview(rgb: RGBImage, settings: Settings) -> BoolMask:
    """Return the bare threshold, (Y, X) bool, without edges snapped or pale regions dropped."""
    own = _own(settings)
    a = red_green(rgb)
    if own.threshold is not None:
        return a > own.threshold
    return a > automatic_threshold(a) + own.offset


def run(rgb: RGBImage, settings: Settings, monitor: Monitor) -> RawSegmentation:
    """Segment `rgb`, (Y, X, 3) uint8, into whole white cells (classes map of 0 and 2)."""
    own = _own(settings)
    mask = preview(rgb, own)
    monitor.raise_if_cancelled()
    mask = _without_scale_text(rgb, ndi.binary_opening(mask))
    regions, count = ndi.label(mask)
    if count and own.drop_pale:
        mask = _without_pale(rgb, regions, count)
    if own.snap_edges:
        mask = snap_to_green(mask, rgb, _reach(regions))
    return RawSegmentation(classes=np.where(mask, np.uint8(NUCLEUS), np.uint8(0)))


def _own(settings: Settings) -> LabSettings:
    return settings if isinstance(settings, LabSettings) else LabSettings.parse(settings.model_dump())


def _without_scale_text(rgb: RGBImage, mask: BoolMask) -> BoolMask:
    """Drop what is as thin as a stroke under the scale bar; a cell that lies there stays."""
    bar = find_scale_bar(rgb)
    if not bar.any():
        return mask
    return np.asarray(mask & ~(bar & ~ndi.binary_opening(mask, disk(3))), np.bool_)


def _reach(regions: NDArray[np.int32]) -> int:
    """Return how far an edge may move: 2 px for cells of 20 px, more for larger ones."""
    areas = np.bincount(regions.ravel())[1:]
    areas = areas[areas >= 30]
    if not areas.size:
        return 2
    diameter = 2 * float(np.sqrt(np.median(areas) / np.pi))
    return int(np.clip(round(0.08 * diameter), 2, 8))


def _without_pale(rgb: RGBImage, regions: NDArray[np.int32], count: int) -> BoolMask:
    """Drop regions whose green darkness is under half of that of the typical cell pixel."""
    dark = 255.0 - rgb[..., 1].astype(np.float64)
    dark -= np.percentile(dark, 5)
    inside = regions > 0
    typical = float(np.percentile(dark[inside], 75))
    mean = ndi.mean(dark, regions, np.arange(1, count + 1))
    keep = np.concatenate([[False], np.asarray(mean) >= 0.5 * typical])
    return np.asarray(keep[regions], np.bool_)


ENTRY = SegmentationMethod(
    name="lab",
    title="Lab a* (automatic)",
    summary="Whole white cells by their reddish purple in a* of Lab, threshold found by itself; for Romanowsky stains.",
    parts="cell",
    settings=LabSettings,
    presets={"default": Preset(LabSettings())},
    run=run,
    preview=preview,
)
