"""Colours of synthetic smears: what a few laboratories' stains look like."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RGB = tuple[int, int, int]


@dataclass(frozen=True)
class Stain:
    """Colours (sRGB, 0-255) of the parts of a smear under one stain and one camera.

    `pallor` is how pale the middle of a red cell is (0 = flat disc, 1 = biconcave disc with an empty middle).
    """

    background: RGB
    red_cell: RGB
    nucleus: RGB
    cytoplasm: RGB
    granule: RGB
    smudge: RGB
    platelet: RGB
    pallor: float

    def density(self, part: str) -> NDArray[np.float32]:
        """Return the optical density (3,) of one part above the background."""
        colour = np.asarray(getattr(self, part), np.float32)
        return np.log(np.asarray(self.background, np.float32) / np.maximum(colour, 1.0))


STAINS: dict[str, Stain] = {
    "purple-grey": Stain(
        background=(250, 249, 254),
        red_cell=(168, 170, 186),
        nucleus=(112, 64, 192),
        cytoplasm=(160, 140, 216),
        granule=(150, 70, 190),
        smudge=(222, 188, 236),
        platelet=(150, 98, 196),
        pallor=0.85,
    ),
    "blue": Stain(
        background=(226, 243, 252),
        red_cell=(128, 162, 204),
        nucleus=(138, 100, 208),
        cytoplasm=(152, 150, 222),
        granule=(150, 90, 200),
        smudge=(212, 184, 236),
        platelet=(140, 118, 204),
        pallor=0.7,
    ),
    "magenta": Stain(
        background=(250, 250, 244),
        red_cell=(180, 192, 200),
        nucleus=(206, 118, 216),
        cytoplasm=(206, 160, 224),
        granule=(190, 90, 190),
        smudge=(245, 212, 232),
        platelet=(196, 128, 206),
        pallor=0.95,
    ),
    "pink": Stain(
        background=(248, 236, 224),
        red_cell=(212, 152, 140),
        nucleus=(92, 52, 132),
        cytoplasm=(172, 172, 208),
        granule=(158, 48, 108),
        smudge=(206, 166, 206),
        platelet=(140, 92, 158),
        pallor=0.4,
    ),
    "yellow": Stain(
        background=(252, 250, 132),
        red_cell=(232, 206, 120),
        nucleus=(98, 24, 62),
        cytoplasm=(178, 168, 108),
        granule=(152, 60, 58),
        smudge=(214, 158, 120),
        platelet=(150, 84, 86),
        pallor=0.9,
    ),
}
"""Stains by name."""

FIELD_STAINS = ("purple-grey", "blue", "magenta")
"""Stains with grey or blue red cells, among which a seed chooses when none is named."""
