"""The size at which an audit measures images, so that its numbers do not follow the camera's resolution."""

from __future__ import annotations

import cv2
import numpy as np

from napari_all.types import BoolMask, RGBImage

SIDE_PX = 224
"""Longer side of the Taleqani fields, on which the limits were chosen."""


def fitted(rgb: RGBImage, *masks: BoolMask) -> tuple[RGBImage, list[BoolMask]]:
    """Return image and masks with a longer side of at most `SIDE_PX`; smaller ones are not enlarged.

    Parameters
    ----------
    rgb
        (Y, X, 3) uint8.
    masks
        (Y, X) bool each.
    """
    scale = SIDE_PX / max(rgb.shape[:2])
    if scale >= 1:
        return rgb, list(masks)
    size = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
    small = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
    return small, [cv2.resize(m.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0 for m in masks]
