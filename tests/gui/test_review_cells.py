"""The Cells tab: the table and the canvas select the same cells, follow edits, and one key gives a class."""

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from review_of_tests import make_project

from napari_all.gui.corrections import TOOLS
from napari_all.gui.memory import recall
from napari_all.gui.review import ReviewPanel
from napari_all.gui.review_cells import CellsTab
from napari_all.gui.review_cells_classes import ClassesDialog
from napari_all.project.cell_classes import classes_of
from napari_all.segmentation.cell_classes import CellClass

T = {tool.name: tool for tool in TOOLS}


@pytest.fixture
def panel(open_panel, tmp_path, wait):
    panel = open_panel(ReviewPanel)
    assert panel.open_project(make_project(tmp_path))
    panel.session.go_to("b.png")
    panel.tabs.show_tab(CellsTab)
    wait(lambda: tab(panel).shown.ready)
    yield panel
    panel.close_project()


def tab(panel):
    return panel.tabs.of(CellsTab)


def model(panel):
    return tab(panel).list.table.model_of_cells


def shown(panel, label, column):
    rows = {row["label"]: row for row in model(panel).rows}
    return rows[label][column]


def classes(panel, image="b.png"):
    return dict(panel.session.project.values(image).cell_classes)


def click(panel, y, x, modifier=Qt.KeyboardModifier.NoModifier):
    """Click a place of the image on the canvas."""
    viewer = panel.viewer
    canvas = viewer.window._qt_viewer.canvas
    scale = viewer.scene.camera.zoom
    size = canvas.native.size()
    centre = viewer.scene.camera.center[-2:]
    place = ((x - centre[1]) * scale + size.width() / 2, (y - centre[0]) * scale + size.height() / 2)
    from qtpy.QtCore import QPoint

    QTest.mouseClick(canvas.native, Qt.MouseButton.LeftButton, modifier, QPoint(*map(round, place)))


def press(panel, key):
    QTest.keyClick(panel.viewer.window._qt_viewer.canvas.native, key)


def test_the_table_and_the_canvas_select_the_same_cell(panel):
    table, viewer = tab(panel).list.table, panel.viewer
    assert model(panel).labels == [1, 2, 3]
    assert shown(panel, 1, "area_px") == 256
    assert 0 < shown(panel, 1, "nucleus_cell_ratio") < 1
    table.selectRow(2)
    assert table.selected == [3]
    assert panel.session.shown.labels.selected_label == 3
    assert viewer.scene.camera.center[-2:] == pytest.approx((47.5, 57.5))
    frames = viewer.layers["selected cells"]
    assert frames.data.tolist() == [[47.5, 57.5]]
    assert viewer.layers.selection.active is panel.session.shown.labels
    before = viewer.scene.camera.center
    click(panel, 12, 12)
    assert table.selected == [1]
    assert viewer.scene.camera.center == before, "a click does not move the picture"
    click(panel, 12, 30, Qt.KeyboardModifier.ShiftModifier)
    assert sorted(table.selected) == [1, 2]
    click(panel, 30, 70)
    assert table.selected == []
    assert frames not in viewer.layers
    panel.tabs.bar.setCurrentIndex(0)
    table.selectRow(0)
    panel.tabs.show_tab(CellsTab)
    assert len(viewer.layers["selected cells"].data) == 1


def test_measurements_follow_every_edit_and_its_undo_and_only_changed_cells_are_measured(panel, wait):
    session, table = panel.session, tab(panel).list.table
    before = tab(panel).shown._cells[3]
    table.select([3])
    session.gesture(T["Merge"], [(12, 12), (12, 30)])
    wait(lambda: model(panel).labels == [1, 3])
    assert shown(panel, 1, "area_px") == 16 * 28
    assert tab(panel).shown._cells[3] is before
    assert table.selected == [3]
    session.undo()
    wait(lambda: model(panel).labels == [1, 2, 3])
    assert shown(panel, 1, "area_px") == 256
    labels = session.shown.labels
    labels.data_setitem((np.array([60, 60]), np.array([60, 61])), 3)
    wait(lambda: shown(panel, 3, "area_px") == 258)
    wait(lambda: list(labels.features["index"]) == [1, 2, 3] and labels.features["area_px"].tolist()[2] == 258)
    session.go_to("a.png")
    assert model(panel).labels == []
    wait(lambda: model(panel).labels == [1, 2])


def test_one_key_classifies_what_is_selected_on_the_canvas_as_in_the_table(panel):
    session, table = panel.session, tab(panel).list.table
    panel.viewer.window._qt_viewer.canvas.native.setFocus()
    table.select([1, 3])
    press(panel, Qt.Key.Key_1)
    assert classes(panel) == {1: "blast", 3: "blast"}
    assert session.shown.labels.mode == "pan_zoom"
    assert shown(panel, 3, "cell_class") == "blast"
    table.select([3])
    tab(panel).keys["2"]()
    assert classes(panel) == {1: "blast", 3: "lymphocyte"}
    press(panel, Qt.Key.Key_6)
    assert classes(panel) == {1: "blast"}
    for after in ({1: "blast", 3: "lymphocyte"}, {1: "blast", 3: "blast"}, {}):
        panel.review.undo.click()
        assert classes(panel) == after
        assert shown(panel, 3, "cell_class") == after.get(3)
    panel.review.redo.click()
    session.gesture(T["Delete"], [(45, 55)])
    assert classes(panel) == {1: "blast"}, "a class goes with its cell"
    session.undo()
    assert classes(panel) == {1: "blast", 3: "blast"}
    table.select([])
    tab(panel).classify("blast")
    assert "Select cells first" in panel.state.text()
    panel.tabs.bar.setCurrentIndex(0)
    press(panel, Qt.Key.Key_2)
    assert session.shown.labels.mode == "paint", "in other tabs the numbers are napari's"
    log = (session.project.layout.folder / "log" / "b.jsonl").read_text()
    assert '"class"' in log


def test_the_table_sorts_and_keeps_its_columns(panel):
    listed = tab(panel).list
    table = listed.table
    table.select([2])
    column = model(panel).columns.index("area_px")
    table.sortByColumn(column, Qt.SortOrder.AscendingOrder)
    assert model(panel).labels == [2, 1, 3]
    assert table.selected == [2]
    table.sortByColumn(model(panel).columns.index("certainty"), Qt.SortOrder.DescendingOrder)
    assert model(panel).labels == [1, 2, 3], "without values the labels decide"
    listed.actions_of_columns["solidity"].trigger()
    assert "solidity" in model(panel).columns
    assert "solidity" in recall("review/cell_columns")
    assert table.selected == [2]
    assert not listed.actions_of_columns["area_um2"].isVisible(), "the image is not calibrated"
    assert model(panel).headerData(0, Qt.Orientation.Horizontal) == "Cell"


def test_classes_of_ones_own_are_kept_in_the_project(panel):
    dialog_of = tab(panel)
    dialog_of.edit_classes()
    dialog = dialog_of.findChild(ClassesDialog)
    dialog.table.item(0, 0).setText("lymphocyte")
    dialog.accept()
    assert "twice" in dialog.problem.text()
    dialog.table.item(0, 0).setText("prolymphocyte")
    dialog.table.item(0, 1).setText("#123456")
    dialog.accept()
    assert classes_of(panel.session.project.manifest).classes[0] == CellClass(name="prolymphocyte", colour="#123456")
    assert "prolymphocyte" in dialog_of.classes.buttons
    tab(panel).list.table.select([1])
    dialog_of.keys["1"]()
    assert classes(panel) == {1: "prolymphocyte"}
