"""Known answers of the edits that look at the image, the prediction or the brush."""

from __future__ import annotations

import numpy as np
import pytest
from label_drawings import disc, present, two_cells
from scipy import ndimage as ndi

from napari_all.data.synthetic import SyntheticSmear, make_smear
from napari_all.errors import UsageError
from napari_all.segmentation import editing
from napari_all.segmentation.editing import Mark, Planes, apply_edit, change, completed


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


@pytest.fixture(scope="module")
def apart() -> SyntheticSmear:
    """A smear whose white cells of 34 px lie apart."""
    return make_smear(seed=2, shape=(256, 320), cell_diameter_px=34.0, n_white=9, touching=0.0, scale_bar=False)


def lone_cells(smear: SyntheticSmear) -> list[int]:
    """Cells that touch neither another one nor the border."""
    found = []
    for label in present(smear.labels):
        around = ndi.binary_dilation(smear.labels == label, iterations=2)
        inner = not (around[0].any() or around[-1].any() or around[:, 0].any() or around[:, -1].any())
        if inner and set(np.unique(smear.labels[around])) == {0, label}:
            found.append(label)
    return found


# --- splitting without a line --------------------------------------------------------------------------------------


def test_two_overlapping_discs_are_cut_at_their_waist():
    labels = np.zeros((50, 70), np.int32)
    labels[disc(labels.shape, 25, 22, 12) | disc(labels.shape, 25, 43, 11)] = 4
    labels[2:6, 2:6] = 9
    after = apply_edit(labels, editing.split_at_waists(labels, 4))
    assert present(after) == {4, 9, 10}
    np.testing.assert_array_equal(after > 0, labels > 0)
    assert (after[:, :30][labels[:, :30] == 4] == 4).all(), "the larger piece keeps the number"
    assert (after[:, 36:][labels[:, 36:] == 4] == 10).all()


def test_a_round_cell_has_no_waist():
    with pytest.raises(UsageError, match="no waist to be cut at; draw a line"):
        editing.split_at_waists(two_cells(), 1)


# --- snapping ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pixels", [-1, 1, 2])
def test_snapping_brings_a_moved_edge_back(apart: SyntheticSmear, pixels: int):
    gains, after = [], []
    for label in lone_cells(apart):
        true = apart.labels == label
        moved = apply_edit(apart.labels, editing.grow_cell(apart.labels, label, pixels))
        snapped = apply_edit(moved, editing.snap_cell(moved, apart.rgb, label))
        after.append(dice(snapped == label, true))
        gains.append(after[-1] - dice(moved == label, true))
        np.testing.assert_array_equal(np.where(snapped == label, 0, snapped), np.where(moved == label, 0, moved))
    assert len(after) >= 3
    assert np.mean(after) > 0.95
    assert np.mean(gains) > 0.02


def test_an_edge_that_the_image_does_not_show_stays():
    labels = two_cells()
    even = np.full((40, 60, 3), 200, np.uint8)
    assert len(editing.snap_cell(labels, even, 1)) == 0
    with pytest.raises(UsageError, match="reach_px = 0 moves no edge"):
        editing.snap_cell(labels, even, 1, 0)


@pytest.mark.data
def test_snapping_brings_moved_reference_masks_nearer(data_dir):
    from PIL import Image

    before, after = [], []
    for file in sorted((data_dir / "reference-masks" / "labels").iterdir())[::7]:
        labels = np.asarray(Image.open(file)).astype(np.int32)
        rgb = np.asarray(Image.open(data_dir / "reference-masks" / "images" / file.name).convert("RGB"))
        for label in present(labels):
            if (labels == label).sum() < 120:
                continue
            moved = apply_edit(labels, editing.grow_cell(labels, label, 1))
            snapped = apply_edit(moved, editing.snap_cell(moved, rgb, label))
            before.append(dice(moved == label, labels == label))
            after.append(dice(snapped == label, labels == label))
    assert np.mean(after) > np.mean(before) + 0.02


# --- one click, with a probability ---------------------------------------------------------------------------------


def test_a_click_follows_the_probability_where_the_colour_says_nothing():
    labels = np.zeros((60, 60), np.int32)
    even = np.full((60, 60, 3), 150, np.uint8)
    probability = np.where(disc((60, 60), 30, 30, 10), 240, 5).astype(np.uint8)
    after = apply_edit(labels, editing.add_by_click(labels, even, (30, 30), 20, probability))
    assert dice(after == 1, disc((60, 60), 30, 30, 10)) > 0.95
    with pytest.raises(UsageError, match="no edge found"):
        editing.add_by_click(labels, even, (30, 30), 20)


