"""Images taken apart into white cells and what lies under them."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from PIL import Image

from napari_all.data.dataset import find_labelled_images
from napari_all.data.synthetic import make_smear
from napari_all.data.views import DEFAULT_VIEW, view_named
from napari_all.errors import Cancelled
from napari_all.monitor import NullMonitor
from napari_all.workflows.cells_apart import take_all_apart, take_apart
from napari_all.workflows.segment import make_config

VIEW = view_named(DEFAULT_VIEW)


def smear(seed: int):
    return make_smear(seed, (160, 160), 24.0, n_white=4, n_smudges=0, scale_bar=False)


def test_an_image_comes_apart_into_its_cells_and_a_field_without_any():
    field = smear(3)
    apart = take_apart(field.rgb, make_config("unet"))
    true = field.labels > 0
    assert (apart.cells & true).sum() > 0.8 * true.sum()
    assert apart.covered >= apart.cells.mean()
    assert VIEW.make(field.rgb, 96)[..., 3].mean() > 5
    assert VIEW.make(apart.emptied, 96)[..., 3].mean() < 1


def test_a_folder_comes_apart_as_a_network_sees_it_and_that_can_be_cancelled(tmp_path):
    for name, seed in (("Benign", 3), ("Pro-B", 4)):
        (tmp_path / name).mkdir()
        Image.fromarray(smear(seed).rgb).save(tmp_path / name / "a.png")
    images = find_labelled_images(tmp_path)
    apart = take_all_apart(images, VIEW, 64, NullMonitor())
    assert apart.cells.shape == (2, 64, 64)
    assert apart.emptied.shape == (2, 64, 64, 3)
    one = take_apart(smear(4).rgb, make_config("unet"))
    assert (apart.emptied[1] == VIEW.make(one.emptied, 64)[..., :3]).all()
    assert abs(apart.cells[1].mean() / 255 - one.cells.mean()) < 0.01
    assert apart.covered[1] == pytest.approx(one.covered)

    class Impatient(NullMonitor):
        def raise_if_cancelled(self) -> None:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        take_all_apart(images, VIEW, 64, Impatient())
