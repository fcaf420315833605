"""White cells of one training image on the background of another, so that a classifier learns to look at cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_all.evaluation.exchange import RIM_PX, cells_with_rim, without_cells
from napari_all.monitor import Monitor

_PHOTOGRAPHED_PX = 224
"""Side of the images in whose pixels the rim is given."""
_PALE = 25
"""Soft mask above which a pixel must not stay behind as background: dim rims, smudges."""
_CELL = 127
"""Soft mask above which a pixel is pasted whole; an image without any such pixel gives what its mask shows."""
_MOST_COVERED = 0.35
"""An image with more of its area under white cells gives no background; more than the audit allows, so that crowded
sessions give some."""
_LIGHT = 0.03
"""Spread of the light, per colour as a logarithm, that pasted cells bring along from their own image."""


def emptied(shown: NDArray[np.uint8], monitor: Monitor) -> NDArray[np.uint8]:
    """Return images (N, S, S, 3) without white cells of images (N, S, S, 4) with a mask of them in the last channel.

    Raises `Cancelled` when the monitor asks to stop: it takes some 0.03 s per image of 128 x 128 pixels.
    """
    found = np.empty((*shown.shape[:3], 3), np.uint8)
    for i, one in enumerate(shown):
        monitor.raise_if_cancelled()
        monitor.report("backgrounds", i, len(shown))
        found[i] = without_cells(np.ascontiguousarray(one[..., :3]), one[..., 3] > _PALE)
    monitor.report("backgrounds", len(shown), len(shown))
    return found


@dataclass(frozen=True)
class Backgrounds:
    """Backgrounds to draw from.

    Attributes
    ----------
    emptied
        (N, S, S, 3) uint8, as `emptied` makes them.
    by_class
        Positions of the images with enough background, per class.
    """

    emptied: NDArray[np.uint8]
    by_class: tuple[NDArray[np.intp], ...]

    @classmethod
    def of(cls, emptied: NDArray[np.uint8], shown: NDArray[np.uint8], labels: NDArray[np.int64]) -> Backgrounds:
        """Sort the backgrounds of images (N, S, S, 4) by their labels (N,)."""
        usable = (shown[..., 3] > _PALE).mean(axis=(1, 2)) <= _MOST_COVERED
        by_class = (np.flatnonzero(usable & (labels == label)) for label in np.unique(labels))
        return cls(emptied, tuple(positions for positions in by_class if len(positions)))

    def under(self, shown: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return white cells (S, S, 4) on the background of an image of a class drawn at random.

        Every class is as likely as the others, the own one too, so that a background says nothing of the class.
        """
        if not self.by_class:
            return shown
        background = self.emptied[rng.choice(self.by_class[rng.integers(len(self.by_class))])]
        return on_emptied(shown, background, np.exp(_LIGHT * rng.normal(size=3)))


def on_emptied(
    shown: NDArray[np.uint8], background: NDArray[np.uint8], light: NDArray[np.float64] | float = 1.0
) -> NDArray[np.uint8]:
    """Return the white cells of an image (S, S, 4), times the light, with a soft rim on a background (S, S, 3)."""
    mask = shown[..., 3]
    cells = mask > _CELL
    rim_px = RIM_PX * len(mask) / _PHOTOGRAPHED_PX
    share = (cells_with_rim(cells, rim_px).astype(np.float64) if cells.any() else mask / 255.0)[..., None]
    mixed = share * np.clip(shown[..., :3] * light, 0, 255) + (1 - share) * background
    return np.concatenate([mixed.round().astype(np.uint8), shown[..., 3:]], axis=2)
