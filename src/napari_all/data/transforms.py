"""From an image to what the subtype classifier sees: balanced colours, no scale bar, white cells marked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_all.data.scalebar import background_colour, find_scale_bar
from napari_all.types import BoolMask, RGBImage

CORNER = (0.86, 0.81)
"""(y, x) where the corner that holds every scale bar of the Taleqani fields begins, as fractions of the sides."""
_BLUR_PX = 1.1
_CHROMA_FROM, _CHROMA_TO = 9.0, 18.0
"""a* (CIE Lab, after white balance) at which a pixel begins to count as white cell, and counts whole."""


@dataclass(frozen=True)
class Prepared:
    """An image as the classifier sees it.

    Attributes
    ----------
    shown
        (size, size, 4) uint8: red, green, blue after white balance, and a soft mask (255 = white cell).
    look
        (14,) float32, measures of the whole picture by which images of another kind are told: colour of the
        background (3), of white cells (3) and of the rest (3) after white balance, share of white cells and of empty
        background, radius of the largest cell in sides of the image, sharpness, colour noise.
    """

    shown: NDArray[np.uint8]
    look: NDArray[np.float32]


def prepare(rgb: RGBImage, size_px: int, mask: BoolMask | None = None) -> Prepared:
    """Balance an image, hide its scale bar and mark its white cells, at the size of a network's input.

    The scale bar and the whole lower right corner get the background's colour (the corner always, so that not even
    the painted rectangle tells the kind of bar); the image, whatever its shape, is resized to a square; every channel
    is divided by the bright background (white balance), so that neither its colour nor the exposure tells the session;
    a soft mask of the white cells is made from a* of CIE Lab, where they differ most from red cells.

    Parameters
    ----------
    rgb
        (Y, X, 3) uint8.
    size_px
        Side of the result.
    mask
        (Y, X) bool, the white cells, where they are known better than by their colour.
    """
    painted, background = _without_corner(rgb)
    small = resized(painted, size_px).astype(np.float32)
    balanced = np.clip(small / np.maximum(background, 1), 0.0, 1.0).astype(np.float32)
    chroma, smooth = _chroma(balanced)
    soft = _soft_mask(smooth) if mask is None else resized(mask.astype(np.float32), size_px)
    shown = np.concatenate([balanced, soft[..., None]], axis=2)
    noise = float(np.abs(chroma - smooth).mean())
    return Prepared((shown * 255.0).round().astype(np.uint8), _look(background, balanced, soft, noise))


def with_mask(balanced: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return (S, S, 4) of an image (S, S, 3) that is balanced already: the soft mask of its white cells is added."""
    soft = _soft_mask(_chroma((balanced / np.float32(255.0)).astype(np.float32))[1])
    return np.concatenate([balanced, (soft * 255.0).round().astype(np.uint8)[..., None]], axis=2)


def resized(image: NDArray[Any], size_px: int) -> NDArray[Any]:
    """Return an image (Y, X) or (Y, X, C), whatever its shape, as a square of its type."""
    shrinks = image.shape[0] * image.shape[1] > size_px**2
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (size_px, size_px), interpolation=method))


def _chroma(balanced: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return a* of a balanced image (S, S, 3), and the same without its finest detail."""
    chroma = np.asarray(cv2.cvtColor(balanced, cv2.COLOR_RGB2LAB)[..., 1], np.float32)
    return chroma, np.asarray(cv2.GaussianBlur(chroma, (0, 0), _BLUR_PX), np.float32)


def _soft_mask(smooth: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(np.clip((smooth - _CHROMA_FROM) / (_CHROMA_TO - _CHROMA_FROM), 0.0, 1.0), np.float32)


def _without_corner(rgb: RGBImage) -> tuple[RGBImage, NDArray[np.uint8]]:
    """Return the image with scale bar and corner painted over, and the background's colour."""
    height, width = rgb.shape[:2]
    hidden = find_scale_bar(rgb)
    hidden[int(height * CORNER[0]) :, int(width * CORNER[1]) :] = True
    if hidden.all():  # an image of a few pixels
        hidden[:] = False
    background = background_colour(rgb, ~hidden)
    painted = rgb.copy()
    painted[hidden] = background
    return painted, background


def _look(
    background: NDArray[np.uint8], balanced: NDArray[np.float32], mask: NDArray[np.float32], noise: float
) -> NDArray[np.float32]:
    """Measure the whole picture (see `Prepared.look`)."""
    cell = mask > 0.5
    white = np.ones(3)
    of_cells = balanced[cell].mean(axis=0) if cell.any() else white
    of_rest = balanced[~cell].mean(axis=0) if not cell.all() else white
    green = np.ascontiguousarray(balanced[..., 1])
    edges = float(np.abs(cv2.Laplacian(green, cv2.CV_32F)).mean())
    radius = cv2.distanceTransform(np.pad(cell, 1).astype(np.uint8), cv2.DIST_L2, 3).max() / len(cell)
    shares = (cell.mean(), (green > 0.93).mean(), radius, np.log(edges + 1e-3), np.log(noise + 1e-2))
    return np.concatenate([background / 255.0, of_cells, of_rest, shares]).astype(np.float32)
