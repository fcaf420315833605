import numpy as np
import pytest
from napari.utils.shortcuts import default_shortcuts
from qtpy.QtCore import QEvent, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_all.gui.correct import CorrectPanel
from napari_all.gui.corrections import TOOLS
from napari_all.gui.layers import Origin, labels_layer, origin
from napari_all.io.sidecar import Sidecar

GAP = ((30, 30), (30, 70))


def disc(shape, y, x, radius):
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return (rows - y) ** 2 + (columns - x) ** 2 <= radius**2


@pytest.fixture
def scene():
    """Five cells on white: 1 whole, 2 and 3 touching, 4 with a hole, and one without a label at (95, 100)."""
    shape = (120, 160)
    labels = np.zeros(shape, np.int32)
    labels[disc(shape, 30, 30, 12)] = 1
    labels[disc(shape, 30, 70, 12)] = 2
    labels[disc(shape, 30, 91, 10) & (labels == 0)] = 3
    labels[disc(shape, 80, 40, 14) & ~disc(shape, 80, 40, 3)] = 4
    rgb = np.full((*shape, 3), (250, 246, 250), np.uint8)
    rgb[labels > 0] = (120, 60, 160)
    rgb[disc(shape, 95, 100, 11)] = (120, 60, 160)
    return rgb, labels


@pytest.fixture
def panel(open_panel, scene, wait):
    rgb, labels = scene
    panel = open_panel(CorrectPanel, rgb)
    image = panel.viewer.layers["image 0"]
    sidecar = Sidecar(image="smear.png", image_sha256="ab" * 32, parts="nucleus+cytoplasm", method="unet")
    classes = np.where(labels > 0, 2, 0).astype(np.uint8)
    panel.viewer.add_layer(labels_layer(labels, "cells", Origin(sidecar, classes, image)))
    wait(lambda: len(panel.layer.features) == 4)
    return panel


def canvas(panel):
    return panel.viewer.window._qt_viewer.canvas


def position(panel, point):
    """Where a (y, x) of the image is on the canvas."""
    y, x = point
    return canvas(panel).view.scene.transform.map([x, y])[:2]


