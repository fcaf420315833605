"""Small pictures of images, for tables and reports."""

from __future__ import annotations

import io

import cv2
import numpy as np
from PIL import Image

from napari_all.types import RGBImage

THUMBNAIL_PX = 96
_AROUND = 128
"""Grey beside an image that is not square."""
_QUALITY = 82


def thumbnail(rgb: RGBImage, side_px: int = THUMBNAIL_PX) -> RGBImage:
    """Return an image (Y, X, 3) uint8 fitted into a grey square (side_px, side_px, 3); small ones are not enlarged."""
    height, width = rgb.shape[:2]
    scale = min(1.0, side_px / max(height, width))
    rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
    square = np.full((side_px, side_px, 3), _AROUND, np.uint8)
    top, left = (side_px - rows) // 2, (side_px - columns) // 2
    square[top : top + rows, left : left + columns] = cv2.resize(rgb, (columns, rows), interpolation=cv2.INTER_AREA)
    return square


def as_jpeg(rgb: RGBImage) -> bytes:
    """Return a picture as JPEG, without any metadata."""
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, format="JPEG", quality=_QUALITY)
    return file.getvalue()
