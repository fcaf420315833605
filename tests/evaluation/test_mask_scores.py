"""Dice and cells F1 by the rules that the reference masks are scored with."""

from __future__ import annotations

import numpy as np
import pytest

from napari_all.data.synthetic import SyntheticSmear
from napari_all.errors import MaskError
from napari_all.evaluation.intervals import bootstrap_mean, fifth_percentile
from napari_all.evaluation.masks import CellCounts, count_cells, dice, nucleus_cell_ratio_error


def square(top: int, left: int, side: int = 10, value: int = 1) -> np.ndarray:
    labels = np.zeros((60, 80), np.int32)
    labels[top : top + side, left : left + side] = value
    return labels


def test_dice_of_known_overlaps() -> None:
    reference = square(20, 20) > 0
    assert dice(reference, reference) == 1
    assert dice(square(20, 25) > 0, reference) == pytest.approx(0.5)
    assert dice(square(40, 40) > 0, reference) == 0
    nothing = np.zeros_like(reference)
    assert dice(nothing, nothing) == 1
    assert dice(nothing, reference) == 0


def test_ignored_pixels_are_left_out_on_both_sides() -> None:
    ignore = np.zeros((60, 80), bool)
    ignore[:, :25] = True  # half of the reference, and all of a false cell
    predicted = (square(20, 20) + square(40, 5)) > 0
    assert dice(predicted, square(20, 20) > 0, ignore) == 1
    assert dice(square(20, 20, 5) > 0, square(20, 20) > 0, ignore) == 0


def test_counts_of_hits_misses_and_false_cells() -> None:
    reference = square(5, 5) + square(25, 25, value=2) + square(45, 60, value=9)
    predicted = square(5, 6, value=4) + square(25, 33, value=7) + square(5, 60, value=8)
    # 4 meets 1 at IoU 9/11; 7 meets 2 at 2/18, so both are wrong; 8 and 9 are alone
    assert count_cells(predicted, reference) == CellCounts(hits=1, missed=2, false=2)
    assert CellCounts(1, 2, 2).f1 == pytest.approx(1 / 3)


def test_iou_of_one_half_matches_and_each_cell_once() -> None:
    reference = square(20, 20, 12)
    left, right = reference.copy(), reference.copy()
    left[:, 26:], right[:, :26] = 0, 0
    halves = left + right * 2
    assert count_cells(left, reference) == CellCounts(1, 0, 0)
    assert count_cells(halves, reference) == CellCounts(1, 0, 1)
    assert count_cells(reference, halves) == CellCounts(1, 1, 0)


def test_small_border_cells_and_ignored_cells_do_not_count() -> None:
    small = np.zeros((60, 80), np.int32)
    small[0:7, 10:18] = 1  # 56 px at the border
    nothing = np.zeros_like(small)
    assert count_cells(small, nothing) == CellCounts(0, 0, 0)
    assert count_cells(nothing, small) == CellCounts(0, 0, 0)
    small[7, 10:18] = 1  # 64 px
    assert count_cells(small, nothing) == CellCounts(0, 0, 1)
    inner = square(20, 20, 7)  # 49 px, but not at the border
    assert count_cells(nothing, inner) == CellCounts(0, 1, 0)
    ignore = np.zeros((60, 80), bool)
    ignore[20:24, 20:27] = True  # 28 of 49
    assert count_cells(inner, nothing, ignore) == CellCounts(0, 0, 0)
    assert count_cells(nothing, inner, ignore) == CellCounts(0, 0, 0)
    ignore[23] = False  # 21 of 49
    assert count_cells(nothing, inner, ignore) == CellCounts(0, 1, 0)


def test_reference_decides_whether_a_pair_counts() -> None:
    reference, predicted = np.zeros((2, 60, 80), np.int32)
    reference[0:8, 10:18] = 1  # 64 px
    predicted[0:7, 10:18] = 1  # 56 px, of it
    assert count_cells(predicted, reference) == CellCounts(1, 0, 0)
    assert count_cells(reference, predicted) == CellCounts(0, 0, 0)


def test_a_smear_against_itself_and_against_merged_cells(smear: SyntheticSmear) -> None:
    cells = len(np.unique(smear.labels)) - 1
    perfect = count_cells(smear.labels * 3, smear.labels)
    assert (perfect.missed, perfect.false) == (0, 0)
    assert 0 < perfect.hits <= cells
    merged = (smear.labels > 0).astype(np.int32)
    assert count_cells(merged, smear.labels).hits == 0


def test_nucleus_cell_ratio_error_of_known_areas() -> None:
    reference = (square(20, 20, 10) + square(20, 20, 5)).astype(np.uint8)  # nucleus 25 of 100 px
    wider = (square(20, 20, 10) + square(20, 20, 6)).astype(np.uint8)  # 36 of 100
    nothing = np.zeros_like(reference)
    assert nucleus_cell_ratio_error(reference, reference) == 0
    assert nucleus_cell_ratio_error(wider, reference) == pytest.approx(0.11)
    assert nucleus_cell_ratio_error(reference, wider) == pytest.approx(0.11)
    assert nucleus_cell_ratio_error(nothing, reference) == pytest.approx(0.25), "a missed cell is not left out"
    assert nucleus_cell_ratio_error(reference, nothing) is None
    assert nucleus_cell_ratio_error(wider, reference, wider != reference) == 0


def test_shapes_must_agree() -> None:
    with pytest.raises(MaskError, match="same image"):
        dice(np.zeros((3, 3), bool), np.zeros((3, 4), bool))
    with pytest.raises(MaskError, match="same image"):
        nucleus_cell_ratio_error(np.zeros((3, 3), np.uint8), np.zeros((3, 4), np.uint8))
    with pytest.raises(MaskError, match="same image"):
        count_cells(square(1, 1), square(1, 1), np.zeros((3, 4), bool))


def test_fifth_percentile_is_the_tail_not_the_mean() -> None:
    assert fifth_percentile([0.0] + [1.0] * 9) == pytest.approx(0.45)
    assert fifth_percentile([0.0] * 2 + [1.0] * 18) == 0
    assert fifth_percentile([0.7]) == 0.7


def test_bootstrap_interval_covers_the_mean_and_narrows() -> None:
    rng = np.random.default_rng(1)
    few, many = rng.normal(0.9, 0.05, 10), rng.normal(0.9, 0.05, 400)
    low, high = bootstrap_mean(few.tolist())
    assert low < few.mean() < high
    narrow = bootstrap_mean(many.tolist())
    assert narrow[1] - narrow[0] < (high - low) / 3
    assert bootstrap_mean([0.5]) == (0.5, 0.5)
    assert bootstrap_mean(few.tolist()) == bootstrap_mean(few.tolist())
