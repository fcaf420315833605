"""Quality control of one image: focus, exposure, stain cast, crowding, text, too few cells."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from napari_all.config import Settings
from napari_all.data.scalebar import background_colour, find_scale_bar
from napari_all.evaluation.field_size import fitted
from napari_all.types import BoolMask, RGBImage

_LEAST_CELL_PX = 30
_EDGE_SHARE = 0.3
"""Pixels count as edge from this share of the steepest hundredths on: below lies noise."""


class Quality(Settings):
    """Measures of one image, taken at a longer side of at most 224 px."""

    focus: float = Field(
        description="Mean absolute Laplacian over mean gradient at the edges, green: the thinner the edges, the higher"
    )
    clipped: float = Field(description="Share of pixels with a channel at 254 or 255: what is lost in white")
    background: float = Field(description="Brightness of the bright background, 0..255: low = underexposed")
    cast: float = Field(description="Chroma of the bright background, CIE Lab: 0 = neutral")
    covered: float = Field(description="Share of the field that is not empty background: red and white cells")
    crowding: float = Field(description="Share of the field under white cells")
    text: bool = Field(description="A scale bar is burnt in")
    cells: int = Field(description="White cells, touching ones counted as one")


class QualityLimits(Settings):
    """When a measure is called out; the defaults are those of docs/audit.md, chosen on the Taleqani fields."""

    least_focus: float = Field(0.65, ge=0.0, description="Lower focus = out of focus")
    most_clipped: float = Field(0.55, ge=0.0, le=1.0, description="More clipped pixels = overexposed")
    least_background: float = Field(200.0, ge=0.0, le=255.0, description="Darker background = underexposed")
    most_cast: float = Field(10.0, ge=0.0, description="More chroma in the background = colour cast")
    most_covered: float = Field(0.75, ge=0.0, le=1.0, description="More of the field covered = too thick")
    most_crowded: float = Field(0.3, ge=0.0, le=1.0, description="More under white cells = crowded")
    least_cells: int = Field(3, ge=0, description="Fewer white cells = too few to judge")


FLAGS = {
    "out of focus": "blurred: edges and texture are not to be trusted",
    "overexposed": "much is white beyond the camera's range: pale cells and background colour are lost",
    "underexposed": "the background is dark",
    "colour cast": "the empty background is tinted: white balance or stain",
    "thick": "hardly any empty background: cells overlap",
    "crowded": "much of the field is white cells, which touch",
    "text": "a scale bar is burnt in",
    "too few cells": "too few white cells to judge a subtype by",
}
"""What may be wrong with an image, and what it means."""


def measure_quality(rgb: RGBImage, cells: BoolMask) -> Quality:
    """Measure one image.

    Parameters
    ----------
    rgb
        (Y, X, 3) uint8.
    cells
        (Y, X) bool, its white cells.
    """
    bar = find_scale_bar(rgb)
    seen = ~bar if not bar.all() else np.ones_like(bar)
    background = background_colour(rgb, seen)
    small, (keep, mask) = fitted(rgb, seen, cells)
    green = np.minimum(small[..., 1].astype(np.float32) / max(1.0, float(background[1])), 1.0)
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    areas = stats[1:count, cv2.CC_STAT_AREA]
    lab = cv2.cvtColor((background[None, None] / np.float32(255)).astype(np.float32), cv2.COLOR_RGB2LAB)[0, 0]
    return Quality(
        focus=_focus(green, keep),
        clipped=float((small.max(axis=2) >= 254)[keep].mean()),
        background=float(background.mean()),
        cast=float(np.hypot(lab[1], lab[2])),
        covered=float((green < 0.93)[keep].mean()),
        crowding=float(mask.mean()),
        text=bool(bar.any()),
        cells=int((areas >= _LEAST_CELL_PX).sum()),
    )


def flags(quality: Quality, limits: QualityLimits) -> list[str]:
    """Return what is wrong with an image, names of `FLAGS`."""
    wrong = {
        "out of focus": quality.focus < limits.least_focus,
        "overexposed": quality.clipped > limits.most_clipped,
        "underexposed": quality.background < limits.least_background,
        "colour cast": quality.cast > limits.most_cast,
        "thick": quality.covered > limits.most_covered,
        "crowded": quality.crowding > limits.most_crowded,
        "text": quality.text,
        "too few cells": quality.cells < limits.least_cells,
    }
    return [name for name in FLAGS if wrong[name]]


def _focus(green: NDArray[np.float32], keep: BoolMask) -> float:
    """Return how thin the edges are, whatever their contrast; 0 where there is none.

    At an edge of width w the second derivative is about 1/w of the first; so pale and dark stains give the same
    number when equally sharp, and few cells the same as many. Of the classic measures of focus it is the Laplacian's
    (Pertuz et al. 2013, doi 10.1016/j.patcog.2012.11.011), put in relation to the gradient.
    """
    gradient = _gradient(green)
    inner = cv2.erode(keep.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    edge = inner & (gradient > _EDGE_SHARE * np.percentile(gradient, 98))
    if not edge.any():
        return 0.0
    return float(np.abs(cv2.Laplacian(green, cv2.CV_32F))[edge].mean() / gradient[edge].mean())


def _gradient(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how much a plane changes per pixel, smoothed by Sobel's kernel."""
    x, y = cv2.Sobel(plane, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(plane, cv2.CV_32F, 0, 1, scale=1 / 8)
    return np.asarray(cv2.magnitude(x, y), np.float32)
