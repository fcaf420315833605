"""Measurements of known shapes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, label
from skimage.color import rgb2lab
from skimage.measure import regionprops

from napari_all.data.synthetic import SyntheticSmear
from napari_all.errors import MaskError
from napari_all.segmentation import editing
from napari_all.segmentation.editing import CellIndex, Planes, change, completed
from napari_all.segmentation.measure import Measured, measure_cells, remeasured, with_classes


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


def test_shapes_measure_as_scikit_image_measures_them() -> None:
    noise = np.random.default_rng(0).normal(size=(160, 160))
    labels = np.concatenate([label(gaussian_filter(noise, width) > 0.4 / width)[0] for width in (1, 2, 4)], axis=1)
    labels = label(labels > 0)[0].astype(np.int32)
    cells, regions = measure_cells(labels), regionprops(labels)
    assert len(cells) == len(regions) > 200
    for cell, region in zip(cells, regions, strict=True):
        assert (cell.area_px, cell.y, cell.x) == pytest.approx((region.area, *region.centroid))
        assert cell.perimeter_px == pytest.approx(region.perimeter_crofton)
        assert cell.equivalent_diameter_px == pytest.approx(region.equivalent_diameter_area)
        assert cell.eccentricity == pytest.approx(region.eccentricity, abs=1e-6)
        assert cell.solidity == pytest.approx(region.solidity if region.area > 2 else 1.0)


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
    with pytest.raises(MaskError, match="image is"):
        measure_cells(np.zeros((4, 4), np.int32), rgb=np.zeros((5, 4, 3), np.uint8))


@pytest.mark.parametrize("radius", [10, 30])
def test_perimeter_of_a_disc(radius):
    (cell,) = measure_cells(disc(80, radius).astype(np.int32))
    assert cell.perimeter_px == pytest.approx(2 * np.pi * radius, rel=0.04)


def test_colour_is_the_mean_over_the_cell_alone():
    labels = disc(40, 8).astype(np.int32)
    rgb = np.full((40, 40, 3), 255, np.uint8)
    rgb[labels > 0] = (120, 60, 180)
    rgb[20, 20] = (121, 60, 180)
    (cell,) = measure_cells(labels, rgb=rgb)
    assert cell.mean_red == pytest.approx(120 + 1 / cell.area_px)
    assert (cell.mean_green, cell.mean_blue) == (60, 180)
    lab = rgb2lab(np.array([[[120, 60, 180]]], np.uint8))[0, 0]
    assert (cell.mean_l, cell.mean_a, cell.mean_b) == pytest.approx(tuple(lab), abs=0.1)


def test_texture_of_an_even_cell_of_stripes_and_of_a_board():
    labels = np.zeros((20, 20), np.int32)
    labels[4:16, 4:16] = 1
    even = np.full((20, 20, 3), 100, np.uint8)
    (cell,) = measure_cells(labels, rgb=even)
    assert (cell.texture_contrast, cell.texture_homogeneity, cell.texture_energy) == (0, 1, 1)
    board = even.copy()
    board[(np.add.outer(np.arange(20), np.arange(20)) % 2) == 0] = 100 + 2 * 16  # two of sixteen steps of grey
    (cell,) = measure_cells(labels, rgb=board)
    # 12 x 11 pairs along each of two axes differ by 2, 11 x 11 along each diagonal not at all
    assert cell.texture_contrast == pytest.approx(4 * 2 * 132 / (2 * 132 + 2 * 121))
    assert cell.texture_correlation == pytest.approx(1 - 2 * 2 * 132 / (2 * 132 + 2 * 121), abs=1e-6)
    stripes = even.copy()
    stripes[::2] = 132
    (other,) = measure_cells(labels, rgb=stripes)
    assert other.texture_contrast > cell.texture_contrast
    (dot,) = measure_cells(np.pad([[np.int32(1)]], 3), rgb=even[:7, :7])
    assert dot.texture_contrast is None


def test_what_lies_outside_a_cell_has_no_part_in_its_texture():
    labels = disc(40, 9).astype(np.int32)
    rgb = np.full((40, 40, 3), 100, np.uint8)
    rgb[labels == 0] = np.random.default_rng(0).integers(0, 256, ((labels == 0).sum(), 3))
    (cell,) = measure_cells(labels, rgb=rgb)
    assert cell.texture_contrast == 0


def nucleus_of(*centres: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    labels = disc(80, 36).astype(np.int32)
    yy, xx = np.mgrid[:80, :80]
    inside = np.zeros((80, 80), np.bool_)
    for y, x in centres:
        inside |= (yy - y) ** 2 + (xx - x) ** 2 <= 9**2
    return labels, (labels + inside).astype(np.uint8)


@pytest.mark.parametrize(
    ("centres", "lobes"),
    [
        ((), 0),
        (((40, 40),), 1),
        (((40, 32), (40, 47)), 2),
        (((28, 40), (44, 32), (44, 48)), 3),
        (((25, 25), (25, 55), (55, 40)), 3),
    ],
)
def test_lobes_of_a_nucleus_are_counted_at_its_waists(centres, lobes):
    (cell,) = measure_cells(*nucleus_of(*centres), "nucleus+cytoplasm")
    assert cell.nucleus_lobes == lobes
    (cell,) = measure_cells(*nucleus_of(*centres), "cell")
    assert cell.nucleus_lobes is None


def test_certainty_is_one_minus_the_mean_doubt():
    labels = disc(40, 8).astype(np.int32)
    doubt = np.where(labels > 0, 51, 255).astype(np.uint8)
    (cell,) = measure_cells(labels, uncertainty=doubt)
    assert cell.certainty == pytest.approx(0.8)
    assert measure_cells(labels)[0].certainty is None


def test_after_an_edit_only_what_it_touched_is_measured_and_all_is_as_if_measured_anew(smear: SyntheticSmear):
    planes = Planes(smear.labels.copy(), smear.classes.copy(), "nucleus+cytoplasm")
    cells = CellIndex(planes.labels)
    image = Measured(planes.labels, planes.classes, "nucleus+cytoplasm", smear.rgb)
    known = {c.label: c for c in with_classes(measure_cells(*vars(image).values()), {1: "blast", 2: "lymphocyte"})}
    before = dict(known)
    label = 2
    rows, columns = cells.window(label)
    middle = (columns.start + columns.stop) // 2
    for make in (
        lambda: editing.split_cell(planes.labels, [(rows.start - 2, middle), (rows.stop + 2, middle)], cells),
        lambda: editing.grow_cell(planes.labels, label, 1, cells),
        lambda: editing.delete_cell(planes.labels, 3, cells),
    ):
        edit = completed(planes, make())
        touched = editing.touched(edit, change(planes, edit, cells))
        known = remeasured(known, touched, image, cells)
        anew = measure_cells(planes.labels, planes.classes, "nucleus+cytoplasm", smear.rgb)
        assert tuple(known.values()) == with_classes(anew, {1: "blast", 2: "lymphocyte"})
    assert 3 not in known
    assert known[1] is before[1], "a cell that was not touched was measured again"