# --- nucleus -------------------------------------------------------------------------------------------------------


def test_the_nucleus_is_found_anew_and_what_lies_outside_goes(apart: SyntheticSmear):
    scores = []
    for label in lone_cells(apart):
        cell = apart.labels == label
        wrong = np.where(apart.labels > 0, 1, 0).astype(np.uint8)
        y, x = np.argwhere(cell)[0]
        wrong[y - 3 : y - 1, x] = 2
        planes = Planes(apart.labels.copy(), wrong, "nucleus+cytoplasm")
        edit = editing.fix_nucleus(planes.labels, planes.classes, apart.rgb, label)
        change(planes, completed(planes, edit))
        np.testing.assert_array_equal(planes.labels, apart.labels)
        assert (planes.classes[y - 3 : y - 1, x] == 0).all(), "nucleus is left outside the cell"
        scores.append(dice((planes.classes == 2) & cell, (apart.classes == 2) & cell))
        np.testing.assert_array_equal(planes.classes[(apart.labels > 0) & ~cell], 1)
    assert np.mean(scores) > 0.9


def test_classes_outside_every_cell_are_cleared_in_a_window():
    labels = two_cells()
    classes = np.where(labels > 0, 2, 0).astype(np.uint8)
    classes[0:3, 0:3] = 2
    planes = Planes(labels, classes, "nucleus+cytoplasm")
    change(planes, completed(planes, editing.clear_outside(labels, classes, (slice(0, 10), slice(0, 10)))))
    assert ((planes.classes > 0) == (labels > 0)).all()
    with pytest.raises(UsageError, match="nothing to clear"):
        editing.clear_outside(labels, classes, (slice(0, 10), slice(0, 10)))


# --- brush ---------------------------------------------------------------------------------------------------------


def test_paint_takes_background_only_and_a_dot_is_a_disc():
    labels = two_cells()
    after = apply_edit(labels, editing.paint(labels, [(20, 24)], 4, 1))
    np.testing.assert_array_equal(after[labels > 0], labels[labels > 0])
    np.testing.assert_array_equal(after == 1, (labels == 1) | (disc(labels.shape, 20, 24, 4) & (labels == 0)))
    new = apply_edit(labels, editing.paint(labels, [(35, 5), (35, 50)], 0, 8))
    assert (new == 8).sum() == 46


def test_a_stroke_outside_the_image_paints_what_reaches_into_it():
    labels = np.zeros((20, 30), np.int32)
    after = apply_edit(labels, editing.paint(labels, [(-2, 10)], 3, 1))
    np.testing.assert_array_equal(after == 1, disc(labels.shape, -2, 10, 3))
    assert len(editing.paint(labels, [(-9, 10), (-9, 20)], 3, 1)) == 0


def test_erasing_takes_one_cell_or_all_under_the_brush():
    labels = two_cells(gap=1)
    line = [(20, 10), (20, 50)]
    one = apply_edit(labels, editing.erase(labels, line, 1, 3))
    np.testing.assert_array_equal(one[labels != 3], labels[labels != 3])
    assert (one[20, 26:44] == 0).all()
    every = apply_edit(labels, editing.erase(labels, line, 1))
    assert (every[19:22, 10:51] == 0).all()
    with pytest.raises(UsageError, match="1 or more, got 0; erase"):
        editing.paint(labels, line, 1, 0)


def test_a_nucleus_is_painted_inside_its_cell_only():
    labels = two_cells()
    classes = np.where(labels > 0, 1, 0).astype(np.uint8)
    planes = Planes(labels, classes, "nucleus+cytoplasm")
    line = [(20, 2), (20, 50)]
    change(planes, completed(planes, editing.paint_nucleus(labels, classes, line, 2, 1)))
    assert (classes[18:23, 8:22][labels[18:23, 8:22] == 1] == 2).all()
    assert (classes[labels != 1] < 2).all()
    change(planes, completed(planes, editing.paint_nucleus(labels, classes, line, 9, 1, nucleus=False)))
    assert (classes[labels == 1] == 1).all()


# --- marks ---------------------------------------------------------------------------------------------------------


def marked_planes() -> Planes:
    labels = two_cells()
    classes = np.where(labels > 0, 2, 0).astype(np.uint8)
    return Planes(labels, classes, "cell", np.zeros(labels.shape, np.bool_), np.zeros(labels.shape, np.uint8))


