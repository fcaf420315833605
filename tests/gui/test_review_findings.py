"""The Review widget checks the rules when a person rests, goes to what breaks them and mends it; compares, too."""

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_all.evaluation.changes import ADDED, REMOVED
from napari_all.gui.review_correct import CorrectTab
from napari_all.segmentation import editing


@pytest.fixture
def panel(review):
    return review


def erase(session, *stroke, radius=0):
    session.correct("erase", lambda context: editing.erase(context.labels, list(stroke), radius))


def test_findings_come_after_a_pause_lead_to_the_cell_and_are_mended(panel, wait):
    session, box = panel.session, panel.tabs.of(CorrectTab).findings
    wait(lambda: box.watch.known)
    assert box.line.text() == "Nothing breaks a rule."
    assert not box.list.isVisible()
    erase(session, (12.0, 12.0), radius=2)
    erase(session, (8.0, 30.0), (24.0, 30.0))
    wait(lambda: box.list.count() == 2)
    assert box.line.text() == "2 findings"
    words = {box.list.item(row).text() for row in range(2)}
    assert words == {"hole in a cell: cell 1", "cell in several pieces: cell 2"}
    panel.viewer.scene.camera.center = (0, 0, 0)
    QTest.keyClick(panel.viewer.window._qt_viewer.canvas.native, Qt.Key.Key_F, Qt.KeyboardModifier.ShiftModifier)
    chosen = box.chosen
    assert np.allclose(panel.viewer.scene.camera.center[-2:], chosen.where, atol=1)
    assert session.shown.labels.selected_label == chosen.label
    steps = session.entry.edits
    box.mend.click()
    wait(lambda: box.list.count() == 1)
    assert session.entry.edits == steps + 1
    session.undo()
    wait(lambda: box.list.count() == 2)
    session.undo()
    session.undo()
    wait(lambda: box.line.text() == "Nothing breaks a rule.")
    session.next()
    assert box.line.text() == "–", "not known yet"
    wait(lambda: box.watch.known)


def test_what_is_edited_while_all_is_looked_at_is_not_missed(panel, wait):
    session, box = panel.session, panel.tabs.of(CorrectTab).findings
    box.watch._look()
    erase(session, (12.0, 12.0), radius=2)
    wait(lambda: box.list.count() == 1)
    assert box.watch.known


def test_the_difference_from_the_prediction_is_shown_and_follows(panel, wait):
    session, row = panel.session, panel.tabs.of(CorrectTab).compare
    assert not row.box.isEnabled() or session.shown.predicted is not None
    wait(row.box.isEnabled)
    canvas = panel.viewer.window._qt_viewer.canvas.native
    QTest.keyClick(canvas, Qt.Key.Key_C)
    wait(lambda: row.changes is not None)
    assert "Dice 1.000" in row.line.text()
    assert "a difference" not in [layer.name for layer in panel.viewer.layers], "no layer where nothing differs"
    session.correct("delete", lambda context: editing.delete_cell(context.labels, 2, context.cells))
    wait(lambda: "1 removed" in row.line.text())
    layer = panel.viewer.layers["a difference"]
    assert layer.data[12, 30] == REMOVED
    corners = [(40.0, 4.0), (40.0, 20.0), (60.0, 20.0), (60.0, 4.0)]
    session.correct("outline", lambda context: editing.add_polygon(context.labels, corners, context.cells))
    wait(lambda: "1 added" in row.line.text())
    assert layer.data[50, 10] == ADDED
    assert panel.viewer.layers.selection.active is session.shown.labels
    session.next()
    wait(lambda: row.changes is not None)
    assert row.changes.dice == 1.0
    QTest.keyClick(canvas, Qt.Key.Key_C)
    assert row.changes is None
    assert not row.line.isVisible()
    assert not layer.visible
    session.go_to("c.png")
    wait(lambda: not row.box.isEnabled())
    assert "no prediction" in row.box.toolTip()
