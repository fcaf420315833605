"""Cells go, come and keep their colours; scale bars are painted where and as they are looked for."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage as ndi

from napari_all.data.scalebar import background_colour, find_scale_bar
from napari_all.data.synthetic import SyntheticSmear, make_smear
from napari_all.evaluation.exchange import RIM_PX, cells_only, on_background, without_cells
from napari_all.evaluation.scale_bars import BARS, with_bar, with_bar_of, without_bar


@pytest.fixture(scope="module")
def plain() -> SyntheticSmear:
    return make_smear(5, (224, 224), 22.0, stain="purple-grey", scale_bar=False, n_white=8, n_smudges=0)


def test_cells_are_replaced_by_what_is_no_cell(plain: SyntheticSmear) -> None:
    cells = plain.labels > 0
    emptied = without_cells(plain.rgb, cells)
    purple = plain.rgb.astype(int)[cells].mean(axis=0)
    around = plain.rgb.astype(int)[~ndi.binary_dilation(cells, iterations=8)].mean(axis=0)
    filled = emptied.astype(int)[cells].mean(axis=0)
    assert np.abs(filled - around).max() < 0.25 * np.abs(purple - around).max()
    far = ndi.distance_transform_edt(~cells) > 12
    assert np.array_equal(emptied[far], plain.rgb[far])
    # red cells go on in the hole: it is no flat patch
    assert emptied[cells].std(axis=0).max() > 5


def test_an_image_without_cells_stays_as_it_is(plain: SyntheticSmear) -> None:
    assert np.array_equal(without_cells(plain.rgb, np.zeros((224, 224), np.bool_)), plain.rgb)
    everything = without_cells(plain.rgb, np.ones((224, 224), np.bool_))
    assert everything.shape == plain.rgb.shape


@pytest.mark.parametrize("relit", [False, True])
def test_cells_stand_on_the_other_background(plain: SyntheticSmear, relit: bool) -> None:
    cells = plain.labels > 0
    background = np.full((112, 112, 3), (200, 220, 180), np.uint8)
    made = on_background(plain.rgb, cells, background, relit=relit)
    far = ndi.distance_transform_edt(~cells) > RIM_PX + 1
    assert np.array_equal(np.unique(made[far], axis=0), [[200, 220, 180]])
    ratio = np.array([200, 220, 180]) / background_colour(plain.rgb) if relit else np.ones(3)
    assert np.abs(made[cells] - np.minimum(plain.rgb[cells] * ratio, 255)).max() <= 0.5 + 1e-9


def test_cells_only_shows_nothing_else(plain: SyntheticSmear) -> None:
    cells = plain.labels > 0
    shown = cells_only(plain.rgb, cells)
    far = ndi.distance_transform_edt(~cells) > RIM_PX + 1
    assert np.array_equal(np.unique(shown[far], axis=0), [background_colour(plain.rgb)])
    assert np.array_equal(shown[cells], plain.rgb[cells])


@pytest.mark.parametrize("kind", BARS)
@pytest.mark.parametrize("size", [224, 448])
def test_painted_bars_are_found_and_lie_in_the_corner(kind: str, size: int) -> None:
    rgb = make_smear(6, (size, size), 22.0 * size / 224, stain="blue", scale_bar=False).rgb
    barred = with_bar(rgb, kind)
    assert find_scale_bar(barred).any()
    changed = (barred != rgb).any(axis=2)
    assert changed.any()
    rows, columns = np.nonzero(changed)
    assert rows.min() >= 0.85 * size
    assert columns.min() >= 0.85 * size
    again, bar = without_bar(barred)
    assert bar.any()
    assert not find_scale_bar(again).any()


def test_bars_are_exchanged(plain: SyntheticSmear) -> None:
    other = with_bar(plain.rgb[::-1], "black text in a white box")
    exchanged = with_bar_of(plain.rgb, other)
    assert exchanged is not None
    bar = find_scale_bar(other)
    assert np.array_equal(exchanged[bar], other[bar])
    assert np.array_equal(exchanged[~bar], plain.rgb[~bar])
    assert with_bar_of(plain.rgb, plain.rgb) is None
    assert with_bar_of(plain.rgb, other[:100]) is None
