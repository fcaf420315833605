"""Items to train on: targets say what the mask says at every scale, and diameters are those of the cells."""

from __future__ import annotations

import numpy as np
import pytest

from napari_all.data.mask_items import (
    BACKGROUND,
    CELL,
    COUNTS,
    CYTOPLASM,
    NUCLEUS,
    SMUDGE,
    codes_present,
    make_item,
    painted_items,
    resized,
    typical_diameter,
)
from napari_all.data.synthetic import make_smear


def disc(size: int, radius: float, at: tuple[float, float] | None = None) -> np.ndarray:
    y, x = np.mgrid[:size, :size]
    cy, cx = at or ((size - 1) / 2, (size - 1) / 2)
    return (y - cy) ** 2 + (x - cx) ** 2 < radius**2


def test_an_item_gives_back_what_it_was_made_of(field):
    codes = np.where(field.smudges, SMUDGE, field.classes).astype(np.uint8)
    hidden = np.zeros(codes.shape, bool)
    hidden[:50] = True
    item = make_item("f", field.rgb, codes, hidden)
    np.testing.assert_array_equal(item.codes, codes)
    np.testing.assert_array_equal(item.ignore, hidden)
    np.testing.assert_array_equal(item.rgb, field.rgb)
    assert item.diameter_px == pytest.approx(22, rel=0.25)
    assert codes_present([item]) == {BACKGROUND, CYTOPLASM, NUCLEUS, SMUDGE} & set(np.unique(codes).tolist())


@pytest.mark.parametrize("shape", [(96, 120), (97, 121), (33, 64)])
def test_smaller_levels_keep_the_shares_of_the_codes(shape):
    smear = make_smear(2, shape, 20.0)
    item = make_item("s", smear.rgb, smear.classes, np.zeros(shape, bool))
    for level, (image, target) in enumerate(zip(item.images, item.targets, strict=True)):
        assert image.shape[:2] == target.shape[:2] == tuple(n // 2**level for n in shape)
        shares = target[..., :COUNTS].astype(float)
        assert np.abs(shares.sum(-1) - 255).max() <= 3
        whole = np.bincount(smear.classes.ravel(), minlength=3) / smear.classes.size
        np.testing.assert_allclose(shares.mean((0, 1))[:3] / 255, whole, atol=0.02)
        assert (target[..., COUNTS] == 255).all()


def test_resizing_keeps_the_channels_apart():
    planes = np.zeros((40, 60, 6), np.uint8)
    for channel in range(6):
        planes[..., channel] = 40 * channel
    for size in ((30, 20), (120, 80)):
        bigger = resized(planes, size)
        assert bigger.shape == (size[1], size[0], 6)
        assert [np.unique(bigger[..., c]).tolist() for c in range(6)] == [[40 * c] for c in range(6)]


@pytest.mark.parametrize("radius", [8.0, 20.0, 40.0])
def test_the_diameter_of_a_disc(radius):
    mask = disc(100, radius)
    for cells in (mask, mask.astype(np.uint8), np.where(mask, 2_000_000_000, 0)):
        assert typical_diameter(cells) == pytest.approx(2 * radius, rel=0.03)


def test_large_cells_outweigh_fragments_and_a_clump_is_not_one_giant():
    labels = np.zeros((120, 240), np.int32)
    labels[:, :120][disc(120, 30)] = 1
    for n in range(6):
        labels[2 + 8 * n : 5 + 8 * n, 200:203] = 5 + n
    assert typical_diameter(labels) == pytest.approx(60, rel=0.05)
    row = np.zeros((40, 200), bool)
    for n in range(6):
        row |= np.hypot(np.arange(40)[:, None] - 20, np.arange(200)[None] - (20 + 28 * n)) < 15
    assert typical_diameter(row) == pytest.approx(30, rel=0.25)


def test_without_a_cell_there_is_no_diameter():
    assert typical_diameter(np.zeros((20, 20), bool)) is None
    assert typical_diameter(np.zeros((20, 20), np.uint16)) is None
    codes = np.where(disc(64, 20), SMUDGE, BACKGROUND).astype(np.uint8)
    item = make_item("smudge only", np.zeros((64, 64, 3), np.uint8), codes, np.zeros((64, 64), bool))
    assert item.diameter_px is None


def test_a_field_that_is_one_cell_throughout():
    assert typical_diameter(np.ones((50, 50), np.uint8)) == pytest.approx(2 * np.sqrt(2500 / np.pi), rel=0.1)


def test_undecided_cells_count_for_the_diameter():
    codes = np.where(disc(100, 25), CELL, BACKGROUND).astype(np.uint8)
    item = make_item("merged", np.zeros((100, 100, 3), np.uint8), codes, np.zeros((100, 100), bool))
    assert item.diameter_px == pytest.approx(50, rel=0.03)


def test_painted_items_are_the_same_again_and_show_every_part():
    first, again = painted_items(3), painted_items(3)
    assert [item.name for item in first] == [item.name for item in again]
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.rgb, other.rgb)
        np.testing.assert_array_equal(one.codes, other.codes)
        assert one.diameter_px == other.diameter_px
    assert {BACKGROUND, CYTOPLASM, NUCLEUS, SMUDGE} <= codes_present(painted_items(6))
