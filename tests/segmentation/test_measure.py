"""Measurements of known shapes."""

from __future__ import annotations

import numpy as np
import pytest

from napari_all.errors import MaskError
from napari_all.segmentation.measure import measure_cells


def disc(side: int, radius: float) -> np.ndarray:
    yy, xx = np.mgrid[:side, :side]
    return (yy - side / 2) ** 2 + (xx - side / 2) ** 2 <= radius**2


@pytest.mark.parametrize("radius", [10, 30])
def test_disc(radius):
    labels = disc(80, radius).astype(np.int32)
    (cell,) = measure_cells(labels)
    assert cell.area_px == labels.sum()
    assert cell.equivalent_diameter_px == pytest.approx(2 * radius, rel=0.02)
    assert cell.circularity > 0.9
    assert cell.eccentricity < 0.1
    assert cell.solidity > 0.9
    assert (cell.y, cell.x) == pytest.approx((40, 40), abs=0.5)
    assert not cell.touches_border
    assert cell.nucleus_area_px is None


def test_nucleus_ratio_is_nucleus_area_over_cell_area():
    cell_mask, nucleus = disc(80, 30), disc(80, 15)
    classes = cell_mask.astype(np.uint8) + nucleus
    (cell,) = measure_cells(cell_mask.astype(np.int32), classes, "nucleus+cytoplasm")
    assert cell.nucleus_area_px == nucleus.sum()
    assert cell.nucleus_cell_ratio == pytest.approx(0.25, rel=0.05)


def test_elongated_cell_is_neither_round_nor_at_the_border():
    labels = np.zeros((60, 60), np.int32)
    labels[28:34, 5:55] = 3
    (cell,) = measure_cells(labels)
    assert cell.label == 3
    assert cell.circularity < 0.5
    assert cell.eccentricity > 0.95


def test_border_is_said():
    labels = np.zeros((20, 20), np.int32)
    labels[0:5, 3:9] = 1
    labels[10:15, 10:15] = 2
    assert [c.touches_border for c in measure_cells(labels)] == [True, False]


def test_single_pixel_and_empty_image():
    labels = np.zeros((9, 9), np.int32)
    assert measure_cells(labels) == ()
    labels[4, 4] = 1
    (cell,) = measure_cells(labels)
    assert cell.area_px == 1
    assert np.isfinite([cell.circularity, cell.eccentricity, cell.solidity]).all()


def test_classes_of_another_shape_are_refused():
    with pytest.raises(MaskError, match="classes map"):
        measure_cells(np.zeros((4, 4), np.int32), np.zeros((4, 5), np.uint8), "nucleus+cytoplasm")
