"""Estimate the diameter of the white cells of an image by asking a network at several scales.

At the right scale a network finds round cells of the size it was trained on, and is sure of them; at a wrong one it
finds pieces, platelets, doubtful clumps or nothing. So a coarse segmentation is made for each of a few assumed
diameters, from the largest (cheapest) down until one shows sure cells and little else; the one wins whose sure cells
explain the largest area while having about the assumed size. Where different sizes come near each other, each is looked
at again at the network's full scale. No stain enters. What is smaller than the red cells is no white cell: such sizes
are not asked for, which keeps platelets of fields without white cells out, and saves the dearest looks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_all.segmentation.ruler import body_diameter
from napari_all.types import BoolMask, ClassesMap, RGBImage

COARSE = 0.5
"""Share of the network's scale at which the diameter is sought first; costs a quarter."""
ASSUMED_PX = (256.0, 128.0, 64.0, 32.0, 16.0)
"""Diameters tried; sizes up to a factor `_NEAR` from one count for it, so that all from 10 to 400 px are covered."""
_NEAR = 1.8
_WINDOW_CELLS = 32
"""A coarse look takes a window of this many assumed diameters at most, around the most stained place."""
_SAME = 1.3
"""Looks whose diameters differ by less say the same; a segmentation hardly changes over such a step."""
_RIVAL = 0.05
"""A scale that scores this share of the best one is looked at again if it says another diameter."""
_SURE = 8
"""A component counts by this power of its sureness (one minus its mean uncertainty)."""
_SURE_ENOUGH, _CLEAR_ENOUGH = 0.8, 0.9
"""The sureness of the cells of a look, and their share of all that it found, with which smaller ones are not sought."""
_USUAL_BODIES = 2.0
"""White cells mostly measure so many of the stained bodies around them. On 163 Taleqani fields, also when blurred,
shaded or noisy, it was 1.2 and more where the estimate was right."""
_LARGEST_SHARE = 0.6
"""What fills more of the image than this is no cell."""
_ROUND = 1.15
"""A single cell's diameter is at most this much above that of its inscribed disc; a clump's is more."""


Segmenter: TypeAlias = Callable[[RGBImage, float], tuple[ClassesMap, NDArray[np.uint8]]]
"""(image, cell diameter in pixels) -> classes map and uncertainty (255 = all classes equally likely)."""


@dataclass(frozen=True)
class _Look:
    """What the network finds under one assumption; `sureness` and `clear` as `_SURE_ENOUGH` and `_CLEAR_ENOUGH`."""

    diameter_px: float
    score: float
    sureness: float = 0.0
    clear: float = 0.0


def estimate_diameter(
    rgb: RGBImage,
    segment: Segmenter,
    progress: Callable[[int, int], None],
) -> float | None:
    """Return the typical (area-weighted median) cell diameter in pixels.

    Without a cell it is what white cells would measure beside the bodies that are there; None without those.

    Parameters
    ----------
    rgb
        (Y, X, 3) uint8.
    segment
        Segments an image (Y, X, 3) uint8 given an assumed cell diameter.
    progress
        Called with the number of scales done and to do.
    """
    looks = []
    bodies = body_diameter(rgb) or 0.0
    for done, assumed in enumerate(ASSUMED_PX):
        progress(done, len(ASSUMED_PX) + 1)
        if assumed * _NEAR < bodies:
            break
        looks.append(_look(rgb, segment, assumed, COARSE, bodies))
        if looks[-1].sureness > _SURE_ENOUGH and looks[-1].clear > _CLEAR_ENOUGH:
            break
    progress(len(ASSUMED_PX), len(ASSUMED_PX) + 1)
    rivals = _rivals(looks)
    if len(rivals) > 1:
        again = [_look(rgb, segment, look.diameter_px, 1.0, bodies) for look in rivals]
        rivals = _rivals(again) or rivals
    progress(len(ASSUMED_PX) + 1, len(ASSUMED_PX) + 1)
    if rivals:
        return rivals[0].diameter_px
    return _USUAL_BODIES * bodies if bodies else None


