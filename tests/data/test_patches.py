"""Training patches: the asked size, each kind of change alone, and image and mask always together."""

from __future__ import annotations

import numpy as np
import pytest

from napari_all.data.mask_items import (
    BACKGROUND,
    CELL,
    COUNTS,
    CYTOPLASM,
    NUCLEUS,
    MaskItem,
    make_item,
)
from napari_all.data.patches import AugmentSettings, cut_patch, recolour, with_debris
from napari_all.data.synthetic import SyntheticSmear, make_smear

STILL = AugmentSettings(
    rotate=False, flip=False, crop=False, scale_smallest=1, scale_largest=1, stretch=0,
    contrast=0, brightness=0, stain=0, focus=0,
)  # fmt: skip
"""Every kind of change off."""


@pytest.fixture(scope="module")
def smear() -> SyntheticSmear:
    return make_smear(4, (128, 128), 32.0, stain="purple-grey")


@pytest.fixture(scope="module")
def item(smear: SyntheticSmear) -> MaskItem:
    hidden = np.zeros(smear.labels.shape, bool)
    hidden[:20, :20] = True
    return make_item("smear", smear.rgb, smear.classes, hidden, 32.0)


@pytest.fixture(scope="module")
def disc() -> MaskItem:
    y, x = np.mgrid[:120, :120] - 59.5
    codes = np.where(y**2 + x**2 < 30**2, np.where(y**2 + x**2 < 15**2, 2, 1), 0).astype(np.uint8)
    rgb = np.repeat(255 - 60 * codes[..., None], 3, axis=-1).astype(np.uint8)
    return make_item("disc", rgb, codes, np.zeros(codes.shape, bool), 60.0)


def draws(item: MaskItem, settings: AugmentSettings, count: int, size: int = 64, cell_px: float | None = 32.0):
    return [cut_patch(item, np.random.default_rng(seed), size, cell_px, settings) for seed in range(count)]


@pytest.mark.parametrize("size", [64, 96, 128])
def test_with_every_kind_off_a_patch_is_the_middle_as_it_is(item, smear, size):
    edge = (128 - size) // 2
    window = np.s_[edge : edge + size, edge : edge + size]
    for patch, target in draws(item, STILL, 6, size):
        np.testing.assert_array_equal(patch, smear.rgb[window])
        np.testing.assert_array_equal(target, item.targets[0][window])


def test_without_a_cell_size_a_patch_is_the_whole_image(item, smear):
    for patch, target in draws(item, STILL, 3, 128, None):
        np.testing.assert_array_equal(patch, smear.rgb)
        np.testing.assert_array_equal(target, item.targets[0])
    wide = make_smear(5, (96, 160), 24.0)
    other = make_item("wide", wide.rgb, wide.classes, np.zeros(wide.labels.shape, bool))
    for _, target in draws(other, STILL, 3, 64, None):
        shares = target[..., :COUNTS].mean((0, 1)) / 255
        np.testing.assert_allclose(shares[:3], np.bincount(wide.classes.ravel()) / wide.classes.size, atol=0.01)


