"""The synthetic smears are what the other tests stand on: their truth must hold."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from scipy import ndimage
from skimage.filters import threshold_otsu

from napari_all.data._smear_stains import FIELD_STAINS
from napari_all.data.synthetic import SAMPLES, STAINS, SyntheticSmear, make_smear, sample_smear
from napari_all.errors import UsageError


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


def check_truth(smear: SyntheticSmear) -> None:
    assert smear.rgb.dtype == np.uint8
    assert smear.rgb.shape == (*smear.labels.shape, 3)
    assert (smear.labels.dtype, smear.classes.dtype, smear.smudges.dtype) == (np.int32, np.uint8, np.bool_)
    assert np.array_equal(smear.labels > 0, smear.classes > 0)
    assert not (smear.smudges & (smear.labels > 0)).any()
    _, first = np.unique(smear.labels[smear.labels > 0], return_index=True)
    assert np.all(np.diff(first) > 0), "labels are not in raster order"
    for label in range(1, smear.labels.max() + 1):
        cell = smear.labels == label
        assert ndimage.label(cell, np.ones((3, 3)))[1] == 1, f"cell {label} is in pieces"
        assert (smear.classes[cell] == 2).any(), f"cell {label} has no nucleus"


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("diameter", [22.0, 48.0])
def test_truth_is_consistent_in_crowded_smears(seed: int, diameter: float) -> None:
    smear = make_smear(seed, (320, 400), diameter, touching=0.7)
    check_truth(smear)
    assert smear.labels.max() >= 3


def test_same_seed_same_smear_and_other_seed_another() -> None:
    first, again, other = make_smear(5, (128, 160)), make_smear(5, (128, 160)), make_smear(6, (128, 160))
    for name in ("rgb", "labels", "classes", "smudges"):
        assert np.array_equal(getattr(first, name), getattr(again, name))
    assert not np.array_equal(first.labels, other.labels)


@pytest.mark.parametrize("stain", FIELD_STAINS)
def test_colour_finds_the_cells_but_not_perfectly(stain: str) -> None:
    for seed in range(4):
        smear = make_smear(seed, stain=stain)
        red_green = cv2.cvtColor(smear.rgb, cv2.COLOR_RGB2LAB)[..., 1]
        found = (red_green > threshold_otsu(red_green)) & ~smear.smudges
        assert 0.85 < dice(found, smear.labels > 0) < 0.995


@pytest.mark.parametrize("stain", sorted(STAINS))
def test_nuclei_are_darker_than_cytoplasm_and_that_than_the_slide(stain: str) -> None:
    smear = make_smear(1, stain=stain)
    green = smear.rgb[..., 1]
    empty = np.percentile(green, 90)
    assert np.median(green[smear.classes == 2]) < np.median(green[smear.classes == 1]) - 5
    assert np.median(green[smear.classes == 1]) < empty - 20


def test_counts_diameter_and_single_centred_cell_are_as_asked() -> None:
    smear = make_smear(2, (600, 600), 40.0, n_white=20, touching=0.0)
    sizes = np.bincount(smear.labels.ravel())[1:]
    assert len(sizes) == 20
    assert np.median(2 * np.sqrt(sizes / np.pi)) == pytest.approx(40, rel=0.15)
    alone = make_smear(2, (120, 120), 60.0, n_white=1, scale_bar=False)
    assert alone.labels.max() == 1
    assert ndimage.center_of_mass(alone.labels) == pytest.approx((60, 60), abs=4)


def test_touching_cells_touch_and_free_cells_do_not() -> None:
    def contacts(smear: SyntheticSmear) -> int:
        pieces = ndimage.label(smear.labels > 0, np.ones((3, 3)))[1]
        return int(smear.labels.max()) - int(pieces)

    assert contacts(make_smear(7, n_white=14, touching=0.8)) >= 3
    assert contacts(make_smear(7, n_white=14, touching=0.0)) == 0


def test_scale_bar_is_a_white_box_without_labels() -> None:
    with_bar = make_smear(0, (224, 224), 22.0, n_white=40)
    without = make_smear(0, (224, 224), 22.0, n_white=40, scale_bar=False)
    corner = with_bar.rgb[-16:-4, -34:-5]
    assert (corner == 255).all(-1).mean() > 0.5
    assert corner.min() < 60, "the bar itself is missing"
    assert with_bar.labels[-14:-4, -32:-5].max() == 0
    assert (without.rgb[-16:-4, -34:-5] == 255).all(-1).mean() < 0.9


def test_blur_softens_and_illumination_darkens_corners() -> None:
    def sharpness(blur: float) -> float:
        grey = cv2.cvtColor(make_smear(3, blur_px=blur, noise=0.0, scale_bar=False).rgb, cv2.COLOR_RGB2GRAY)
        return float(cv2.Laplacian(grey, cv2.CV_32F).var())

    assert sharpness(3.0) < 0.3 * sharpness(0.6)
    even, uneven = (
        make_smear(0, n_white=0, n_red=0, n_smudges=0, scale_bar=False, illumination=fall) for fall in (0.0, 0.5)
    )
    assert even.labels.max() == uneven.labels.max() == 0
    assert float(uneven.rgb[:40, :40].mean()) < float(even.rgb[:40, :40].mean()) - 15


@pytest.mark.parametrize("name", SAMPLES)
def test_samples_are_sound(name: str) -> None:
    smear = sample_smear(name)
    check_truth(smear)
    assert smear.labels.max() >= 3


def test_wrong_arguments_say_what_would_work() -> None:
    with pytest.raises(UsageError, match=r"unknown stain 'green'.*'purple-grey'"):
        make_smear(stain="green")
    with pytest.raises(UsageError, match="at least 32x32"):
        make_smear(shape=(16, 500))
    with pytest.raises(UsageError, match=r"unknown sample 'slide'.*'smear'"):
        sample_smear("slide")
