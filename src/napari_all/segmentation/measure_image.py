"""What the image shows inside one cell: colour, texture, and how certain a network was."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.feature import graycomatrix, graycoprops

from napari_all.types import BoolMask, RGBImage

_LEVELS = 16
"""Steps of grey that texture is told by: few enough that cells of 150 px fill the table of pairs."""
_ANGLES = (0.0, np.pi / 4, np.pi / 2, 3 * np.pi / 4)
_TEXTURES = ("contrast", "homogeneity", "energy", "correlation")


def colour_of(rgb: RGBImage, cell: BoolMask) -> dict[str, float]:
    """Return the mean colour of a cell, sRGB (0..255) and CIE L*a*b* (D65), by the names of `Cell`.

    Parameters
    ----------
    rgb, cell
        (Y, X, 3) uint8 and (Y, X) bool of one window.
    """
    pixels = rgb[cell].reshape(-1, 1, 3)
    lab = cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    means = [*pixels.mean(axis=(0, 1)), *np.asarray(lab, np.float64).mean(axis=(0, 1))]
    names = ("mean_red", "mean_green", "mean_blue", "mean_l", "mean_a", "mean_b")
    return {name: float(mean) for name, mean in zip(names, means, strict=True)}


def texture_of(rgb: RGBImage, cell: BoolMask) -> dict[str, float | None]:
    """Return four of Haralick's measures of green inside a cell, by the names of `Cell`; None in a single pixel.

    Pairs of neighbouring pixels in four directions, both inside the cell, 16 steps of grey over the whole range, so
    that images can be compared (Haralick et al. 1973, doi 10.1109/TSMC.1973.4309314).
    """
    grey = rgb[..., 1] // np.uint8(256 // _LEVELS)
    outside = np.uint8(_LEVELS)
    pairs = graycomatrix(np.where(cell, grey, outside), [1], _ANGLES, _LEVELS + 1, symmetric=True)
    inside = pairs[:_LEVELS, :_LEVELS].sum(axis=3, keepdims=True)
    if not inside.any():
        return {f"texture_{name}": None for name in _TEXTURES}
    return {f"texture_{name}": float(graycoprops(inside, name)[0, 0]) for name in _TEXTURES}


def certainty_of(uncertainty: NDArray[np.uint8], cell: BoolMask) -> float:
    """Return 1 minus a network's mean doubt (entropy of its probabilities) in a cell, 0..1."""
    return 1.0 - float(uncertainty[cell].mean()) / 255.0
