"""What the classifier is shown does not depend on illumination or scale bar, and marks the white cells."""

from __future__ import annotations

import numpy as np
import pytest

from napari_all.data.synthetic import make_smear
from napari_all.data.transforms import prepare


def test_white_cells_are_marked_and_the_rest_is_not(field):
    mask = prepare(field.rgb, 224).shown[..., 3] > 127
    nuclei = field.classes == 2
    assert mask[nuclei].mean() > 0.8
    assert mask[(field.labels == 0) & ~field.smudges.astype(bool)].mean() < 0.1


def test_the_colour_of_the_light_does_not_matter(field):
    tinted = (field.rgb * np.array([0.8, 0.9, 0.75])).round().astype(np.uint8)
    one, other = (prepare(rgb, 128).shown.astype(int) for rgb in (field.rgb, tinted))
    assert np.abs(one - other)[..., :3].mean() < 3


def test_neither_bar_nor_corner_is_seen():
    with_bar, bare = (make_smear(0, (224, 224), 22, scale_bar=bar).rgb for bar in (True, False))
    one, other = (prepare(rgb, 128).shown[112:, 106:, :3] for rgb in (with_bar, bare))
    assert np.array_equal(one, other)
    assert one.min() > 250


@pytest.mark.parametrize("shape", [(40, 300), (224, 224), (700, 500), (1, 1)])
def test_any_shape_becomes_the_networks_square(shape):
    seen = prepare(np.full((*shape, 3), 230, np.uint8), 96)
    assert seen.shown.shape == (96, 96, 4)
    assert seen.look.shape == (14,)
    assert np.isfinite(seen.look).all()
