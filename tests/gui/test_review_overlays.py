"""What the Review widget shows beside the cells: marks, ignored places, parts; renewed by undo, too."""

import numpy as np
import pytest

from napari_all.gui.review_correct import CorrectTab
from napari_all.gui.review_overlays import IGNORED
from napari_all.segmentation import editing
from napari_all.segmentation.editing import Mark


@pytest.fixture
def panel(review):
    return review


def mark(session, label, name):
    session.correct(name, lambda context: editing.mark_cell(session.shown.pixels.labels, label, name, context.cells))


def test_marks_are_seen_where_they_are_and_go_with_undo(panel):
    session = panel.session
    shown = session.shown
    edited = []
    session.edited.connect(lambda window, cells: edited.append((window, cells)))
    layer = shown.marks.layer
    assert not shown.marks.seen
    mark(session, 1, "smudge")
    assert shown.marks.seen
    assert panel.viewer.layers.selection.active is shown.labels
    assert layer.name == "a marks"
    assert panel.viewer.layers.index(layer) < panel.viewer.layers.index(shown.labels)
    assert set(np.unique(layer.data)) == {0, Mark.SMUDGE}
    assert layer.data[12, 12] == Mark.SMUDGE
    mark(session, 2, "ignore")
    assert layer.data[12, 30] == IGNORED
    assert edited == [((slice(8, 24), slice(8, 24)), {1}), ((slice(6, 26), slice(22, 38)), {2})]
    session.next()
    assert not layer.data.any()
    assert layer.name == "b marks"
    session.undo()
    assert session.current == "a.png"
    assert not layer.data[12, 30]
    assert layer.data[12, 12] == Mark.SMUDGE
    session.undo()
    assert not layer.data.any()
    assert edited[2:] == [((slice(8, 24), slice(8, 24)), {1})], "the step before moved to its image instead"
    session.redo()
    assert layer.data[12, 12] == Mark.SMUDGE
    panel.close_project()
    assert len(panel.viewer.layers) == 0


def test_parts_follow_edits_while_hidden_too(panel):
    session = panel.session
    shown = session.shown
    layer = shown.parts.layer
    assert not layer.visible
    session.correct("delete", lambda context: editing.delete_cell(context.labels, 1, context.cells))
    assert np.array_equal(layer.data, shown.pixels.classes)
    panel.tabs.of(CorrectTab).parts.setChecked(True)
    assert layer.visible
    session.correct("delete", lambda context: editing.delete_cell(context.labels, 2, context.cells))
    assert np.array_equal(layer.data, shown.pixels.classes)
    session.undo()
    assert np.array_equal(layer.data, shown.pixels.classes)
    assert not layer._undo_history
    assert not shown.labels._undo_history
