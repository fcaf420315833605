"""Move the edge of a mask to where the green channel crosses half its local contrast.

Colour is stored at half resolution in most JPEG files, so an edge found in colour lies up to a pixel inside a sharp
cell; green carries most of the luminance, which is stored whole.
"""

from __future__ import annotations

import cv2
import numpy as np

from napari_all.types import BoolMask, RGBImage

_SCALE = 64
_MIN_CONTRAST = 12.0 * _SCALE
"""Contrast (12 grey levels) between the two sides of an edge below which green says nothing and the edge stays."""


def snap_to_green(mask: BoolMask, rgb: RGBImage, reach_px: int = 2) -> BoolMask:
    """Return `mask` with each stretch of edge moved to the half-contrast line of the green channel.

    Parameters
    ----------
    mask
        (Y, X) bool, cells found some other way.
    rgb
        (Y, X, 3) uint8.
    reach_px
        How far the edge may move, in pixels. The levels on both sides are averaged just beyond that reach.

    Returns
    -------
    (Y, X) bool. Where the cell is not darker than its surroundings by a clear step (a dark red cell beside it,
    another white cell), the edge is left where it was.
    """
    if not mask.any() or mask.all():
        return mask.copy()
    # Whole numbers all the way, so that sums are exact and every machine finds the same edge.
    green = cv2.GaussianBlur(rgb[..., 1].astype(np.uint16) * _SCALE, (0, 0), 0.6).astype(np.float32)
    depth = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 3)
    height = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 3)
    band = (depth <= reach_px) & (height <= reach_px)
    inner = _local_mean(green, (depth > reach_px) & (depth <= 2 * reach_px + 1), reach_px)
    outer = _local_mean(green, (height > reach_px) & (height <= 2 * reach_px + 1), reach_px)
    decidable = band & (outer - inner >= _MIN_CONTRAST)  # nan (no pixel within reach) compares as False
    snapped = mask.copy()
    snapped[decidable] = green[decidable] < ((inner + outer) / 2)[decidable]
    return snapped


def _local_mean(values: np.ndarray, where: BoolMask, reach_px: int) -> np.ndarray:
    """Mean of `values` over the pixels of `where` near each pixel; nan where there is none."""
    side = 2 * (2 * reach_px + 1) + 1
    weight = cv2.boxFilter(where.astype(np.float32), -1, (side, side), normalize=False)
    total = cv2.boxFilter(np.where(where, values, 0).astype(np.float32), -1, (side, side), normalize=False)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(weight > 0.5, total / weight, np.nan)
