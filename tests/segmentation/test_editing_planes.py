"""Edits of several planes at once: what follows from the labels, how an edit is taken back, where cells lie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from label_drawings import POINT, disc, label_images, pixel_of, present, two_cells

from napari_all.data.synthetic import SyntheticSmear
from napari_all.errors import MaskError, UsageError
from napari_all.segmentation import editing
from napari_all.segmentation.editing import CellIndex, Edit, Mark, Planes, change, completed
from napari_all.segmentation.instances import relabel

RGB = np.random.default_rng(5).integers(0, 256, (40, 40, 3), np.uint8)
PREDICTED = np.zeros((40, 40), np.int32)
PREDICTED[disc((40, 40), 12, 12, 8)] = 1
PREDICTED[disc((40, 40), 28, 28, 8)] = 2

Draw = Callable[[Planes, int, list[tuple[int, int]], int], Edit]
EDITS: dict[str, Draw] = {
    "delete": lambda p, label, line, n: editing.delete_cell(p.labels, label),
    "merge": lambda p, label, line, n: editing.merge_cells(p.labels, [label, int(p.labels.max())]),
    "relabel": lambda p, label, line, n: editing.relabel_cells(p.labels),
    "split": lambda p, label, line, n: editing.split_cell(p.labels, line),
    "split at waists": lambda p, label, line, n: editing.split_at_waists(p.labels, label),
    "fill": lambda p, label, line, n: editing.fill_holes(p.labels, label),
    "smooth": lambda p, label, line, n: editing.smooth_cells(p.labels, label, n),
    "grow": lambda p, label, line, n: editing.grow_cell(p.labels, label, n),
    "shrink": lambda p, label, line, n: editing.grow_cell(p.labels, label, -n),
    "snap": lambda p, label, line, n: editing.snap_cell(p.labels, RGB, label, n),
    "paint": lambda p, label, line, n: editing.paint(p.labels, line, n, label),
    "polygon": lambda p, label, line, n: editing.add_polygon(p.labels, line),
    "click": lambda p, label, line, n: editing.add_by_click(p.labels, RGB, line[0], 8 + n),
    "fix nucleus": lambda p, label, line, n: editing.fix_nucleus(p.labels, p.classes, RGB, label),
    "paint nucleus": lambda p, label, line, n: editing.paint_nucleus(p.labels, p.classes, line, n, label),
    "mark": lambda p, label, line, n: editing.mark_cell(p.labels, label, ("smudge", "artefact", "ignore")[n - 1]),
    "mark polygon": lambda p, label, line, n: editing.mark_polygon(p.labels, line, "smudge"),
    "restore": lambda p, label, line, n: editing.restore_predicted(p.labels, PREDICTED, line[0]),
}
ASKED = {"delete", "smooth", "grow", "shrink", "snap", "fill", "mark", "split at waists", "paint"}
"""Edits asked to change one cell: every other cell keeps each of its pixels."""
KEEPERS = {"polygon", "click", "fix nucleus", "paint nucleus", "mark polygon"}
"""Edits that take no pixel from any cell."""


def planes_of(labels: np.ndarray) -> Planes:
    """Planes that agree with the labels: upper halves are nucleus, some background is ignored or marked."""
    classes = np.where(labels > 0, 1, 0).astype(np.uint8)
    classes[:20][labels[:20] > 0] = 2
    ignore, marks = np.zeros(labels.shape, np.bool_), np.zeros(labels.shape, np.uint8)
    ignore[:, :6], marks[34:] = True, Mark.SMUDGE
    ignore[labels > 0], marks[labels > 0] = False, Mark.NONE
    return Planes(labels.copy(), classes, "nucleus+cytoplasm", ignore, marks)


def copied(planes: Planes) -> dict[str, np.ndarray]:
    return {name: getattr(planes, name).copy() for name in ("labels", "classes", "ignore", "marks")}


def same(planes: Planes, kept: dict[str, np.ndarray]) -> None:
    for name, plane in kept.items():
        np.testing.assert_array_equal(getattr(planes, name), plane, err_msg=name)


def boxes(cells: CellIndex) -> dict[int, Any]:
    return {label: cells.window(label) for label in cells}


# --- known answers -------------------------------------------------------------------------------------------------


def test_what_joins_a_cell_becomes_cytoplasm_and_what_leaves_it_background():
    labels = two_cells()
    planes = Planes(labels.copy(), np.where(labels > 0, 2, 0).astype(np.uint8), "nucleus+cytoplasm")
    change(planes, completed(planes, editing.grow_cell(planes.labels, 1, 1)))
    assert (planes.classes[(planes.labels == 1) & (labels == 0)] == 1).all()
    assert (planes.classes[labels == 1] == 2).all()
    change(planes, completed(planes, editing.delete_cell(planes.labels, 3)))
    assert (planes.classes[labels == 3] == 0).all()


def test_what_joins_a_cell_of_one_part_is_whole_cell():
    labels = two_cells()
    planes = Planes(labels.copy(), np.where(labels > 0, 2, 0).astype(np.uint8))
    edit = completed(planes, editing.grow_cell(planes.labels, 1, 1))
    assert (edit.classes == 2).all()
    assert edit.ignore is None


def test_merging_and_cutting_keep_the_classes():
    labels = two_cells(gap=1)
    planes = Planes(labels.copy(), np.where(labels == 1, 2, (labels > 0) * 1).astype(np.uint8), "nucleus+cytoplasm")
    before = planes.classes.copy()
    change(planes, completed(planes, editing.split_cell(planes.labels, [(5, 15), (35, 15)])))
    np.testing.assert_array_equal(planes.classes, before)
    change(planes, completed(planes, editing.merge_cells(planes.labels, [1, 8])))
    np.testing.assert_array_equal(planes.classes, before)


def test_an_edit_of_a_plane_that_is_not_kept_is_refused_before_anything_changes():
    labels = two_cells()
    planes = Planes(labels.copy())
    with pytest.raises(MaskError, match="'ignore', which is not kept"):
        change(planes, completed(planes, editing.mark_cell(labels, 1, "smudge")))
    np.testing.assert_array_equal(planes.labels, labels)
    with pytest.raises(MaskError, match="planes of one image"):
        Planes(labels, np.zeros((3, 3), np.uint8))


def test_an_edit_without_pixels_has_an_empty_window_and_touches_nothing():
    labels = two_cells()
    edit = editing.fill_holes(labels, 1)
    assert len(edit) == 0
    assert edit.window == (slice(0, 0), slice(0, 0))
    assert editing.touched(edit, change(Planes(labels.copy()), edit)) == set()


def test_touched_names_what_was_there_and_what_comes():
    labels = two_cells()

    def touched(edit: Edit) -> set[int]:
        return editing.touched(edit, change(Planes(labels.copy()), edit))

    assert touched(editing.merge_cells(labels, [3, 1])) == {1, 3}
    assert touched(editing.split_cell(labels, [(5, 15), (35, 15)])) == {1, 8}
    assert touched(editing.delete_cell(labels, 7)) == {7}


def test_an_edit_reaches_the_pixels_of_planes_in_any_order_in_memory():
    labels = np.asfortranarray(two_cells())
    planes = Planes(labels.copy(order="F"), np.asfortranarray(labels > 0, np.uint8), "nucleus+cytoplasm")
    whole = planes.labels[:, ::-1]  # a view without an order of its own
    planes = Planes(whole, planes.classes[:, ::-1], "nucleus+cytoplasm")
    before = whole.copy()
    edit = completed(planes, editing.delete_cell(before, 7))
    inverse = change(planes, edit)
    assert 7 not in whole
    assert (planes.classes[before == 7] == 0).all()
    change(planes, inverse)
    np.testing.assert_array_equal(whole, before)


def test_the_index_knows_where_cells_lie_and_the_next_number():
    cells = CellIndex(two_cells())
    assert list(cells) == [1, 3, 7]
    assert 3 in cells
    assert cells.window(7) == (slice(2, 8), slice(50, 58))
    assert cells.window(7, 5) == (slice(0, 13), slice(45, 60))
    assert cells.unused == 8
    assert cells.near((slice(0, 40), slice(0, 20))) == [1]
    with pytest.raises(UsageError, match="there is no cell 2; labels go up to 7"):
        cells.window(2)


def test_the_index_follows_numbers_that_change_places():
    labels = two_cells()
    cells, planes = CellIndex(labels), Planes(labels.copy())
    where = np.nonzero(labels)
    swapped = np.array([0, 7, 0, 1, 0, 0, 0, 3], np.int32)[labels]
    change(planes, Edit(where, swapped[where]), cells)
    np.testing.assert_array_equal(planes.labels, swapped)
    assert boxes(cells) == boxes(CellIndex(swapped))


# --- what holds for every drawing ----------------------------------------------------------------------------------


@settings(max_examples=60)
@pytest.mark.parametrize("name", EDITS)
@given(label_images(), st.integers(0, 10_000), st.lists(POINT, min_size=3, max_size=6), st.integers(1, 3))
def test_every_edit_can_be_taken_back_and_the_index_follows(name, labels, index, line, n):
    planes = planes_of(labels)
    label = editing.cell_at(labels, pixel_of(labels, index))
    start, cells = copied(planes), CellIndex(labels)
    try:
        edit = EDITS[name](planes, label, line, n)
    except UsageError:
        same(planes, start)
        return
    same(planes, start)
    flat = edit.indices[0] * 40 + edit.indices[1]
    assert len(np.unique(flat)) == len(flat), "a pixel is listed twice"
    full = completed(planes, edit)
    inverse = change(planes, full, cells)
    touched = editing.touched(full, inverse)
    if name in ASKED | KEEPERS:
        others = (labels > 0) & (labels != label) if name in ASKED else labels > 0
        np.testing.assert_array_equal(planes.labels[others], labels[others])
    changed = planes.labels != labels
    assert touched == present(np.where(changed, labels, 0)) | present(np.where(changed, planes.labels, 0)) or (
        "nucleus" in name
    )
    assert ((planes.classes > 0) == (planes.labels > 0)).all()
    assert not (planes.ignore & (planes.labels > 0)).any()
    assert not ((planes.marks > 0) & (planes.labels > 0)).any()
    assert boxes(cells) == boxes(CellIndex(planes.labels))
    again = change(planes, inverse, cells)
    same(planes, start)
    assert boxes(cells) == boxes(CellIndex(labels))
    change(planes, again, cells)
    change(planes, inverse, cells)
    same(planes, start)


@given(label_images())
def test_relabelling_counts_as_the_cleaning_does(labels):
    after = editing.apply_edit(labels, editing.relabel_cells(labels))
    np.testing.assert_array_equal(after, relabel(labels))
    numbers = editing.raster_numbers(labels)
    assert {number: (labels == label).sum() for label, number in numbers.items()} == {
        number: (after == number).sum() for number in present(after)
    }


@settings(max_examples=25)
@given(
    label_images(), st.lists(st.tuples(st.sampled_from(sorted(EDITS)), st.integers(0, 999), POINT, POINT), max_size=8)
)
def test_a_chain_of_edits_undone_in_turn_leads_back(labels, chain):
    planes, cells = planes_of(labels), CellIndex(labels)
    start, back = copied(planes), []
    for name, index, first, second in chain:
        if not len(cells):
            break
        label = editing.cell_at(planes.labels, pixel_of(planes.labels, index))
        try:
            edit = EDITS[name](planes, label, [first, second, first[::-1]], 1 + index % 3)
        except UsageError:
            continue
        back.append(change(planes, completed(planes, edit), cells))
    for inverse in reversed(back):
        change(planes, inverse, cells)
    same(planes, start)
    assert boxes(cells) == boxes(CellIndex(labels))


def test_with_an_index_edits_are_the_same_as_without(smear: SyntheticSmear):
    labels, cells = smear.labels, CellIndex(smear.labels)
    for label in (1, 5):
        for found, wanted in (
            (editing.delete_cell(labels, label, cells), editing.delete_cell(labels, label)),
            (editing.grow_cell(labels, label, 2, cells), editing.grow_cell(labels, label, 2)),
            (editing.smooth_cells(labels, label, 2, cells), editing.smooth_cells(labels, label, 2)),
            (editing.snap_cell(labels, smear.rgb, label, 2, cells), editing.snap_cell(labels, smear.rgb, label)),
        ):
            np.testing.assert_array_equal(np.array(found.indices), np.array(wanted.indices))
            np.testing.assert_array_equal(found.values, wanted.values)