def mouse(panel, *points):
    """Press, drag through `points` (y, x) and release, by the events that Qt sends for a mouse."""
    native = canvas(panel).native
    button, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    kinds = QEvent.Type
    places = [QPointF(*position(panel, point)) for point in points]
    steps = [(kinds.MouseButtonPress, places[0], button, button)]
    steps += [(kinds.MouseMove, place, none, button) for place in places[1:]]
    steps += [(kinds.MouseButtonRelease, places[-1], button, none)]
    for kind, place, changed, held in steps:
        where = QPointF(native.mapToGlobal(place.toPoint()))
        event = QMouseEvent(kind, place, where, changed, held, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(native, event)
        QTest.qWait(12)  # vispy drops moves that follow each other within 5 ms


def use(panel, name, *gestures):
    panel.buttons[name].click()
    for gesture in gestures:
        mouse(panel, *gesture)


CASES = {
    "New cell": ([[(95, 100)]], lambda before, after: after[95, 100] == 5 and abs((after == 5).sum() - 380) < 80),
    "Outline": (
        [[(95, 100), (95, 112), (107, 112), (107, 100), (95, 100)]],
        lambda before, after: (after == 5).sum() >= 100,
    ),
    "Delete": ([[(30, 30)]], lambda before, after: not (after == 1).any() and (after == 2).any()),
    "Merge": ([[(30, 70)], [(30, 92)]], lambda before, after: after[30, 92] == 2 and not (after == 3).any()),
    "Split": ([[(10, 30), (30, 30), (50, 30)]], lambda before, after: (after == 5).sum() > 150),
    "Grow": ([[(30, 30)]], lambda before, after: (after == 1).sum() > (before == 1).sum()),
    "Shrink": ([[(30, 30)]], lambda before, after: (after == 1).sum() < (before == 1).sum()),
    "Fill holes": ([[(80, 30)]], lambda before, after: after[80, 40] == 4),
    "Smooth": ([[(80, 30)]], lambda before, after: not np.array_equal(before == 4, after == 4)),
}


def test_each_tool_is_one_undo_step(panel, scene):
    assert set(panel.buttons) == {*CASES, "Auto split", "Snap", "Fill all", "Smooth all", "Renumber"}
    panel.layer.data[80, 54:58] = 4  # a tooth to smooth away
    before = panel.layer.data.copy()
    for name, (gestures, holds) in CASES.items():
        use(panel, name, *gestures)
        after = panel.layer.data.copy()
        assert holds(before, after), name
        panel.undo.click()
        np.testing.assert_array_equal(panel.layer.data, before, err_msg=f"undo of {name}")
        panel.redo.click()
        np.testing.assert_array_equal(panel.layer.data, after, err_msg=f"redo of {name}")
        panel.undo.click()
        panel.buttons[name].click()


def test_tools_of_all_cells_work_at_once(panel):
    panel.buttons["Fill all"].click()
    assert panel.layer.data[80, 40] == 4
    panel.undo.click()
    assert panel.layer.data[80, 40] == 0
    panel.layer.data[30, 42:46] = 1
    panel.buttons["Smooth all"].click()
    assert not panel.layer.data[30, 44:46].any()
    panel.layer.data[panel.layer.data == 1] = 9
    panel.buttons["Renumber"].click()
    assert set(np.unique(panel.layer.data)) == {0, 1, 2, 3, 4}
    assert panel.tools.tool is None


def test_a_cell_is_cut_at_its_waist_and_its_edge_goes_to_that_of_the_image(panel):
    panel.layer.data[panel.layer.data == 3] = 2
    use(panel, "Auto split", [(30, 70)])
    assert len(np.unique(panel.layer.data)) == 5
    panel.layer.data[disc(panel.layer.data.shape, 30, 30, 14)] = 1
    use(panel, "Snap", [(30, 30)])
    found, true = panel.layer.data == 1, disc(panel.layer.data.shape, 30, 30, 12)
    assert (found != true).mean() < 0.002


def test_table_count_and_status_follow_an_edit_and_its_undo(panel, wait):
    assert panel.count.text().startswith("4 ")
    assert origin(panel.layer).sidecar.status == "predicted"
    use(panel, "Delete", [(30, 30)])
    wait(lambda: list(panel.layer.features["index"]) == [2, 3, 4])
    assert panel.count.text().startswith("3 ")
    assert origin(panel.layer).sidecar.status == "corrected"
    assert panel.corrected.isChecked()
    panel.layer.undo()
    wait(lambda: list(panel.layer.features["index"]) == [1, 2, 3, 4])
    assert panel.count.text().startswith("4 ")


def test_a_stroke_of_napari_s_own_brush_updates_the_table_too(panel, wait):
    panel.layer.paint((95, 100), 9)
    wait(lambda: 9 in set(panel.layer.features["index"]))


def test_the_corrected_mark_can_be_set_and_taken_back(panel):
    panel.corrected.click()
    assert origin(panel.layer).sidecar.status == "corrected"
    panel.corrected.click()
    assert origin(panel.layer).sidecar.status == "predicted"


def test_keys_work_on_the_canvas(panel, qtbot):
    native = canvas(panel).native
    native.setFocus()
    QTest.keyClick(native, Qt.Key.Key_D)
    assert panel.tools.tool.name == "Delete"
    mouse(panel, (30, 30))
    assert not (panel.layer.data == 1).any()
    QTest.keyClick(native, Qt.Key.Key_D)
    assert panel.tools.tool is None
    QTest.keyClick(native, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert (panel.layer.data == 1).any()


def test_keys_are_free_on_labels_layers_and_in_the_viewer():
    others = ("points", "shape", "vectors", "tracks", "surface", "image", "orient", "vertex", "select_", "direct")
    taken = {
        str(binding)
        for name, bindings in default_shortcuts.items()
        for binding in bindings
        if not any(word in name for word in (*others, "add_", "shapes", "polygon_lasso"))
    }
    assert {"E", "M"} <= taken
    assert taken.isdisjoint({tool.key for tool in TOOLS})


def test_a_click_beside_every_cell_says_so_and_changes_nothing(panel, scene, notes):
    use(panel, "Delete", [(60, 140)])
    np.testing.assert_array_equal(panel.layer.data, scene[1])
    assert any("no cell" in note for note in notes)


def test_a_drag_with_a_click_tool_moves_the_picture_and_edits_nothing(panel, scene):
    use(panel, "Delete", [(30, 30), (40, 40), (60, 60)])
    assert panel.viewer.camera.mouse_pan
    np.testing.assert_array_equal(panel.layer.data, scene[1])


def test_a_drawing_tool_holds_the_picture_still_while_it_is_up(panel):
    panel.buttons["Split"].click()
    assert not panel.viewer.camera.mouse_pan
    panel.buttons["Split"].click()
    assert panel.viewer.camera.mouse_pan


def test_drawing_leaves_no_layer_behind_and_the_labels_active(panel):
    layers = list(panel.viewer.layers)
    use(panel, "Split", [(10, 30), (30, 30), (50, 30)])
    assert list(panel.viewer.layers) == layers
    assert panel.viewer.layers.selection.active is panel.layer
    assert panel.layer.data.max() == 5


def test_saving_and_reading_back_loses_nothing(panel, tmp_path, wait):
    use(panel, "Delete", [(30, 30)])
    panel.layer.data_setitem((np.array([60, 60]), np.array([140, 141])), 6)  # an added cell is part of the classes
    wait(lambda: 6 in set(panel.layer.features["index"]))
    path = tmp_path / "smear_labels.tif"
    panel.save_to(path)
    wait(lambda: "Saved" in panel.state.text())
    layer = panel.layer
    panel.open_from(path)
    again = panel.layer
    assert again is not layer
    np.testing.assert_array_equal(again.data, layer.data)
    assert origin(again).sidecar.status == "corrected"
    assert origin(again).sidecar.image_sha256 == "ab" * 32
    assert set(np.unique(origin(again).classes[again.data > 0])) == {1, 2}
    assert not origin(again).classes[again.data == 0].any()
    columns = ["index", "area_px", "nucleus_area_px"]
    assert again.features[columns].to_numpy().tolist() == layer.features[columns].to_numpy().tolist()


def test_a_failed_save_is_told(panel, tmp_path, wait, notes):
    (tmp_path / "file").write_text("in the way")
    panel.save_to(tmp_path / "file" / "smear_labels.tif")
    wait(lambda: any("cannot write" in note for note in notes))


def test_removing_the_layer_lays_the_tool_down(panel):
    panel.buttons["Split"].click()
    panel.viewer.layers.remove(panel.layer)
    assert panel.tools.tool is None
    assert panel.layer is None
    assert not panel.buttons["Split"].isEnabled()


def test_the_keys_are_given_back_when_the_panel_goes(panel):
    native = canvas(panel).native
    panel.parentWidget().hide()
    QTest.keyClick(native, Qt.Key.Key_D)
    assert panel.tools.tool is None
    panel.parentWidget().show()
    QTest.qWait(50)
    QTest.keyClick(native, Qt.Key.Key_D)
    assert panel.tools.tool.name == "Delete"
