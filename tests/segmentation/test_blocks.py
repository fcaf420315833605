"""Blocks cover an image once, and every cell is claimed by one of them, however they see it."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_all.segmentation.blocks import blocks, claim, on_grid
from napari_all.segmentation.instances import relabel

DIAMETER = 16


@given(st.tuples(st.integers(1, 300), st.integers(1, 300)), st.integers(1, 120), st.integers(0, 40))
def test_cores_cover_every_pixel_once_and_windows_hold_their_margin(shape, core_px, margin):
    seen = np.zeros(shape, np.int64)
    for number, block in enumerate(blocks(shape, core_px, margin)):
        assert block.number == number
        seen[block.core] += 1
        for core, window, length in zip(block.core, block.window, shape, strict=True):
            assert core.stop - core.start <= core_px
            assert window == slice(max(0, core.start - margin), min(length, core.stop + margin))
    assert (seen == 1).all()


@given(st.integers(0, 100_000), st.floats(0.05, 3.0), st.sampled_from([16, 32]))
def test_windows_begin_on_the_networks_grid(start, scale, align):
    begin = on_grid(start, scale, align)
    step = 2 ** max(0, int(np.floor(-np.log2(scale))))
    assert 0 <= begin <= start
    assert begin % step == 0
    assert start - begin <= 7 * align / scale + step
    off = begin * scale / align
    assert abs(off - round(off)) * align <= max(0.5, 0.5 * step * scale) + 1e-6, "a pixel of the network at most"


@st.composite
def fields(draw):
    """Return cells scattered over an image, a few of them touching."""
    side = draw(st.integers(60, 220))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    labels = np.zeros((side, side), np.int32)
    ys, xs = np.mgrid[:side, :side]
    for number in range(1, draw(st.integers(1, 25)) + 1):
        y, x = rng.uniform(0, side, 2)
        labels[(np.hypot(ys - y, xs - x) < rng.uniform(4, DIAMETER / 2)) & (labels == 0)] = number
    sizes = np.bincount(labels.ravel())
    return relabel(np.where(sizes[labels] > 20, labels, 0))


@settings(deadline=None, max_examples=60)
@given(fields(), st.integers(30, 120), st.integers(0, 2**32 - 1))
def test_every_cell_is_claimed_once_though_blocks_disagree_on_its_edge(truth, core_px, seed):
    rng = np.random.default_rng(seed)
    result, count = np.zeros_like(truth), 0
    for block in blocks(truth.shape, core_px, 2 * DIAMETER):
        seen = truth[block.window].copy()
        shift = rng.integers(-1, 2, 2)  # each block sees the cells a pixel off
        seen = relabel(ndimage.shift(seen, shift, order=0, mode="nearest"))
        kept, claimed = claim(block, seen, result[block.window] > 0, DIAMETER)
        assert kept.max(initial=0) == len(claimed)
        for cell in claimed:
            y, x = cell.first
            assert kept[y - block.window[0].start, x - block.window[1].start] == cell.number
        window = result[block.window]
        window[kept > 0] = kept[kept > 0] + count
        count += len(claimed)
    inner = np.unique(truth[6:-6, 6:-6])
    for number in inner[inner > 0]:
        if np.count_nonzero(truth == number) < 60 or number in truth[[0, -1]] or number in truth[:, [0, -1]]:
            continue
        covering = np.bincount(result[truth == number])
        assert covering[1:].max(initial=0) > 0.5 * covering.sum(), "mostly one cell"
