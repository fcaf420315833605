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
_BLUE_STEP = 20.0
"""White cells are bluer than the background, and nuclei bluer than pink red cells, by at least this much b*."""
_LEAST_BLUE = 17.0
"""The bluest of the white cells are bluer than the background by this much b* or more."""
_AWAY_SHARE = 0.2
_SCALE = 64
_SAMPLE_PIXELS = 250_000


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


def opponents(rgb: RGBImage) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return a* and b* of `rgb`, each (Y, X) uint8, 128 = 0 (OpenCV's integer Lab)."""
    lab = cv2.cvtColor(np.ascontiguousarray(rgb, np.uint8), cv2.COLOR_RGB2LAB)
    return np.asarray(lab[..., 1], np.uint8), np.asarray(lab[..., 2], np.uint8)


def smoothed(plane: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Return a plane smoothed by one pixel against JPEG blocks, in 64ths of a unit.

    A fixed-point blur: quick, and the same to the last bit on every machine.
    """
    return np.asarray(cv2.GaussianBlur(plane.astype(np.uint16) * _SCALE, (0, 0), 1.0), np.uint16)


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
    plane_a, plane_b = opponents(rgb)
    a = smoothed(plane_a)
    if own.threshold is not None:
        return a > _stored(own.threshold)
    step = max(1, int(np.sqrt(a.size / _SAMPLE_PIXELS)))
    sample_a, sample_b = _units(a[::step, ::step]), _units(smoothed(plane_b[::step, ::step]))
    threshold = automatic_threshold(sample_a) + own.offset
    cells = sample_a > threshold
    if not _has_white_cells(sample_b, cells):
        return np.zeros(a.shape, np.bool_)
    mask = a > _stored(threshold)
    if (limit := _blue_limit(sample_b, cells)) is not None:
        mask &= smoothed(plane_b) <= _stored(limit)
    return mask


def _units(stored: NDArray[np.uint16]) -> NDArray[np.float32]:
    """CIE units of stored numbers."""
    return np.asarray(stored.astype(np.float32) / _SCALE - 128, np.float32)


def _stored(value: float) -> int:
    """Return the largest stored number that does not exceed a value in CIE units."""
    return int(np.floor((value + 128) * _SCALE))


def run(rgb: RGBImage, settings: Settings, monitor: Monitor) -> RawSegmentation:
    """Segment `rgb`, (Y, X, 3) uint8, into whole white cells (classes map of 0 and 2)."""
    own = _own(settings)
    bar = find_scale_bar(rgb)
    mask = _without_scale_text(ndi.binary_opening(preview(rgb, own)), bar)
    monitor.raise_if_cancelled()
    regions, count = ndi.label(mask)
    if count and own.drop_pale:
        mask = _without_pale(rgb, regions, count)
    if own.snap_edges:
        mask = snap_to_green(mask, rgb, _reach(regions))
    return RawSegmentation(classes=np.where(mask, np.uint8(NUCLEUS), np.uint8(0)))


def _own(settings: Settings) -> LabSettings:
    return settings if isinstance(settings, LabSettings) else LabSettings.parse(settings.model_dump())


def _without_scale_text(mask: BoolMask, bar: BoolMask) -> BoolMask:
    """Drop what is thin as a stroke under the scale bar or lies wholly in it; a cell that reaches out stays."""
    if not bar.any():
        return mask
    mask = mask & ~(bar & ~ndi.binary_opening(mask, disk(3)))
    regions, _ = ndi.label(mask)
    reaching = np.unique(regions[mask & ~bar])
    return np.asarray(np.isin(regions, reaching[reaching > 0]), np.bool_)


def _has_white_cells(b: NDArray[np.float32], cells: BoolMask) -> bool:
    """Tell whether some of `cells` is as blue as a nucleus; red cells of a field without white ones are not."""
    if not cells.any() or cells.all():
        return False
    return bool(np.percentile(b[cells], 2) < np.median(b[~cells]) - _LEAST_BLUE)


def _blue_limit(b: NDArray[np.float32], cells: BoolMask) -> float | None:
    """Return the greatest b* of a nucleus where pink red cells passed for cells, else None.

    Pink red cells are hardly bluer than the background, nuclei far bluer than both. Cytoplasm may be as pink; it lies
    round nuclei, within about their radius, red cells lie anywhere. Where red cells are cut off, cytoplasm of their
    colour goes with them.
    """
    if b[cells].min() == b[cells].max():
        return None
    limit = float(threshold_otsu(b[cells]))
    nuclei = ndi.binary_opening(cells & (b < limit))
    rest = cells & (b >= limit)
    if not nuclei.any() or not rest.any():
        return None
    pink = np.median(b[rest]) > np.median(b[~cells]) - _BLUE_STEP
    if not pink or np.median(b[rest]) - np.median(b[nuclei]) < _BLUE_STEP:
        return None
    radius = float(ndi.distance_transform_edt(nuclei).max())
    away = ndi.distance_transform_edt(~nuclei)[rest] > 1.5 * radius
    return limit if away.mean() > _AWAY_SHARE else None


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
