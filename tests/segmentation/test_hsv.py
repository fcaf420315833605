"""HSV thresholding: known colours, wrapping hue, automatic limits, the published preset on the real images."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_all.data.synthetic import make_smear
from napari_all.segmentation.methods.hsv import HsvSettings, found_limits, threshold_hsv
from napari_all.workflows.segment import make_config, segment_image


def patches(*hsv: tuple[int, int, int]) -> np.ndarray:
    """One 8x8 patch of each colour side by side, as RGB."""
    row = np.repeat(np.array(hsv, np.uint8)[None], 8, axis=0).repeat(8, axis=1)
    return cv2.cvtColor(row, cv2.COLOR_HSV2RGB)


def test_box_is_inclusive_at_both_ends():
    rgb = patches((119, 200, 255), (120, 200, 255), (130, 200, 255), (131, 200, 255))
    mask = threshold_hsv(rgb, HsvSettings(automatic=False, hue_low=120, hue_high=130, saturation_low=0))
    assert mask[0, ::8].tolist() == [False, True, True, False]


def test_hue_range_wraps_round_zero():
    rgb = patches((175, 200, 200), (5, 200, 200), (60, 200, 200), (165, 200, 200))
    mask = threshold_hsv(rgb, HsvSettings(automatic=False, hue_low=170, hue_high=10, saturation_low=0))
    assert mask[0, ::8].tolist() == [True, True, False, False]


@given(low=st.integers(0, 179), high=st.integers(0, 179), saturation=st.integers(0, 255), value=st.integers(0, 255))
def test_box_agrees_with_the_plain_definition(low, high, saturation, value):
    rgb = np.random.default_rng(7).integers(0, 256, (16, 16, 3), np.uint8)
    settings = HsvSettings(automatic=False, hue_low=low, hue_high=high, saturation_low=saturation, value_low=value)
    hue, sat, val = np.moveaxis(cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV), -1, 0)
    in_hue = (hue >= low) & (hue <= high) if low <= high else (hue >= low) | (hue <= high)
    np.testing.assert_array_equal(threshold_hsv(rgb, settings), in_hue & (sat >= saturation) & (val >= value))


def test_automatic_limits_part_red_from_white_cells():
    rgb = np.full((100, 100, 3), 250, np.uint8)
    rgb[10:40, 10:90] = patches((108, 60, 200))[0, 0]
    rgb[60:80, 20:40] = patches((130, 120, 200))[0, 0]
    limits = found_limits(rgb, HsvSettings())
    assert 108 < limits.hue_low <= 130
    mask = threshold_hsv(rgb, HsvSettings())
    assert mask[65:75, 25:35].all()
    assert not mask[15:35, 15:85].any()


@pytest.mark.parametrize("colour", [255, 0, 128])
def test_blank_image_has_no_cells(colour):
    result = segment_image(np.full((64, 80, 3), colour, np.uint8), make_config("hsv"))
    assert result.labels.max() == 0


@pytest.mark.parametrize("seed", range(3))
def test_default_finds_the_cells_of_a_synthetic_smear(seed):
    smear = make_smear(seed, (320, 400), 40, stain="purple-grey")
    found = segment_image(smear.rgb, make_config("hsv")).labels > 0
    keep = ~smear.smudges
    truth = smear.labels > 0
    dice = 2 * (found & truth & keep).sum() / ((found & keep).sum() + (truth & keep).sum())
    assert dice > 0.8


@pytest.mark.data
def test_published_preset_reproduces_the_authors_masks(data_dir: Path):
    root = data_dir / "taleqani-all"
    rows = list(csv.DictReader((root / "overlap_groups.csv").open()))[::17]
    counts: dict[str, np.ndarray] = {}
    for row in rows:
        name = f"{row['class']}/{row['file']}"
        rgb = cv2.imread(str(root / "Original" / name))[..., ::-1].copy()
        published = cv2.imread(str(root / "Segmented" / name)).max(axis=2) > 30
        ours = segment_image(rgb, make_config("hsv", "published")).labels > 0
        counts.setdefault(row["class"], np.zeros(2))
        counts[row["class"]] += [2 * (ours & published).sum(), ours.sum() + published.sum()]
    total = sum(counts.values())
    assert total[0] / total[1] >= 0.90
    assert counts["Pro"][0] / counts["Pro"][1] >= 0.60
