"""The scale bar is found and painted out, and nothing else is taken for one."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from napari_all.data.scalebar import _RED_TEXT, background_colour, find_scale_bar, paint_out_scale_bar
from napari_all.data.synthetic import make_smear


def bar_pixels(seed: int, shape: tuple[int, int], diameter: float) -> tuple[np.ndarray, np.ndarray]:
    """Return a smear with a scale bar, and where it differs from the same smear without one."""
    with_bar = make_smear(seed, shape, diameter)
    bare = make_smear(seed, shape, diameter, scale_bar=False)
    return with_bar.rgb, np.abs(with_bar.rgb.astype(int) - bare.rgb).max(axis=2) > 60


def with_red_text(rgb: np.ndarray, top: int, left: int) -> tuple[np.ndarray, np.ndarray]:
    """Write the red text without a box, as on some Taleqani fields."""
    pattern = np.array([[c == "#" for c in row] for row in _RED_TEXT])
    written = np.zeros(rgb.shape[:2], bool)
    written[top : top + pattern.shape[0], left : left + pattern.shape[1]] = pattern
    result = rgb.copy()
    result[written] = (200, 40, 50)
    return result, written


@pytest.mark.parametrize(("seed", "shape", "diameter"), [(0, (224, 224), 22), (2, (512, 640), 48), (1, (512, 640), 48)])
def test_a_box_with_text_is_found_and_painted_out(seed, shape, diameter):
    rgb, bar = bar_pixels(seed, shape, diameter)
    mask = find_scale_bar(rgb)
    assert mask[bar].mean() > 0.9
    assert mask.mean() < 0.03
    painted = paint_out_scale_bar(rgb)
    assert np.array_equal(painted[~mask], rgb[~mask])
    assert np.ptp(painted[mask], axis=0).max() == 0


@pytest.mark.parametrize("place", ["background", "nucleus"])
def test_red_text_without_a_box_is_found(place):
    rgb = make_smear(4, (224, 224), 22, scale_bar=False).rgb
    if place == "nucleus":
        rgb = cv2.ellipse(rgb.copy(), (206, 210), (14, 12), 0, 0, 360, (110, 50, 160), -1)
    written_on, text = with_red_text(rgb, 207, 195)
    assert find_scale_bar(written_on)[text].all()


@pytest.mark.parametrize("seed", range(6))
def test_a_smear_without_a_bar_is_left_alone(seed):
    rgb = make_smear(seed, (224, 256), 24, scale_bar=False).rgb
    assert not find_scale_bar(rgb).any()
    assert paint_out_scale_bar(rgb) is rgb


@pytest.mark.parametrize("shape", [(1, 1), (20, 500), (60, 60)])
def test_an_image_too_small_for_a_bar_has_none(shape):
    assert not find_scale_bar(np.full((*shape, 3), 255, np.uint8)).any()


def test_background_is_the_colour_between_the_cells():
    rgb = np.full((50, 50, 3), (240, 245, 250), np.uint8)
    rgb[:25] = (120, 60, 170)
    assert background_colour(rgb).tolist() == [240, 245, 250]


@pytest.mark.data
def test_every_taleqani_field_has_a_bar_and_no_other_image(data_dir):
    from napari_all.io.images import read_image

    fields = sorted((data_dir / "taleqani-all" / "Original").glob("*/*.jpg"))[::25]
    others = sorted((data_dir / "other-labs" / "bccd").rglob("*.jp*g"))[::3]
    others += sorted((data_dir / "other-labs" / "barcelona-lymphocytes").glob("*.jpg"))[::3]
    assert len(fields) > 100
    assert len(others) > 20
    assert all(find_scale_bar(read_image(path)[1]).any() for path in fields)
    assert not any(find_scale_bar(read_image(path)[1]).any() for path in others)
