"""White cells of one training image on the background of another, so that a classifier learns to look at cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_all.data.transforms import with_mask
from napari_all.evaluation.exchange import RIM_PX, cells_with_rim

_PHOTOGRAPHED_PX = 224
"""Side of the images in whose pixels the rim is given."""
_CELL = 127
"""Soft mask above which a pixel is pasted whole."""
_MOST_COVERED = 0.35
"""An image with more of its area under white cells gives no background; more than the audit allows, so that crowded
sessions give some."""
_LIGHT = 0.03
"""Spread of the light, per colour as a logarithm, that pasted cells bring along from their own image."""


@dataclass(frozen=True)
class CellsApart:
    """Images taken apart into white cells and what lies under them, as a network sees images.

    Attributes
    ----------
    cells
        (N, S, S) uint8 soft mask, 255 = white cell.
    emptied
        (N, S, S, 3) uint8, the images as if their white cells had not been there.
    covered
        (N,) float32, the share of each image that had to be filled for that.
    """

    cells: NDArray[np.uint8]
    emptied: NDArray[np.uint8]
    covered: NDArray[np.float32]

    def of(self, positions: Sequence[int] | NDArray[np.intp]) -> CellsApart:
        """Return the images at some positions."""
        at = np.asarray(positions, np.intp)
        return CellsApart(self.cells[at], self.emptied[at], self.covered[at])

    def shows_cells(self, position: int) -> bool:
        """Tell whether the image at a position has white cells to paste."""
        return bool((self.cells[position] > _CELL).any())


@dataclass(frozen=True)
class Backgrounds:
    """Backgrounds to draw from.

    Attributes
    ----------
    apart
        The images that may be drawn.
    by_class
        Positions of those with enough background, per class.
    """

    apart: CellsApart
    by_class: tuple[NDArray[np.intp], ...]

    @classmethod
    def of(cls, apart: CellsApart, labels: NDArray[np.int64]) -> Backgrounds:
        """Sort the backgrounds by the labels (N,) of their images."""
        usable = apart.covered <= _MOST_COVERED
        by_class = (np.flatnonzero(usable & (labels == label)) for label in np.unique(labels))
        return cls(apart, tuple(positions for positions in by_class if len(positions)))

    def under(self, position: int, shown: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return the white cells of the image (S, S, 4) at a position on the background of another one.

        Every class is as likely as the others, the own one too, so that a background says nothing of the class. Where
        the image shows no white cell, or there is no background, it stays as it is.
        """
        if not self.by_class or not self.apart.shows_cells(position):
            return shown
        background = self.apart.emptied[rng.choice(self.by_class[rng.integers(len(self.by_class))])]
        return on_emptied(shown, self.apart.cells[position], background, np.exp(_LIGHT * rng.normal(size=3)))


def on_emptied(
    shown: NDArray[np.uint8],
    cells: NDArray[np.uint8],
    background: NDArray[np.uint8],
    light: NDArray[np.float64] | float = 1.0,
) -> NDArray[np.uint8]:
    """Return the white cells of an image (S, S, 4), times the light, with a soft rim on a background (S, S, 3).

    The mask of white cells in the last channel is made anew, as it would be for a photograph of the result.
    """
    share = cells_with_rim(cells > _CELL, RIM_PX * len(cells) / _PHOTOGRAPHED_PX)[..., None]
    mixed = share * np.clip(shown[..., :3] * light, 0, 255) + (1 - share) * background
    return with_mask(mixed.round().astype(np.uint8))
