"""Sizes of stained bodies: known discs, and smears whose red cells have a known size."""

from __future__ import annotations

import numpy as np
import pytest

from napari_all.data.synthetic import make_smear
from napari_all.segmentation.ruler import body_diameter


def discs_on_white(diameter: float, count: int, shading: float = 0.0) -> np.ndarray:
    """Paint `count` discs in rows on a bright ground that darkens to the right."""
    step = 1.5 * diameter
    side = int(step * 6)
    yy, xx = np.mgrid[:side, :side]
    level = np.full((side, side), 230.0)
    for k in range(count):
        y, x = step * (k // 5 + 1), step * (k % 5 + 1)
        level[(yy - y) ** 2 + (xx - x) ** 2 <= (diameter / 2) ** 2] = 150
    level *= 1 - shading * xx / side
    return np.repeat(level[..., None], 3, axis=2).astype(np.uint8)


@pytest.mark.parametrize("diameter", [16, 40, 240])
@pytest.mark.parametrize("shading", [0.0, 0.5])
def test_discs_of_one_size_are_measured_at_every_scale_and_under_uneven_light(diameter, shading):
    """Small ones come out smaller; larger is what would cost white cells."""
    assert 0.75 * diameter < body_diameter(discs_on_white(diameter, 20, shading)) < 1.1 * diameter


def test_few_bodies_and_empty_or_tiny_images_measure_nothing():
    assert body_diameter(discs_on_white(40, 7)) is None
    assert body_diameter(np.full((50, 60, 3), 200, np.uint8)) is None
    assert body_diameter(np.full((1, 1, 3), 200, np.uint8)) is None


@pytest.mark.parametrize("seed", range(4))
def test_platelets_white_cells_and_overlaps_do_not_make_red_cells_larger(seed):
    smear = make_smear(seed, (320, 400), 40.0, n_platelets=25)
    assert 0.4 * 40 < body_diameter(smear.rgb) < 40
