"""Outlines along pixel edges are valid polygons, and filling them gives back the same pixels."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from label_images import label_images

from napari_all.errors import MaskError
from napari_all.io.outlines import cell_windows, extent, fill, one_ring, polygons


@given(labels=label_images)
@settings(max_examples=30)
def test_outlines_give_back_their_pixels(labels) -> None:
    again = np.zeros_like(labels)
    joined = np.zeros_like(labels)
    for label, (rows, columns) in cell_windows(labels):
        found = polygons(labels[rows, columns] == label, rows.start, columns.start)
        for polygon in found:
            shape = shapely.Polygon(polygon[0], polygon[1:])
            assert shape.is_valid, shapely.is_valid_reason(shape)
        area = sum(shapely.Polygon(p[0], p[1:]).area for p in found)
        assert area == np.count_nonzero(labels == label)
        again[fill([ring for polygon in found for ring in polygon], labels.shape)] = label
        joined[fill([one_ring(polygon) for polygon in found], labels.shape)] = label
    np.testing.assert_array_equal(again, labels)
    np.testing.assert_array_equal(joined, labels)
    assert [label for label, _ in cell_windows(labels)] == np.unique(labels[labels > 0]).tolist()


def test_a_pixel_belongs_to_the_outline_that_its_centre_lies_in() -> None:
    triangle = np.array([[0.6, 0.2], [4.4, 0.2], [0.6, 3.9]])
    y, x = fill([triangle], (4, 5))
    centres = {(r, c): shapely.Point(c + 0.5, r + 0.5) for r in range(4) for c in range(5)}
    inside = {pixel for pixel, centre in centres.items() if shapely.Polygon(triangle).contains(centre)}
    assert set(zip(y.tolist(), x.tolist(), strict=True)) == inside
    assert extent([triangle]) == (4, 5)


def test_what_lies_beyond_the_image_is_cut_off() -> None:
    y, x = fill([np.array([[-5, -5], [2, -5], [2, 100], [-5, 100]])], (3, 4))
    assert set(zip(y.tolist(), x.tolist(), strict=True)) == {(r, c) for r in range(3) for c in range(2)}
    assert fill([np.array([[7, 7], [9, 7], [9, 9]])], (3, 4))[0].size == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300])
def test_coordinates_that_are_no_place_are_refused(bad: float) -> None:
    with pytest.raises(MaskError, match="no place"):
        fill([np.array([[0, 0], [bad, 0], [3, 3]])], (4, 4))


def test_an_outline_that_crosses_too_much_is_refused() -> None:
    zigzag = np.stack([np.arange(40_000) % 7, (np.arange(40_000) % 2) * 9_000_000], axis=1)
    with pytest.raises(MaskError, match="crosses"):
        fill([zigzag], (100_000, 10))
