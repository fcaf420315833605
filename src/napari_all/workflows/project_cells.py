"""The cells of a project's images: measured on what its files hold, and as small pictures to look through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_all.errors import MaskError
from napari_all.io.images import read_image
from napari_all.io.masks import read_plane
from napari_all.project.layout import Layout
from napari_all.project.plane_files import read_image_files
from napari_all.segmentation.measure import measure_cells, with_classes
from napari_all.segmentation.ruler import body_diameter
from napari_all.types import Cell, RGBImage

OUTSIDE = 128
"""Grey of what lies beyond the image's border in a picture of a cell."""
_PICTURES_KEPT = 4


@dataclass(frozen=True)
class ImageCells:
    """What is measured in one image.

    Attributes
    ----------
    cells
        In the order of their labels, with the classes that a person gave.
    pixel_size_um
        (y, x) size of a pixel in micrometres, or None where it is not known.
    red_cell_px
        Median diameter of what is stained, red cells mostly; see `napari_all.segmentation.ruler`.
    """

    cells: tuple[Cell, ...]
    pixel_size_um: tuple[float, float] | None
    red_cell_px: float | None


def saved_cells(layout: Layout, images: Path, image: str) -> ImageCells:
    """Measure the cells of an image of a project as its files hold them: corrected, else predicted, else none.

    Parameters
    ----------
    layout, images
        The project's folder and that of its images.
    image
        Name of the image in the project.

    Raises
    ------
    ImageError, MaskError
        The image or its labels cannot be read.
    """
    path = next((p for p in (layout.labels(image), layout.labels(image, "predictions")) if p.exists()), None)
    if path is None:
        return ImageCells((), None, None)
    saved = read_image_files(path)
    record, rgb = read_image(images / image)
    uncertainty = saved_uncertainty(layout.uncertainty(image), record.shape)
    parts = saved.sidecar.parts or "cell"
    cells = measure_cells(saved.pixels.labels, saved.pixels.classes, parts, rgb, uncertainty)
    return ImageCells(with_classes(cells, saved.cell_classes), record.pixel_size_um, body_diameter(rgb))


def saved_uncertainty(path: Path, shape: tuple[int, int]) -> NDArray[np.uint8] | None:
    """Read how unsure a network was of each pixel; None where that was not kept, or is damaged: it is no correction."""
    try:
        plane = read_plane(path) if path.exists() else None
    except MaskError:
        return None
    return plane if plane is not None and plane.shape == shape and plane.dtype == np.uint8 else None


def crops(path: Path, views: Sequence[tuple[float, float, float]], side_px: int) -> NDArray[np.uint8]:
    """Return square pictures of places in an image file, (N, side_px, side_px, 3) uint8.

    Parameters
    ----------
    views
        (y, x, side) of the middle and the side of each square, in pixels of the image.

    Raises
    ------
    ImageError
        The image cannot be read.
    """
    rgb = _picture(path)
    found = np.empty((len(views), side_px, side_px, 3), np.uint8)
    for picture, view in zip(found, views, strict=True):
        picture[:] = crop(rgb, view, side_px)
    return found


def crop(rgb: RGBImage, view: tuple[float, float, float], side_px: int) -> RGBImage:
    """Return one square picture of a place in an image, grey beyond its border."""
    y, x, side = view
    scale = side_px / max(1.0, side)
    middle = (side_px - 1) / 2
    move = np.array([[scale, 0, middle - scale * x], [0, scale, middle - scale * y]])
    way = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_LINEAR
    grey = (OUTSIDE, OUTSIDE, OUTSIDE)
    return np.asarray(cv2.warpAffine(rgb, move, (side_px, side_px), flags=way, borderValue=grey), np.uint8)


@lru_cache(maxsize=_PICTURES_KEPT)
def _picture(path: Path) -> RGBImage:
    return read_image(path)[1]