@pytest.mark.parametrize(
    ("change", "mixed"),
    [
        ({"rotate": True}, False),
        ({"flip": True}, False),
        ({"crop": True}, False),
        ({"scale_smallest": 0.45, "scale_largest": 1.8}, False),
        ({"stretch": 0.2}, False),
        ({"contrast": 1.0}, True),
        ({"brightness": 1.0}, True),
        ({"stain": 1.0}, True),
        ({"focus": 1.0}, True),
        ({"debris": 1.0}, True),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_each_kind_alone_changes_what_it_should(item, change, mixed):
    """Changes of geometry move the mask too; those of colour leave it as it is."""
    settings = STILL.updated(**change)
    ((still, still_target),) = draws(item, STILL, 1)
    patches = draws(item, settings, 12)
    assert any((patch != still).any() for patch, _ in patches)
    moved = [(target != still_target).any() for _, target in patches]
    assert any(moved) is not mixed
    again = draws(item, settings, 12)
    for (a, b), (c, d) in zip(patches, again, strict=True):
        np.testing.assert_array_equal(a, c)
        np.testing.assert_array_equal(b, d)


def test_flips_are_mirror_images_of_image_and_mask_together(item):
    ((still, still_target),) = draws(item, STILL, 1)
    seen = set()
    for patch, target in draws(item, STILL.updated(flip=True), 12):
        mirrored = bool((patch != still).any())
        seen.add(mirrored)
        way = slice(None, None, -1 if mirrored else 1)
        np.testing.assert_array_equal(patch, still[:, way])
        np.testing.assert_array_equal(target, still_target[:, way])
    assert seen == {True, False}


def test_image_and_mask_move_together(disc):
    """The disc's grey levels tell the code of every pixel that is not at an edge."""
    settings = AugmentSettings(contrast=0, brightness=0, stain=0, focus=0)
    for patch, target in draws(disc, settings, 20, 96, 48.0):
        sure = target[..., :COUNTS].max(-1) == 255
        code = np.round((255 - patch[..., 0].astype(float)) / 60)
        assert sure.mean() > 0.5
        assert (code == target[..., :COUNTS].argmax(-1))[sure].mean() > 0.97


def test_patches_show_cells_at_the_asked_size(disc):
    settings = AugmentSettings(scale_smallest=1, scale_largest=1, crop=False)
    for _, target in draws(disc, settings, 5, 96, 48.0):
        for parts, diameter in (((CYTOPLASM, NUCLEUS), 48.0), ((NUCLEUS,), 24.0)):
            area = target[..., parts].astype(float).sum() / 255
            assert area == pytest.approx(np.pi / 4 * diameter**2, rel=0.2)
        assert np.abs(target[..., :COUNTS].astype(int).sum(-1) - 255).max() <= 3


def test_scale_stays_within_its_limits(disc):
    settings = STILL.updated(scale_smallest=0.5, scale_largest=1.5)
    found = []
    for _, target in draws(disc, settings, 60, 160, 48.0):
        middle = target[32:128, 32:128]  # beyond the image its mirror images show
        found.append(2 * np.sqrt(middle[..., NUCLEUS].sum() / 255 / np.pi) / 24.0)
    assert min(found) > 0.45
    assert max(found) < 1.55
    assert min(found) < 0.7
    assert max(found) > 1.3


def test_an_image_without_cells_gives_patches_at_many_scales():
    empty = make_smear(3, (256, 256), 40.0, n_white=0, n_smudges=0)
    item = make_item("empty", empty.rgb, empty.classes, np.zeros(empty.labels.shape, bool))
    assert item.diameter_px is None
    for patch, target in draws(item, AugmentSettings(), 8, 64, 48.0):
        assert patch.shape == (64, 64, 3)
        assert (target[..., BACKGROUND] == 255).all()


def test_debris_lies_on_background_only(smear):
    background = smear.classes == 0
    painted = [with_debris(smear.rgb, background, np.random.default_rng(seed)) for seed in range(20)]
    assert all(np.array_equal(p[~background], smear.rgb[~background]) for p in painted)
    assert sum((p != smear.rgb).any() for p in painted) > 15
    nowhere = np.zeros(background.shape, bool)
    np.testing.assert_array_equal(with_debris(smear.rgb, nowhere, np.random.default_rng(0)), smear.rgb)


def test_debris_of_a_patch_leaves_cells_and_mask_alone(item):
    ((still, still_target),) = draws(item, STILL, 1)
    for patch, target in draws(item, STILL.updated(debris=1.0), 12):
        np.testing.assert_array_equal(target, still_target)
        np.testing.assert_array_equal(patch[still_target[..., BACKGROUND] < 255], still[still_target[..., 0] < 255])


def test_what_is_cut_out_does_not_count(item):
    ((still, still_target),) = draws(item, STILL, 1)
    for patch, target in draws(item, STILL.updated(cutout=1.0), 12):
        gone = (target[..., COUNTS] == 0) & (still_target[..., COUNTS] > 0)
        rows, columns = np.flatnonzero(gone.any(1)), np.flatnonzero(gone.any(0))
        side = len(rows)
        assert 64 // 8 <= side <= 64 // 3
        assert side == len(columns)
        assert gone.sum() == side**2
        assert (target[gone][:, BACKGROUND] == 255).all()
        assert len(np.unique(patch[gone], axis=0)) == 1
        np.testing.assert_array_equal(patch[~gone], still[~gone])
        np.testing.assert_array_equal(target[~gone], still_target[~gone])


def test_recolouring_keeps_shape_type_and_range(smear):
    changed = [recolour(smear.rgb, np.random.default_rng(seed), AugmentSettings()) for seed in range(20)]
    assert all(c.shape == smear.rgb.shape and c.dtype == np.uint8 for c in changed)
    assert np.mean([np.abs(c.astype(int) - smear.rgb).mean() for c in changed]) > 5
    np.testing.assert_array_equal(recolour(smear.rgb, np.random.default_rng(0), STILL), smear.rgb)


def test_undecided_cells_stay_undecided_in_patches():
    y, x = np.mgrid[:64, :64] - 31.5
    codes = np.where(y**2 + x**2 < 400, CELL, BACKGROUND).astype(np.uint8)
    item = make_item("cell", np.zeros((64, 64, 3), np.uint8), codes, np.zeros((64, 64), bool))
    for _, target in draws(item, AugmentSettings(), 5, 64, 40.0):
        assert target[..., CELL].any()
        assert not target[..., [CYTOPLASM, NUCLEUS]].any()
