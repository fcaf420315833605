"""What corrections made of a prediction, told by known answers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_all.errors import MaskError
from napari_all.evaluation.changes import ADDED, OTHER_CELL, REMOVED, SAME, compare
from napari_all.evaluation.masks import dice
from napari_all.segmentation.instances import relabel

FIELDS = st.lists(st.integers(0, 4), min_size=36, max_size=36).map(lambda v: np.array(v, np.int32).reshape(6, 6))


def predicted() -> np.ndarray:
    labels = np.zeros((20, 30), np.int32)
    labels[2:8, 2:8], labels[2:8, 12:18], labels[12:18, 2:8] = 1, 2, 3
    return labels


def test_nothing_changed():
    found = compare(predicted(), predicted())
    assert (found.dice, found.unchanged, found.added, found.removed, found.changed) == (1.0, 3, (), (), ())
    assert not found.difference.any()


def test_other_numbers_are_no_change():
    assert compare(predicted() * 5, predicted()).unchanged == 3


def test_a_cell_more_one_less_and_one_grown():
    labels = predicted()
    labels[labels == 3] = 0
    labels[12:18, 20:26] = 9
    labels[2:8, 18:20] = 2
    found = compare(labels, predicted())
    assert (found.added, found.removed, found.changed, found.unchanged) == ((9,), (3,), ((2, 2),), 1)
    expected = np.zeros((20, 30), np.uint8)
    expected[12:18, 20:26] = expected[2:8, 18:20] = ADDED
    expected[12:18, 2:8] = REMOVED
    np.testing.assert_array_equal(found.difference, expected)
    assert found.dice == pytest.approx(2 * 72 / (120 + 108))


def test_a_cut_shows_the_piece_that_became_another_cell():
    labels = predicted()
    labels[2:8, 6:8] = 7
    found = compare(labels, predicted())
    assert (found.dice, found.added, found.removed, found.changed) == (1.0, (7,), (), ((1, 1),))
    np.testing.assert_array_equal(found.difference == OTHER_CELL, labels == 7)


def test_a_merger_leaves_one_of_the_two_without_a_partner():
    before = predicted()
    before[2:8, 8:11] = 4
    labels = np.where(before == 4, 1, before)
    found = compare(labels, before)
    assert (found.added, found.removed, found.changed) == ((), (4,), ((1, 1),))
    np.testing.assert_array_equal(found.difference == OTHER_CELL, before == 4)


def test_ignored_pixels_are_left_out_on_both_sides():
    labels = predicted()
    labels[labels == 3] = 0
    assert compare(labels, predicted(), predicted() == 3).dice == 1.0


def test_empty_images_agree_and_other_shapes_are_refused():
    nothing = np.zeros((4, 4), np.int32)
    assert compare(nothing, nothing).dice == 1.0
    with pytest.raises(MaskError, match="labels of one image"):
        compare(nothing, nothing[:3])


@given(FIELDS, FIELDS)
def test_dice_is_that_of_the_scores_and_every_cell_is_told_once(labels, before):
    found = compare(labels, before)
    assert found.dice == pytest.approx(dice(labels > 0, before > 0))
    told = len(found.changed) + found.unchanged
    assert told + len(found.added) == len(set(labels.ravel()) - {0})
    assert told + len(found.removed) == len(set(before.ravel()) - {0})
    np.testing.assert_array_equal(
        (found.difference == ADDED) | (found.difference == REMOVED), (labels > 0) != (before > 0)
    )
    assert compare(relabel(labels), labels).difference.max(initial=SAME) == SAME