def _rivals(looks: Sequence[_Look]) -> list[_Look]:
    """Return the best look, then those that come near it and say another diameter, best first; none without a cell."""
    ranked = sorted((look for look in looks if look.score > 0.0), key=lambda look: -look.score)
    chosen: list[_Look] = []
    for look in ranked:
        other = all(abs(np.log(look.diameter_px / better.diameter_px)) > np.log(_SAME) for better in chosen)
        if look.score > _RIVAL * ranked[0].score and other:
            chosen.append(look)
    return chosen


def _look(rgb: RGBImage, segment: Segmenter, assumed: float, coarse: float, least: float) -> _Look:
    """Judge one assumption on a window of the same size in the network's pixels, whatever the scale."""
    window = stained_window(rgb, round(_WINDOW_CELLS * assumed * COARSE / coarse))
    look = _judge(*segment(window, assumed / coarse), assumed)
    return look if look.diameter_px >= least else _Look(assumed, 0.0)


def _judge(classes: ClassesMap, uncertainty: NDArray[np.uint8], assumed: float) -> _Look:
    """Weigh the cells found under one assumption by the area they surely explain; a clump counts as one cell."""
    diameters, areas, doubts = measure(classes > 0, uncertainty)
    discs = np.pi / 4 * diameters**2
    weights = discs * (1.0 - doubts) ** _SURE
    near = (diameters > assumed / _NEAR) & (diameters < assumed * _NEAR) & (areas < _LARGEST_SHARE * classes.size)
    explained = float(weights[near].sum())
    if explained == 0.0:
        return _Look(assumed, 0.0)
    order = np.argsort(diameters[near])
    reached = np.cumsum(discs[near][order])  # sureness would favour large cells
    median = diameters[near][order][np.searchsorted(reached, reached[-1] / 2)]
    clear = explained / float(weights.sum())
    sureness = float(np.average(1.0 - doubts[near], weights=weights[near]))
    return _Look(float(median), explained / classes.size * clear, sureness, clear)


def measure(
    cells: BoolMask, uncertainty: NDArray[np.uint8]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return diameter (px), area (px²) and mean uncertainty (0..1) of each component of a (Y, X) mask.

    The diameter of a clump is that of one of its cells.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(cells.astype(np.uint8))
    areas = stats[1:, cv2.CC_STAT_AREA].astype(np.float64)
    distance = cv2.distanceTransform(np.pad(cells, 1).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    inscribed = np.zeros(count)
    np.maximum.at(inscribed, np.asarray(labels, np.intp).ravel(), distance.ravel())
    doubts = np.bincount(labels.ravel(), uncertainty.ravel(), count)[1:] / (255.0 * areas)
    return np.minimum(2.0 * np.sqrt(areas / np.pi), _ROUND * 2.0 * inscribed[1:]), areas, doubts


def stained_window(rgb: RGBImage, side: int) -> RGBImage:
    """Return the (side, side) window of the image that holds the most stain; the image itself where it is smaller."""
    height, width = (min(side, n) for n in rgb.shape[:2])
    if (height, width) == rgb.shape[:2]:
        return rgb
    step = max(1, side // 64)
    small = rgb[::step, ::step].astype(np.int16)
    purple: NDArray[Any] = np.clip(np.minimum(small[..., 0], small[..., 2]) - small[..., 1], 0, 255).astype(np.float32)
    reach = (max(1, width // step // 2), max(1, height // step // 2))
    for _ in range(2):  # two boxes of half the size: what lies in the middle counts most
        purple = cv2.boxFilter(purple, -1, reach, borderType=cv2.BORDER_CONSTANT)
    y, x = (int(v) * step for v in np.unravel_index(int(np.argmax(purple)), purple.shape))
    top = int(np.clip(y - height // 2, 0, rgb.shape[0] - height))
    left = int(np.clip(x - width // 2, 0, rgb.shape[1] - width))
    return rgb[top : top + height, left : left + width]
