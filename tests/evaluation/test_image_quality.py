"""Each fault is found in an image made to have it, and not in a good one."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from napari_all.data.synthetic import make_smear
from napari_all.evaluation.quality import FLAGS, QualityLimits, flags, measure_quality

LIMITS = QualityLimits()


Field = tuple[np.ndarray, np.ndarray]
"""Image and mask of its white cells."""


@pytest.fixture(scope="module")
def good() -> Field:
    return field()


def field(**changes: object) -> Field:
    """Paint a field in focus, its background a little under white."""
    asked = {"scale_bar": False, "n_white": 8, "n_red": 60, **changes}
    smear = make_smear(5, (224, 224), 22.0, stain="purple-grey", blur_px=0.7, illumination=0.0, **asked)
    return (smear.rgb * 0.96).astype(np.uint8), smear.labels > 0


def found(rgb: np.ndarray, cells: np.ndarray) -> list[str]:
    return flags(measure_quality(rgb.astype(np.uint8), cells), LIMITS)


def test_a_good_field_has_no_fault(good: Field) -> None:
    assert found(*good) == []


def test_blur_is_out_of_focus_whatever_the_stain(good: Field) -> None:
    rgb, cells = good
    assert found(cv2.GaussianBlur(rgb, (0, 0), 2.0), cells) == ["out of focus"]
    pale = (255 - (255 - rgb.astype(float)) / 2).astype(np.uint8)
    assert measure_quality(pale, cells).focus == pytest.approx(measure_quality(rgb, cells).focus, rel=0.15)
    shaken = cv2.filter2D(rgb, -1, np.eye(13, dtype=np.float32) / 13)
    assert "out of focus" in found(shaken, cells)


def test_exposure_and_cast(good: Field) -> None:
    rgb, cells = good
    assert "overexposed" in found(np.minimum(rgb * 1.5, 255), cells)
    assert "underexposed" in found(rgb * 0.5, cells)
    assert "colour cast" in found(rgb * [1.0, 0.97, 0.75], cells)


def test_crowding_thickness_and_number_of_cells(good: Field) -> None:
    rgb, cells = good
    assert "crowded" in found(*field(n_white=60))
    assert "too few cells" in found(rgb, np.zeros_like(cells))
    dense = rgb.copy()
    dense[:, :165] = (120, 110, 140)
    assert "thick" in found(dense, cells)


def test_text_is_the_scale_bar() -> None:
    assert found(*field(scale_bar=True)) == ["text"]


def test_a_larger_image_is_measured_at_the_same_size(good: Field) -> None:
    rgb, cells = good
    large = cv2.resize(rgb, (896, 896), interpolation=cv2.INTER_CUBIC)
    mask = cv2.resize(cells.astype(np.uint8), (896, 896), interpolation=cv2.INTER_NEAREST) > 0
    small, shrunk = measure_quality(rgb, cells), measure_quality(large, mask)
    assert shrunk.cells == small.cells
    assert shrunk.crowding == pytest.approx(small.crowding, abs=0.01)
    assert shrunk.focus == pytest.approx(small.focus, rel=0.2)


def test_an_image_of_one_colour_is_measured_too() -> None:
    flat = np.full((40, 50, 3), 240, np.uint8)
    assert set(found(flat, np.zeros((40, 50), np.bool_))) <= set(FLAGS)
