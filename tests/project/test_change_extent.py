"""Where a change lies and which cells it concerns, forwards and backwards; what is likely to be wanted next."""

import numpy as np

from napari_all.project.change import PlaneDiff, apply_pixels, change_of_edit, extent
from napari_all.project.index import ImageEntry
from napari_all.project.order import coming
from napari_all.project.planes import Pixels
from napari_all.segmentation import editing


def planes():
    labels = np.zeros((20, 30), np.int32)
    labels[2:8, 2:8], labels[2:8, 8:14], labels[12:18, 20:26] = 1, 2, 7
    return Pixels.of(labels)


def made(pixels, edit):
    target = pixels.editable("cell")
    full = editing.completed(target, edit)
    return change_of_edit("tool", full, editing.change(target, full), pixels.shape)


def test_the_extent_of_a_merge_names_both_cells_and_of_its_undo_too():
    pixels = planes()
    change = made(pixels, editing.merge_cells(pixels.labels, [1, 2]))
    assert extent(change, pixels) == ((slice(2, 8), slice(8, 14)), {1, 2})
    apply_pixels(change.reversed(), pixels)
    assert extent(change.reversed(), pixels) == ((slice(2, 8), slice(8, 14)), {1, 2})


def test_the_extent_of_a_mark_is_that_of_all_planes():
    pixels = planes()
    change = made(pixels, editing.mark_cell(pixels.labels, 7, "ignore"))
    assert {diff.plane for diff in change.planes} == {"labels", "classes", "ignore"}
    assert extent(change, pixels) == ((slice(10, 20), slice(18, 28)), {7})


def test_numbering_anew_touches_labels_alone_and_in_order():
    pixels = planes()
    edit = editing.completed(pixels.editable("cell"), editing.relabel_cells(pixels.labels))
    assert edit.spoken == ()
    flat = np.ravel_multi_index(edit.indices, pixels.shape)
    assert (np.diff(flat) > 0).all()
    assert set(edit.values.tolist()) == {3}


def test_a_diff_in_order_is_that_of_any_order():
    places, before, after = np.array([3, 5, 9]), np.array([1, 1, 2]), np.array([4, 1, 5])
    in_order = PlaneDiff.of("labels", places, before, after)
    shuffled = PlaneDiff.of("labels", places[[2, 0, 1]], before[[2, 0, 1]], after[[2, 0, 1]])
    for diff in (in_order, shuffled):
        assert [diff.indices.tolist(), diff.before.tolist(), diff.after.tolist()] == [[3, 9], [1, 2], [4, 5]]


def test_what_comes_next_is_what_is_left_then_the_neighbour():
    names = ("a", "b", "c", "d")
    entries = [ImageEntry(image=name, status="accepted" if name == "b" else "predicted") for name in names]
    assert coming(names, entries, "a") == ["c", "b", "d"]
    assert coming(("a",), entries[:1], "a") == []
