"""Colour normalisation: what it does to the colours, and that every way in and out knows of it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from napari_all.data.synthetic import make_smear
from napari_all.errors import UsageError
from napari_all.evaluation.masks import dice
from napari_all.io.images import read_image
from napari_all.segmentation.normalise import (
    REINHARD_MEAN,
    REINHARD_STD,
    background_colour,
    grey_world,
    normalise,
    reinhard,
    white_balance,
)
from napari_all.workflows.segment import SegmentConfig, make_config, segment_image


@pytest.fixture(scope="module")
def yellow() -> np.ndarray:
    """A smear under a yellow, dim lamp."""
    rgb = make_smear(1, (160, 200), 34, stain="purple-grey").rgb
    return (rgb * np.array([0.85, 0.8, 0.5])).astype(np.uint8)


def test_white_balance_makes_the_background_white(yellow):
    before, after = background_colour(yellow), background_colour(white_balance(yellow))
    assert before[2] < 150
    np.testing.assert_allclose(after, 255, atol=3)


def test_grey_world_gives_the_channels_one_mean(yellow):
    means = grey_world(yellow).reshape(-1, 3).mean(axis=0)
    assert np.ptp(means) < 4
    assert np.ptp(yellow.reshape(-1, 3).mean(axis=0)) > 30


def test_reinhard_reaches_its_target(yellow):
    pixels = cv2.cvtColor(reinhard(yellow), cv2.COLOR_RGB2LAB).reshape(-1, 3)
    np.testing.assert_allclose(pixels.mean(axis=0), REINHARD_MEAN, atol=6)
    np.testing.assert_allclose(pixels.std(axis=0), REINHARD_STD, atol=6)


@pytest.mark.parametrize("choice", ["none", "white-balance", "grey-world", "reinhard"])
@pytest.mark.parametrize("value", [0, 128, 255])
def test_flat_images_and_one_pixel_are_no_error(choice, value):
    for shape in ((1, 1, 3), (9, 4, 3)):
        rgb = np.full(shape, value, np.uint8)
        result = normalise(rgb, choice)
        assert (result.shape, result.dtype) == (shape, np.uint8)
        np.testing.assert_array_equal(rgb, value)


def test_it_comes_from_the_command_lines_settings_and_is_recorded_and_replayed(yellow):
    config = make_config("hsv", assignments=["normalise=white-balance"])
    result = segment_image(yellow, config)
    assert result.postprocess["normalise"] == "white-balance"
    again = SegmentConfig.parse(config.model_dump(mode="json"))
    np.testing.assert_array_equal(segment_image(yellow, again).labels, result.labels)
    plain = segment_image(yellow, make_config("hsv"))
    assert not np.array_equal(plain.labels, result.labels)


def test_none_can_be_asked_for_by_name_and_a_wrong_name_is_told():
    assert make_config("lab", assignments=["normalise=none"]) == make_config("lab")
    with pytest.raises(UsageError, match=r"normalise = 'macenko'.*white-balance"):
        make_config("lab", assignments=["normalise=macenko"])


def test_a_white_balanced_image_is_segmented_like_the_smear_under_a_white_lamp(yellow):
    white = make_smear(1, (160, 200), 34, stain="purple-grey")
    found = segment_image(yellow, make_config("lab", assignments=["normalise=white-balance"])).labels > 0
    assert dice(found, white.labels > 0) > 0.85


def test_real_colour_cast(data_dir: Path):
    """A yellow field of another laboratory gets a white background."""
    _, rgb = read_image(min((data_dir / "wbc-zheng" / "dataset1" / "images").iterdir()))
    assert background_colour(rgb)[2] < 220
    np.testing.assert_allclose(background_colour(white_balance(rgb)), 255, atol=3)
