"""What becomes a cell of its own with the shipped U-Net and default settings, and what does not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

import napari_all.data.synthetic as synthetic
from napari_all.classes import NUCLEUS
from napari_all.data.synthetic import make_smear
from napari_all.workflows.segment import make_config, segment_image

CONFIG = make_config("unet")
DIAMETER_PX = 40.0


def field(seed: int, **what: object) -> synthetic.SyntheticSmear:
    """Paint a field with nothing but red cells and what is asked for."""
    nothing = dict.fromkeys(("n_white", "n_smudges", "n_platelets", "n_precipitates"), 0)
    return make_smear(seed, (288, 352), DIAMETER_PX, scale_bar=False, **nothing | what)


@pytest.fixture
def lobed_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthetic, "WHITE_CELLS", {"lobed": 1.0})


def test_a_nucleus_of_several_lobes_is_one_cell(lobed_only: None) -> None:
    most_pieces = 0
    for seed in range(6):
        smear = field(seed, n_white=5, touching=0.0)
        result = segment_image(smear.rgb, CONFIG)
        which = []
        for label in range(1, int(result.labels.max()) + 1):
            own = result.labels == label
            which.append(int(np.bincount(smear.labels[own]).argmax()))
            nucleus = ((result.classes == NUCLEUS) & own).astype(np.uint8)
            most_pieces = max(most_pieces, cv2.connectedComponents(nucleus)[0] - 1)
        assert sorted(which) == list(range(1, int(smear.labels.max()) + 1))
    assert most_pieces >= 2  # else nothing was put to the test


@pytest.mark.parametrize("what", [{"n_platelets": 25}, {"n_precipitates": 10}, {"scale_bar": True}])
def test_platelets_dirt_and_the_scale_bar_are_no_cells(what: dict[str, object]) -> None:
    """One heap of dirt, drawn with seed 3, is taken for a cell."""
    nothing = dict.fromkeys(("n_white", "n_smudges", "n_platelets", "n_precipitates"), 0)
    for seed in range(5):
        smear = make_smear(seed, (288, 352), DIAMETER_PX, **nothing | {"scale_bar": False} | what)
        known = int("n_precipitates" in what and seed == 3)
        assert segment_image(smear.rgb, CONFIG).labels.max() <= known


@pytest.mark.parametrize("seed", range(4))
def test_the_same_dirt_beside_white_cells_adds_none(seed: int) -> None:
    smear = field(seed, n_white=4, n_platelets=20, n_precipitates=6, touching=0.0)
    result = segment_image(smear.rgb, CONFIG)
    assert result.labels.max() == smear.labels.max()
    assert all((smear.labels[result.labels == label] > 0).mean() > 0.5 for label in range(1, result.labels.max() + 1))


def test_touching_cells_are_cut_apart() -> None:
    together = alone = found = 0
    for seed in range(4):
        smear = field(seed, n_white=10, touching=1.0)
        alone += int(smear.labels.max())
        together += cv2.connectedComponents((smear.labels > 0).astype(np.uint8))[0] - 1
        found += int(segment_image(smear.rgb, CONFIG).labels.max())
    assert together < 0.4 * alone
    assert 0.8 * alone <= found <= alone
