"""The tools of the Review widget: keys, what each does, what is switched off and why; all undone in one order."""

import numpy as np
import pytest
from napari.layers import Labels
from napari.utils.shortcuts import default_shortcuts
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_all.gui.canvas_tools import Tool
from napari_all.gui.review_correct import CorrectTab
from napari_all.gui.review_corrections import REVIEW_TOOLS
from napari_all.gui.review_keys import IMAGES, REDO, UNDO, help_columns
from napari_all.segmentation import editing
from napari_all.segmentation.editing import Mark

T = {tool.name: tool for tool in REVIEW_TOOLS}
AROUND = [(50.0, 4.0), (50.0, 20.0), (60.0, 20.0), (60.0, 4.0)]


@pytest.fixture
def panel(review):
    return review


def at_hand(panel, wait):
    wait(lambda: panel.session.shown.predicted is not None)
    return panel.session, panel.tabs.of(CorrectTab).toolbox


def test_every_key_is_free_in_napari_and_given_once():
    ours = [tool.key for tool in REVIEW_TOOLS] + [key for key, _ in IMAGES if key not in (UNDO, REDO)]
    assert len(set(ours)) == len(ours)
    of_labels = [action for action in default_shortcuts if "labels" in action or action.startswith("napari:toggle")]
    taken = {str(key) for action in of_labels for key in default_shortcuts[action]}
    taken |= {str(key) for key in Labels.class_keymap}
    assert {"P", "E", "V", "Shift+V"} <= taken
    assert not {*ours} & taken
    assert all(f"<b>{tool.key}</b>" in "".join(help_columns()) for tool in REVIEW_TOOLS)


def test_each_tool_changes_what_it_says_and_is_one_step_of_undo(panel, wait):
    session, _ = at_hand(panel, wait)
    shown = session.shown
    start = shown.pixels.copy()
    number = shown.labels

    def use(tool: Tool, *points: tuple[float, float]) -> np.ndarray:
        before = shown.pixels.labels.copy()
        session.gesture(tool, list(points))
        assert np.array_equal(shown.pixels.labels, number.data)
        return before != shown.pixels.labels

    assert use(T["Grow"], (12, 12)).sum() == 16 * 3  # the fourth side touches a neighbour
    assert use(T["Shrink"], (12, 30)).any()
    assert use(T["Merge"], (12, 12), (12, 30)).any()
    for y in (7.0, 24.0):  # a waist
        session.correct("erase", lambda context, y=y: editing.erase(context.labels, [(y, 24.0)], 6))
    assert use(T["Auto split"], (12, 12)).any()
    assert use(T["As predicted"], (12, 12)).any()
    assert not use(T["Nucleus"], (12, 12)).any()
    assert not np.array_equal(shown.pixels.classes, start.classes)
    assert use(T["Smudge"], (12, 30)).any()
    assert shown.pixels.marks[12, 30] == Mark.SMUDGE
    use(T["Ignore area"], *AROUND)
    assert shown.pixels.ignore[55, 10]
    use(T["Unmark"], (12, 30))
    assert not shown.pixels.marks.any()
    assert use(T["As predicted"], (12, 30)).any()
    assert shown.pixels.labels[12, 30], "a cell that was taken away comes back"
    use(T["Ignore"], (12, 12))
    assert shown.pixels.ignore[12, 12]
    assert use(T["Renumber"]).any()
    numbers = np.unique(shown.pixels.labels)
    assert np.array_equal(numbers, np.arange(len(numbers)))
    steps = session.entry.edits
    for _ in range(steps):
        session.undo()
    assert shown.pixels.same(start)
    assert session.entry.status == "predicted"


def test_what_is_of_no_use_is_off_and_says_why(panel, wait):
    session, toolbox = at_hand(panel, wait)
    buttons = toolbox.buttons
    assert buttons["As predicted"].isEnabled()
    assert not buttons["Unmark"].isEnabled()
    assert "nothing is marked" in buttons["Unmark"].toolTip()
    session.gesture(T["Smudge"], [(12, 12)])
    assert buttons["Unmark"].isEnabled()
    session.undo()
    assert not buttons["Unmark"].isEnabled()
    buttons["Delete"].click()
    session.go_to("c.png")
    assert not buttons["Delete"].isEnabled()
    assert toolbox.tools.tool is None, "a tool that is of no use is laid down"
    assert not buttons["As predicted"].isEnabled()
    assert not buttons["Nucleus"].isEnabled()
    session.gesture(T["Outline"], AROUND)
    assert buttons["Delete"].isEnabled()


def test_keys_with_shift_reach_their_tools_on_the_canvas_and_in_the_panel(panel, wait):
    session, toolbox = at_hand(panel, wait)
    canvas = panel.viewer.window._qt_viewer.canvas.native
    canvas.setFocus()
    QTest.keyClick(canvas, Qt.Key.Key_S, Qt.KeyboardModifier.ShiftModifier)
    assert toolbox.tools.tool is T["Auto split"]
    QTest.keyClick(canvas, Qt.Key.Key_S)
    assert toolbox.tools.tool is T["Split"]
    session.gesture(T["Delete"], [(12, 12)])
    QTest.keyClick(canvas, Qt.Key.Key_N, Qt.KeyboardModifier.ShiftModifier)
    assert set(np.unique(session.shown.pixels.labels)) == {0, 1}
    panel.review.accept.setFocus()
    QTest.keyClick(panel.review.accept, Qt.Key.Key_W, Qt.KeyboardModifier.ShiftModifier)
    assert toolbox.tools.tool is T["Shrink"]
