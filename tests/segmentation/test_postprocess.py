"""Cleaning and instances: known shapes in, counted cells out."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_all.segmentation.instances import components, relabel, split_touching
from napari_all.segmentation.method import PostprocessSettings
from napari_all.segmentation.postprocess import clean, smallest_area, typical_area


def discs(shape: tuple[int, int], *circles: tuple[float, float, float]) -> np.ndarray:
    """Union of discs (y, x, radius)."""
    yy, xx = np.mgrid[: shape[0], : shape[1]]
    return np.any([(yy - y) ** 2 + (xx - x) ** 2 <= r * r for y, x, r in circles], axis=0)


@pytest.mark.parametrize("radius", [7, 15, 40, 75])
def test_two_touching_discs_are_cut_at_every_size(radius):
    side = 5 * radius
    mask = discs((side, side), (2.4 * radius, 1.5 * radius, radius), (2.4 * radius, 3.3 * radius, radius))
    labels = split_touching(components(mask), 0.12)
    assert labels.max() == 2
    areas = np.bincount(labels.ravel())[1:]
    assert areas.min() / areas.max() > 0.9
    np.testing.assert_array_equal(labels > 0, mask)


@pytest.mark.parametrize("radius", [7, 15, 40])
@pytest.mark.parametrize("stretch", [1.0, 1.5, 2.2])
def test_one_oval_cell_stays_whole(radius, stretch):
    canvas = np.zeros((8 * radius, 8 * radius), np.uint8)
    cv2.ellipse(canvas, (4 * radius, 4 * radius), (int(radius * stretch), radius), 30, 0, 360, 1, -1)
    assert split_touching(components(canvas > 0), 0.12).max() == 1


def test_cell_cut_by_the_border_is_not_split():
    assert split_touching(components(discs((60, 60), (0, 30, 20))), 0.12).max() == 1


def test_small_bump_is_not_cut_off():
    mask = discs((80, 80), (40, 35, 20), (40, 57, 5))
    assert split_touching(components(mask), 0.12, min_area_px=100).max() == 1


@given(arrays(np.int32, (9, 11), elements=st.integers(0, 6)))
@settings(max_examples=60)
def test_relabel_numbers_in_raster_order_and_keeps_regions(labels):
    result = relabel(labels)
    np.testing.assert_array_equal(result > 0, labels > 0)
    firsts = [np.flatnonzero(result.ravel() == k)[0] for k in range(1, result.max() + 1)]
    assert firsts == sorted(firsts)
    for value in np.unique(labels[labels > 0]):
        assert np.unique(result[labels == value]).size == 1


@given(arrays(np.uint8, (24, 24), elements=st.integers(0, 2)), st.integers(0, 3), st.booleans(), st.booleans())
@settings(max_examples=60)
def test_classes_are_zero_exactly_where_labels_are(classes, smooth, fill, split):
    options = PostprocessSettings(smooth_px=smooth, fill_holes=fill, split_touching=split, min_area_px=4)
    found = clean(classes, "nucleus+cytoplasm", options)
    np.testing.assert_array_equal(found.labels > 0, found.classes > 0)
    assert sorted(set(np.unique(found.labels)) - {0}) == list(range(1, found.labels.max() + 1))


@pytest.mark.parametrize("radius", [9, 20, 60])
def test_cells_in_a_ring_are_cut_apart_and_the_gap_between_them_stays_open(radius):
    side, count = 8 * radius, 5
    away = 0.97 * radius / np.sin(np.pi / count)  # each overlaps its two neighbours a little
    centres = [(side / 2 + away * np.sin(a), side / 2 + away * np.cos(a)) for a in np.arange(count) * 2 * np.pi / count]
    mask = discs((side, side), *[(y, x, radius) for y, x in centres])
    result = clean(mask.astype(np.uint8) * 2, "cell", PostprocessSettings(), 2.0 * radius)
    assert result.labels[side // 2, side // 2] == 0
    assert len({int(result.labels[round(y), round(x)]) for y, x in centres} - {0}) == count


def test_a_hole_inside_a_cell_of_a_clump_is_filled():
    row = [(40, 30 + 36 * k, 20) for k in range(4)]
    mask = discs((80, 170), *row) & ~discs((80, 170), (40, 66, 6))
    result = clean(mask.astype(np.uint8) * 2, "cell", PostprocessSettings(), 40.0)
    assert result.labels.max() == 4
    assert result.labels[40, 66] == result.labels[48, 66] > 0


def test_hole_is_filled_with_cytoplasm_or_nucleus_by_parts():
    ring = discs((40, 40), (20, 20, 14)) & ~discs((40, 40), (20, 20, 5))
    raw = ring.astype(np.uint8) * 2
    parted = clean(raw, "nucleus+cytoplasm", PostprocessSettings(smooth_px=0)).classes
    whole = clean(raw, "cell", PostprocessSettings(smooth_px=0)).classes
    assert parted[20, 20] == 1
    assert whole[20, 20] == 2


def test_specks_go_and_border_cells_get_half_the_limit():
    mask = discs((100, 100), (50, 50, 20), (20, 80, 4), (99, 20, 10))
    labels = clean(mask.astype(np.uint8) * 2, "cell", PostprocessSettings(smooth_px=0)).labels
    assert labels[50, 50] > 0
    assert labels[98, 20] > 0
    assert labels[20, 80] == 0


def test_many_specks_do_not_lower_the_automatic_limit():
    labels = components(discs((200, 200), (100, 100, 30), *[(8 + 12 * k, 8, 3) for k in range(15)]))
    assert smallest_area(typical_area(labels), PostprocessSettings()) > 0.15 * np.pi * 30**2


def test_known_diameter_sets_the_limit():
    empty = np.zeros((5, 5), np.int32)
    assert smallest_area(typical_area(empty, 100), PostprocessSettings()) == pytest.approx(0.2 * np.pi / 4 * 1e4)


def test_clear_border_drops_cut_cells_only():
    mask = discs((80, 80), (40, 40, 15), (0, 10, 12))
    labels = clean(mask.astype(np.uint8) * 2, "cell", PostprocessSettings(clear_border=True, min_area_px=0)).labels
    assert labels.max() == 1
    assert labels[40, 40] == 1


def test_what_is_mostly_smudged_is_a_smudge_cell_and_the_rest_keeps_its_pixels():
    mask = discs((80, 200), (40, 30, 15), (40, 90, 15), (40, 150, 15))
    smudge = discs((80, 200), (40, 30, 15), (40, 98, 9))  # the first whole, a third of the second
    found = clean(mask.astype(np.uint8), "nucleus+cytoplasm", PostprocessSettings(smooth_px=0), smudge=smudge)
    np.testing.assert_array_equal(found.smudges, discs((80, 200), (40, 30, 15)).astype(np.int32))
    assert found.labels.max() == 2
    np.testing.assert_array_equal(found.labels == 1, discs((80, 200), (40, 90, 15)))
    np.testing.assert_array_equal(found.classes > 0, found.labels > 0)


def test_a_smudge_that_touches_a_cell_is_cut_from_it():
    smudge = discs((80, 120), (40, 70, 18))
    mask = discs((80, 120), (40, 36, 18)) | smudge
    found = clean(mask.astype(np.uint8) * 2, "cell", PostprocessSettings(smooth_px=0), smudge=smudge)
    assert (found.labels.max(), found.smudges.max()) == (1, 1)
    assert np.count_nonzero((found.smudges > 0) & smudge) > 0.95 * np.count_nonzero(smudge)


def test_smudges_are_dropped_as_specks_like_cells_and_unknown_where_nobody_looked():
    speck = discs((80, 80), (40, 30, 3))
    found = clean(speck.astype(np.uint8) * 2, "cell", PostprocessSettings(smooth_px=0), 30.0, smudge=speck)
    assert not found.smudges.any()
    assert clean(speck.astype(np.uint8) * 2, "cell", PostprocessSettings()).smudges is None
