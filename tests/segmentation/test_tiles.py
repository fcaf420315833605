"""Tiles cover the grid, weights add up to one, and cutting and laying back leaves a picture where it was."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from napari_all.data.synthetic import make_smear
from napari_all.segmentation.blend import lay
from napari_all.segmentation.tiles import ALIGN, Grid, bands, spans


@given(length=st.integers(1, 5000), tile=st.integers(8, 40), overlap=st.integers(0, 3))
def test_spans_cover_all_with_the_asked_overlap(length, tile, overlap):
    tile, overlap = tile * ALIGN, overlap * ALIGN
    found = spans(length, tile, overlap)
    assert found[0].start == 0
    assert found[-1].stop >= length
    assert found[-1].start < length
    for span in found:
        assert span.start % ALIGN == 0
        assert (span.stop - span.start) % ALIGN == 0
        assert span.stop - span.start <= tile
    for one, following in itertools.pairwise(found):
        assert one.stop - following.start == overlap == one.ramp_after == following.ramp_before


@given(
    shape=st.tuples(st.integers(1, 700), st.integers(1, 700)),
    scale=st.floats(0.08, 4.0),
    tile=st.sampled_from([256, 320, 640]),
)
def test_weights_add_up_to_one_at_every_pixel(shape, scale, tile):
    grid = Grid.of(shape, scale, tile, 64)
    for axis, line in enumerate((grid.rows, grid.columns)):
        total = np.zeros(shape[axis])
        for span in line:
            first, last = grid.image_range(span, axis)
            total[first:last] += grid.weights(span, axis)
        np.testing.assert_allclose(total, 1.0, atol=1e-5)


@pytest.mark.parametrize("scale", [0.21, 0.5, 0.83, 1.0, 2.3])
def test_laying_back_what_was_cut_gives_the_image_in_its_place(scale):
    rgb = cv2.GaussianBlur(make_smear(2, (301, 283), 60).rgb, (0, 0), 4.0)
    grid = Grid.of(rgb.shape[:2], scale, 128, 32)
    back = np.zeros(rgb.shape, np.float32)
    for row in grid.rows:
        for column in grid.columns:
            (y0, y1), (x0, x1) = grid.image_range(row, 0), grid.image_range(column, 1)
            values = torch.from_numpy(grid.cut(rgb, row, column)).permute(2, 0, 1).float()
            back[y0:y1, x0:x1] += lay(values, grid, row, column).permute(1, 2, 0).numpy()
    inner = np.s_[12:-12, 12:-12]
    difference = (back - rgb)[inner].mean(-1)
    slopes = [g[inner].ravel() for g in np.gradient(rgb.astype(np.float32).mean(-1))]
    shift = np.linalg.lstsq(np.stack(slopes, -1), difference.ravel(), rcond=None)[0]
    assert np.abs(shift).max() < 0.05, "the picture has moved"
    assert np.abs(difference).mean() < 1.5


@pytest.mark.parametrize("scale", [0.3, 0.9, 1.7])
def test_a_tile_is_the_same_however_the_grid_is_cut(scale):
    rgb = make_smear(3, (400, 500), 60).rgb
    whole = Grid.of(rgb.shape[:2], scale, 4096, 64)
    picture = whole.cut(rgb, whole.rows[0], whole.columns[0])
    parted = Grid.of(rgb.shape[:2], scale, 128, 32)
    for row in parted.rows:
        for column in parted.columns:
            piece = parted.cut(rgb, row, column)
            part = picture[row.start : row.stop, column.start : column.stop]
            inside = piece[: part.shape[0], : part.shape[1]]
            difference = np.abs(inside.astype(int) - part)[: part.shape[0] - 3, : part.shape[1] - 3]
            assert difference.max(initial=0) <= 2


def test_bands_tile_the_rows_without_gap():
    grid = Grid.of((1000, 300), 0.7, 256, 64)
    at = 0
    for _, first, complete in bands(grid):
        assert first == at
        at = complete
    assert at == 1000
