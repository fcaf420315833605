"""Each fault is found in an image made to have it, and not in a good one."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from napari_all.data.synthetic import SyntheticSmear, make_smear
from napari_all.evaluation.quality import FLAGS, QualityLimits, flags, measure_quality

LIMITS = QualityLimits()


@pytest.fixture(scope="module")
def good() -> SyntheticSmear:
    return make_smear(
        5, (224, 224), 22.0, stain="purple-grey", scale_bar=False, n_white=8, n_red=60, blur_px=0.4, illumination=0.0
    )


def found(rgb: np.ndarray, cells: np.ndarray) -> list[str]:
    return flags(measure_quality(rgb.astype(np.uint8), cells), LIMITS)


def test_a_good_field_has_no_fault(good: SyntheticSmear) -> None:
    assert found(good.rgb, good.labels > 0) == []


def test_blur_is_out_of_focus_whatever_the_stain(good: SyntheticSmear) -> None:
    cells = good.labels > 0
    assert found(cv2.GaussianBlur(good.rgb, (0, 0), 2.5), cells) == ["out of focus"]
    pale = 255 - (255 - good.rgb.astype(float)) / 2
    sharp, faint = measure_quality(good.rgb, cells), measure_quality(pale.astype(np.uint8), cells)
    assert faint.focus == pytest.approx(sharp.focus, rel=0.15)
    shaken = cv2.filter2D(good.rgb, -1, np.eye(13, dtype=np.float32) / 13)
    assert "out of focus" in found(shaken, cells)


def test_exposure_and_cast(good: SyntheticSmear) -> None:
    cells = good.labels > 0
    assert "overexposed" in found(np.minimum(good.rgb * 1.5, 255), cells)
    assert "underexposed" in found(good.rgb * 0.5, cells)
    assert "colour cast" in found(good.rgb * [1.0, 0.97, 0.75], cells)


def test_crowding_thickness_and_number_of_cells(good: SyntheticSmear) -> None:
    crowded = make_smear(5, (224, 224), 22.0, stain="purple-grey", scale_bar=False, n_white=60, n_red=60)
    assert "crowded" in found(crowded.rgb, crowded.labels > 0)
    assert "too few cells" in found(good.rgb, np.zeros((224, 224), np.bool_))
    dense = good.rgb.copy()
    dense[:, :190] = (120, 110, 140)
    assert "thick" in found(dense, good.labels > 0)


def test_text_is_the_scale_bar() -> None:
    barred = make_smear(5, (224, 224), 22.0, stain="purple-grey", n_white=8, n_red=60, blur_px=0.4)
    assert "text" in found(barred.rgb, barred.labels > 0)


def test_a_larger_image_is_measured_at_the_same_size(good: SyntheticSmear) -> None:
    cells = good.labels > 0
    large = cv2.resize(good.rgb, (896, 896), interpolation=cv2.INTER_CUBIC)
    mask = cv2.resize(cells.astype(np.uint8), (896, 896), interpolation=cv2.INTER_NEAREST) > 0
    small, shrunk = measure_quality(good.rgb, cells), measure_quality(large, mask)
    assert shrunk.cells == small.cells
    assert shrunk.crowding == pytest.approx(small.crowding, abs=0.01)
    assert shrunk.focus == pytest.approx(small.focus, rel=0.2)


def test_an_image_of_one_colour_is_measured_too() -> None:
    flat = np.full((40, 50, 3), 240, np.uint8)
    assert set(found(flat, np.zeros((40, 50), np.bool_))) <= set(FLAGS)
