"""Corrections of label images: known answers, and what must hold for every drawing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from label_drawings import POINT, disc, label_images, pixel_of, present, two_cells

from napari_all.errors import UsageError
from napari_all.segmentation import editing
from napari_all.segmentation.editing import Edit, apply_edit

# --- known answers -------------------------------------------------------------------------------------------------


def test_deleting_takes_exactly_one_cell():
    labels = two_cells()
    after = apply_edit(labels, editing.delete_cell(labels, 3))
    np.testing.assert_array_equal(after, np.where(labels == 3, 0, labels))


def test_an_edit_leaves_its_input_alone_and_lists_changed_pixels_only():
    labels = two_cells()
    before = labels.copy()
    edit = editing.delete_cell(labels, 7)
    assert len(edit) == 48
    apply_edit(labels, edit)
    np.testing.assert_array_equal(labels, before)


def test_cells_with_a_narrow_gap_are_merged_and_the_gap_closed():
    labels = two_cells(gap=3)
    after = apply_edit(labels, editing.merge_cells(labels, [3, 1]))
    assert present(after) == {3, 7}
    assert after[20, 25] == 3, "the gap between the two is still open"
    assert (after == 3).sum() > ((labels == 1) | (labels == 3)).sum()


def test_cells_far_apart_are_not_merged():
    with pytest.raises(UsageError, match="do not touch"):
        editing.merge_cells(two_cells(), [1, 7])
    with pytest.raises(UsageError, match="two different cells"):
        editing.merge_cells(two_cells(), [1, 1])


def test_a_line_through_the_middle_halves_a_cell_and_loses_no_pixel():
    labels = two_cells()
    after = apply_edit(labels, editing.split_cell(labels, [(5, 15), (35, 15)]))
    assert present(after) == {1, 3, 7, 8}
    np.testing.assert_array_equal(np.isin(after, [1, 8]), labels == 1)
    areas = [(after == 1).sum(), (after == 8).sum()]
    assert min(areas) >= 0.45 * sum(areas)
    assert (after[:, :15][after[:, :15] > 0] == after[20, 10]).all(), "left of the line lies more than one cell"


def test_a_bent_line_cuts_too():
    labels = two_cells()
    after = apply_edit(labels, editing.split_cell(labels, [(20, 2), (20, 15), (2, 15)]))
    assert (after == 8).sum() == pytest.approx((labels == 1).sum() / 4, rel=0.25)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ([(20, 3), (20, 15)], "does not cross the cell; draw it from background to background"),
        ([(1, 1), (1, 40)], "does not meet a cell"),
        ([(5, 5)], "at least two points"),
    ],
)
def test_a_line_that_cuts_nothing_says_what_to_do(line, message):
    with pytest.raises(UsageError, match=message):
        editing.split_cell(two_cells(), line)


def test_holes_are_filled_in_one_cell_or_in_all_but_never_over_another_cell():
    labels = two_cells()
    labels[18:22, 13:17] = 0
    labels[19, 14] = 5  # a cell inside the hole
    labels[20, 33:36] = 0
    one = apply_edit(labels, editing.fill_holes(labels, 1))
    assert (one[18:22, 13:17] > 0).all()
    assert one[19, 14] == 5
    assert (one[20, 33:36] == 0).all()
    assert (apply_edit(labels, editing.fill_holes(labels))[20, 33:36] == 3).all()


def test_smoothing_takes_a_spur_and_fills_a_notch():
    labels = two_cells()
    labels[20, 4:6] = 1
    labels[20, 1:6] = 1  # a spur one pixel wide
    after = apply_edit(labels, editing.smooth_cells(labels, 1))
    assert (after[20, 1:4] == 0).all()
    assert (after == 1).sum() == pytest.approx((labels == 1).sum(), rel=0.06)


def test_smoothing_keeps_a_cell_at_the_border_in_place():
    labels = np.zeros((30, 30), np.int32)
    labels[disc(labels.shape, 0, 15, 8)] = 4
    after = apply_edit(labels, editing.smooth_cells(labels, radius_px=2))
    assert (after[0] == 4).sum() >= (labels[0] == 4).sum() - 2


def test_growing_and_shrinking_move_the_edge_by_the_pixels_asked_for():
    labels = np.zeros((40, 40), np.int32)
    labels[10:20, 10:20] = 6
    grown = apply_edit(labels, editing.grow_cell(labels, 6, 2))
    assert (grown[15] == 6).sum() == 14
    shrunk = apply_edit(labels, editing.grow_cell(labels, 6, -2))
    assert (shrunk == 6).sum() == 36
    with pytest.raises(UsageError, match="delete it instead"):
        editing.grow_cell(labels, 6, -5)


def test_a_cell_cut_off_by_the_border_does_not_shrink_away_from_it():
    labels = np.zeros((20, 20), np.int32)
    labels[0:8, 5:15] = 2
    shrunk = apply_edit(labels, editing.grow_cell(labels, 2, -1))
    assert (shrunk[0] == 2).sum() == 8
    assert (shrunk[:, 10] == 2).sum() == 7


def test_a_polygon_becomes_a_new_cell_and_its_neighbours_keep_their_pixels():
    labels = two_cells()
    after = apply_edit(labels, editing.add_polygon(labels, [(10, 10), (10, 22), (38, 22), (38, 10)]))
    assert present(after) == {1, 3, 7, 8}
    np.testing.assert_array_equal(after[labels > 0], labels[labels > 0])
    assert after[36, 15] == 8


def test_a_polygon_without_background_or_points_is_refused():
    labels = two_cells()
    with pytest.raises(UsageError, match="no background pixel"):
        editing.add_polygon(labels, [(18, 13), (18, 17), (22, 15)])
    with pytest.raises(UsageError, match="at least three points"):
        editing.add_polygon(labels, [(18, 13), (18, 17)])


@pytest.mark.parametrize("point", [(-1, 5), (5, 60), (40, 0)])
def test_a_point_outside_the_image_is_refused(point):
    with pytest.raises(UsageError, match="outside the image of 40 x 60"):
        editing.cell_at(two_cells(), point)


def test_missing_cells_are_refused():
    with pytest.raises(UsageError, match="no cell at"):
        editing.cell_at(two_cells(), (0, 0))
    for wrong in (0, 2, 99, -1):
        with pytest.raises(UsageError, match="there is no cell"):
            editing.delete_cell(two_cells(), wrong)


def test_a_click_finds_each_white_cell_of_a_smear(smear):
    ious = []
    for label in range(1, int(smear.labels.max()) + 1):
        cell = smear.labels == label
        y, x = (int(v) for v in np.argwhere(cell & (smear.classes == 2))[(smear.classes[cell] == 2).sum() // 2])
        others = np.where(cell, 0, smear.labels)
        new = apply_edit(others, editing.add_by_click(others, smear.rgb, (y, x), 33))
        found = (new > 0) & (others == 0)
        ious.append((found & cell).sum() / (found | cell).sum())
        np.testing.assert_array_equal(new[others > 0], others[others > 0])
    assert np.median(ious) > 0.6


def test_a_click_on_a_cell_or_on_an_even_ground_is_refused(smear):
    y, x = (int(v) for v in np.argwhere(smear.labels == 1)[40])
    with pytest.raises(UsageError, match="lies on cell 1"):
        editing.add_by_click(smear.labels, smear.rgb, (y, x))
    even = np.full((60, 60, 3), 230, np.uint8)
    with pytest.raises(UsageError, match="no edge found"):
        editing.add_by_click(np.zeros((60, 60), np.int32), even, (30, 30), 20)


# --- what holds for every drawing ----------------------------------------------------------------------------------


@given(label_images(), st.integers(0, 10_000))
def test_deleting_and_putting_the_old_values_back_restores_everything(labels, index):
    label = editing.cell_at(labels, pixel_of(labels, index))
    edit = editing.delete_cell(labels, label)
    undone = apply_edit(apply_edit(labels, edit), Edit(edit.indices, labels[edit.indices]))
    np.testing.assert_array_equal(undone, labels)


@given(label_images(), POINT, POINT)
def test_a_cut_conserves_every_area_and_touches_one_cell(labels, start, end):
    try:
        after = apply_edit(labels, editing.split_cell(labels, [start, end]))
    except UsageError:
        return
    np.testing.assert_array_equal(after > 0, labels > 0)
    new = present(after) - present(labels)
    assert new
    assert min(new) > labels.max()
    changed = set(np.unique(labels[after != labels]))
    assert len(changed) == 1, "more than one cell was cut"
    assert all((after == number).sum() >= 4 for number in new)


@given(label_images(), st.lists(POINT, min_size=3, max_size=8))
def test_a_new_cell_takes_no_pixel_from_another(labels, points):
    try:
        after = apply_edit(labels, editing.add_polygon(labels, points))
    except UsageError:
        return
    np.testing.assert_array_equal(after[labels > 0], labels[labels > 0])
    assert len(present(after)) == len(present(labels)) + 1


@given(label_images(), st.integers(1, 3))
def test_filling_and_smoothing_never_let_one_cell_take_anothers_pixels(labels, radius):
    for after in (
        apply_edit(labels, editing.fill_holes(labels)),
        apply_edit(labels, editing.smooth_cells(labels, radius_px=radius)),
    ):
        kept = after[labels > 0]
        assert ((kept == labels[labels > 0]) | (kept == 0)).all()
        assert present(after) == present(labels), "a cell vanished"


@given(label_images(), st.integers(0, 10_000), st.integers(-3, 3))
def test_growing_changes_one_cell_in_one_direction(labels, index, pixels):
    label = editing.cell_at(labels, pixel_of(labels, index))
    try:
        after = apply_edit(labels, editing.grow_cell(labels, label, pixels))
    except UsageError:
        assert pixels < 0
        return
    np.testing.assert_array_equal(np.where(after == label, 0, after), np.where(labels == label, 0, labels))
    larger, smaller = (after, labels) if pixels >= 0 else (labels, after)
    assert not ((smaller == label) & (larger != label)).any()