@pytest.mark.parametrize(("mark", "code"), [("smudge", Mark.SMUDGE), ("artefact", Mark.ARTEFACT)])
def test_a_marked_cell_is_no_cell_any_more(mark, code):
    planes, before = marked_planes(), two_cells()
    change(planes, completed(planes, editing.mark_cell(planes.labels, 3, mark)))
    np.testing.assert_array_equal(planes.marks, np.where(before == 3, code, 0))
    assert present(planes.labels) == {1, 7}
    assert not planes.ignore.any()
    assert (planes.classes[before == 3] == 0).all()


def test_what_is_ignored_is_so_with_its_rim_and_the_neighbour_keeps_its_pixels():
    planes, before = marked_planes(), two_cells(gap=2)
    change(planes, completed(planes, editing.mark_cell(planes.labels, 3, "ignore")))
    rim = ndi.distance_transform_edt(before != 3) <= 2
    np.testing.assert_array_equal(planes.ignore, rim & (before != 1))
    assert (planes.labels[before == 1] == 1).all()


def test_an_area_is_marked_around_cells_and_taken_back_as_a_whole():
    planes = marked_planes()
    box = [(0, 0), (0, 30), (39, 30), (39, 0)]
    change(planes, completed(planes, editing.mark_polygon(planes.labels, box, "smudge")))
    assert (planes.marks[:, :31] == np.where(planes.labels[:, :31] == 0, Mark.SMUDGE, 0)).all()
    change(planes, completed(planes, editing.unmark_at(planes.labels, planes.ignore, planes.marks, (0, 0))))
    assert not planes.marks.any()
    with pytest.raises(UsageError, match="nothing is marked or ignored"):
        editing.unmark_at(planes.labels, planes.ignore, planes.marks, (0, 0))


def test_a_cell_drawn_over_a_mark_takes_it_away():
    planes = marked_planes()
    planes.marks[30:, :20], planes.ignore[30:, 20:40] = Mark.ARTEFACT, True
    edit = editing.add_polygon(planes.labels, [(32, 5), (32, 35), (38, 35), (38, 5)])
    change(planes, completed(planes, edit))
    new = planes.labels == 8
    assert new.sum() > 50
    assert not planes.marks[new].any()
    assert not planes.ignore[new].any()


# --- putting the prediction back -----------------------------------------------------------------------------------


def test_a_cell_that_was_cut_grown_or_deleted_comes_back_as_predicted():
    predicted = two_cells()
    for edit in (
        editing.split_cell(predicted, [(5, 15), (35, 15)]),
        editing.grow_cell(predicted, 1, 2),
        editing.grow_cell(predicted, 1, -3),
        editing.delete_cell(predicted, 1),
    ):
        labels = apply_edit(predicted, edit)
        back = apply_edit(labels, editing.restore_predicted(labels, predicted, (20, 13)))
        np.testing.assert_array_equal(back > 0, predicted > 0)
        assert len(present(back)) == 3
        assert len(np.unique(back[predicted == 1])) == 1
        np.testing.assert_array_equal(back[predicted > 1], labels[predicted > 1])


def test_a_merger_falls_apart_into_the_cells_that_were_predicted():
    predicted = two_cells(gap=1)
    labels = apply_edit(predicted, editing.merge_cells(predicted, [1, 3]))
    back = apply_edit(labels, editing.restore_predicted(labels, predicted, (20, 15)))
    assert len(present(back)) == 3
    for number in (1, 3):
        assert len(np.unique(back[predicted == number])) == 1
    np.testing.assert_array_equal(back > 0, predicted > 0)


def test_cells_that_lie_mostly_elsewhere_keep_their_ground_and_classes_come_back():
    predicted = two_cells()
    labels = apply_edit(predicted, editing.delete_cell(predicted, 1))
    labels[16:24, 0:9] = 9
    classes = np.where(predicted > 0, 2, 0).astype(np.uint8)
    planes = Planes(labels, np.where(labels > 0, 1, 0).astype(np.uint8), "nucleus+cytoplasm")
    change(planes, completed(planes, editing.restore_predicted(labels, predicted, (26, 15), classes)))
    assert (planes.labels[16:24, 0:9] == 9).all()
    assert (planes.classes[16:24, 0:9] == 1).all()
    returned = (predicted == 1) & (planes.labels != 9)
    assert len(np.unique(planes.labels[returned])) == 1
    assert (planes.classes[returned] == 2).all()


def test_where_nothing_was_predicted_nothing_comes_back():
    labels = two_cells()
    predicted = np.where(labels == 1, 0, labels)
    for point in ((20, 15), (38, 2)):
        with pytest.raises(UsageError, match="nothing was predicted"):
            editing.restore_predicted(labels, predicted, point)
