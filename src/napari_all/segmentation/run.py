"""Run one method and the shared cleaning on one image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_all.config import Settings
from napari_all.errors import ImageError, UsageError
from napari_all.monitor import Monitor, NullMonitor
from napari_all.segmentation.method import PostprocessSettings, SegmentationMethod
from napari_all.segmentation.normalise import normalise
from napari_all.segmentation.postprocess import clean
from napari_all.types import LabelImage, RGBImage, Segmentation

_BACKGROUND_BELOW = 12
"""A probability below 5 % (of 255) is background; summed over a large image it would drown the cells."""


def segment_array(
    rgb: RGBImage,
    method: SegmentationMethod,
    settings: Settings,
    postprocess: PostprocessSettings,
    monitor: Monitor | None = None,
) -> Segmentation:
    """Segment one image.

    Parameters
    ----------
    rgb
        (Y, X, 3) uint8.
    method, settings, postprocess
        Entry of the registry, its settings, and the normalisation and cleaning that all methods share.

    Raises
    ------
    ImageError
        When `rgb` is not (Y, X, 3) uint8.
    UsageError
        When `settings` belong to another method.
    Cancelled
        When the monitor asks to stop.
    """
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or 0 in rgb.shape:
        raise ImageError(
            f"cannot segment an array of shape {rgb.shape} and type {rgb.dtype}; give (Y, X, 3) uint8 RGB, "
            f"as napari_all.io.images.read_image makes it"
        )
    if not isinstance(settings, method.settings):
        raise UsageError(
            f"{type(settings).__name__} are not settings of {method.name!r}; use {method.settings.__name__}"
        )
    watch = monitor or NullMonitor()
    raw = method.run(normalise(rgb, postprocess.normalise), settings, watch)
    watch.raise_if_cancelled()
    parts = raw.parts or method.parts
    cleaned = clean(raw.classes, parts, postprocess, raw.diameter_px, raw.smudge)
    return Segmentation(
        labels=cleaned.labels,
        classes=cleaned.classes,
        smudges=cleaned.smudges,
        uncertainty_map=raw.uncertainty,
        parts=parts,
        method=method.name,
        settings=settings.model_dump(mode="json"),
        postprocess=postprocess.model_dump(mode="json"),
        diameter_px=raw.diameter_px,
        model=raw.model,
        model_sha256=raw.model_sha256,
        device=raw.device,
        uncertainty=None if raw.foreground is None else _doubt(raw.foreground, cleaned.labels),
    )


def _doubt(foreground: NDArray[np.uint8], labels: LabelImage) -> float:
    """Return 1 minus the Dice that is to be expected if the network's probabilities are right, 0..1.

    It tells poor results better than the entropy in or around the cells, which follows their size and the sharpness
    of the image (`benchmarks/uncertainty.py`). Without a cell it tells how near the network came to finding one.
    """
    cells = labels > 0
    if not cells.any():
        return float(foreground.max(initial=0)) / 255.0
    likely = np.where(foreground > _BACKGROUND_BELOW, foreground, 0).astype(np.float64) / 255.0
    return float(1.0 - 2.0 * likely[cells].sum() / (likely.sum() + np.count_nonzero(cells)))
