"""The Review widget on a small project: moving, editing, one order of undo, statuses, keys."""

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_all.gui.corrections import TOOLS
from napari_all.gui.review_correct import CorrectTab
from napari_all.gui.review_keys import IMAGES, UNDO, help_columns

T = {tool.name: tool for tool in TOOLS}


@pytest.fixture
def panel(review):
    return review


def status(panel, image):
    return panel.session.project.entry(image).status


def same(panel):
    """Whether screen, session and project agree on every pixel."""
    session = panel.session
    stored = session.project.load(session.current).pixels
    return stored.same(session.shown.pixels) and np.array_equal(stored.labels, session.shown.labels.data)


def correct(panel):
    return panel.tabs.of(CorrectTab)


def press(panel, key, modifier=Qt.KeyboardModifier.NoModifier):
    QTest.keyClick(panel.viewer.window._qt_viewer.canvas.native, key, modifier)


def test_a_person_goes_through_the_images_and_accepts_them(panel):
    session, page = panel.session, panel.review
    image, labels = session.shown.image, session.shown.labels
    assert [session.current, image.name, page.bar.text()] == ["a.png", "a", "0 of 3 done, 3 left"]
    assert panel.viewer.layers.selection.active is labels
    page.next.click()
    assert session.current == "b.png"
    assert (session.shown.image, session.shown.labels) == (image, labels), "layers are reused"
    assert "3 cells" in page.state.text()
    assert "predicted" in page.state.text()
    page.previous.click()
    page.accept.click()
    assert (status(panel, "a.png"), session.current) == ("accepted", "b.png")
    assert page.bar.text() == "1 of 3 done, 2 left"
    page.skip.click()
    assert (status(panel, "b.png"), session.current) == ("predicted", "c.png")
    page.accept.click()
    assert (status(panel, "c.png"), session.current) == ("none", "c.png"), "nothing to accept without labels"
    assert "no labels" in panel.state.text()
    page.exclude.click()
    assert (status(panel, "c.png"), session.current) == ("excluded", "b.png")
    page.flag.click()
    assert session.entry.flag
    assert "1 flagged" in page.counts.text()
    page.order.setCurrentIndex(page.order.findData("uncertainty"))
    page.order.activated.emit(page.order.currentIndex())
    assert session.names == ("b.png", "a.png", "c.png")
    assert "1 of 3" in page.state.text()


def test_every_edit_is_one_step_and_undo_goes_back_over_images(panel, wait):
    session, labels = panel.session, panel.session.shown.labels
    start = {name: session.project.load(name).pixels for name in session.project.images}
    labels.mode = "paint"
    labels.brush_size = 5
    with labels.block_history():  # a stroke of the mouse
        for x in range(60, 70):
            labels.paint((30, x), labels.selected_label)
    wait(lambda: session.entry.edits == 1)
    assert status(panel, "a.png") == "in work"
    assert session.shown.pixels.classes[30, 65] == 1, "what a brush adds counts as cytoplasm"
    labels.fill((12, 12), 9)
    wait(lambda: session.entry.edits == 2)
    session.gesture(T["Merge"], [(12, 12), (12, 30)])
    assert session.entry.edits == 3
    assert same(panel)
    panel.review.accept.click()
    assert (status(panel, "a.png"), session.current) == ("corrected", "b.png")
    session.gesture(T["Delete"], [(45, 55)])
    after = session.shown.pixels.copy()
    steps = ["b.png", "a.png", "a.png", "a.png", "a.png"]
    for image in steps:
        labels.undo()  # what Ctrl+Z on the canvas calls
        assert session.current == image
        assert same(panel)
    assert (status(panel, "a.png"), status(panel, "b.png")) == ("predicted", "predicted")
    assert all(session.project.load(name).pixels.same(pixels) for name, pixels in start.items())
    panel.review.undo.click()
    assert not panel.review.undo.isEnabled()
    for _ in steps:
        panel.review.redo.click()
    assert session.current == "b.png"
    assert session.shown.pixels.same(after)
    assert same(panel)


def test_what_does_not_fit_the_project_is_taken_off_the_screen(panel, wait):
    session = panel.session
    session.project.record("a.png", _elsewhere(session))  # the project has moved on, the screen has not
    session.shown.labels.data_setitem((np.array([10]), np.array([10])), 5)
    wait(lambda: bool(panel.state.text()))
    assert "repeat it" in panel.state.text()
    assert same(panel)


def _elsewhere(session):
    from napari_all.project.change import Change, PlaneDiff

    flat = np.array([10 * 80 + 10])
    return Change("paint", (PlaneDiff.of("labels", flat, np.array([1]), np.array([0])),))


def test_keys_on_the_canvas_do_what_the_sheet_says(panel):
    session = panel.session
    panel.viewer.window._qt_viewer.canvas.native.setFocus()
    press(panel, Qt.Key.Key_Period)
    assert session.current == "b.png"
    press(panel, Qt.Key.Key_Comma)
    assert session.current == "a.png"
    press(panel, Qt.Key.Key_G)
    assert session.entry.flag
    press(panel, Qt.Key.Key_D)
    assert correct(panel).toolbox.tools.tool is T["Delete"]
    press(panel, Qt.Key.Key_A)
    assert (status(panel, "a.png"), session.current) == ("accepted", "b.png")
    assert correct(panel).toolbox.tools.tool is T["Delete"], "a tool stays up from image to image"
    control = Qt.KeyboardModifier.ControlModifier
    press(panel, Qt.Key.Key_Z, control)
    assert (status(panel, "a.png"), session.current) == ("predicted", "a.png")
    press(panel, Qt.Key.Key_Z, control | Qt.KeyboardModifier.ShiftModifier)
    assert status(panel, "a.png") == "accepted"
    press(panel, Qt.Key.Key_F1)
    assert panel._sheet.isVisible()
    assert {key for key, _ in IMAGES} >= {*panel.keys, UNDO} - {*correct(panel).keys}
    assert all(f"<b>{key}</b>" in "".join(help_columns()) for key in panel.keys)
