"""Projects in the Review widget: made from a folder, predicted in the engine, saved whatever happens, found again."""

import shutil

import pytest
from PIL import Image
from qtpy.QtWidgets import QMessageBox
from review_of_tests import IMAGES, make_project, predicted

from napari_all.errors import SaveError
from napari_all.gui.corrections import TOOLS
from napari_all.gui.memory import recall
from napari_all.gui.review import ReviewPanel
from napari_all.io.sidecar import read_sidecar
from napari_all.project.project import Project
from napari_all.workflows.segment import SegmentConfig

T = {tool.name: tool for tool in TOOLS}


@pytest.fixture
def panel(open_panel):
    panel = open_panel(ReviewPanel)
    yield panel
    panel.close_project()


def delete_first(panel):
    panel.session.gesture(T["Delete"], [(12, 12)])


def test_a_new_project_begins_from_masks_and_predicts_the_rest(panel, tmp_path, wait, monkeypatch):
    made = make_project(tmp_path / "source")
    images, masks = tmp_path / "source" / "images", tmp_path / "masks"
    masks.mkdir()
    Image.fromarray((predicted(2).labels > 0).astype("uint8") * 255).save(masks / "a.png")
    shutil.rmtree(made)
    page = panel.start_page
    page.name.setText("Ada")
    page.name.editingFinished.emit()
    page.images.line.setText(str(images))
    assert page.folder.path == tmp_path / "source" / "images review"
    page.folder.line.setText(str(tmp_path / "new"))
    page.masks.line.setText(str(masks))
    monkeypatch.setattr(panel, "predict", lambda: None)  # the network takes too long here; another method does below
    page.create_new.click()
    wait(lambda: panel.session is not None)
    session = panel.session
    assert session.project.who == "Ada"
    assert session.entry.status == "predicted"
    assert recall("review/recent")[0] == str(tmp_path / "new")
    without = [entry.image for entry in session.project.entries if entry.status == "none"]
    assert len(session.project.images) - len(without) == 1
    session.go_to(without[0])
    assert len(session.shown.cells) == 0
    panel.predicting.queue.begin(without, SegmentConfig(method="lab"), subtypes=False)
    wait(lambda: not panel.predicting.queue.running)
    assert not panel.predicting.queue.failed
    assert {entry.status for entry in session.project.entries} == {"predicted"}
    assert len(session.shown.cells) > 0, "what arrives for the image on the screen is shown"
    assert session.shown.pixels.same(session.project.load(without[0]).pixels)
    assert not panel.review.prediction.isVisible()


def test_while_saving_fails_nobody_moves_on_and_the_project_can_be_saved_elsewhere(panel, tmp_path, wait, monkeypatch):
    panel.open_project(make_project(tmp_path))
    session, saving = panel.session, panel.review.saving

    def refuse(everything):
        raise SaveError("cannot write: no space left on device; free some, or choose another folder")

    monkeypatch.setattr(session.project._logger, "_work", refuse)
    delete_first(panel)
    wait(lambda: "no space left" in saving.line.text())
    panel.review.accept.click()
    assert session.current == "a.png"
    assert session.entry.status == "in work"
    assert "Not saved" in panel.state.text()
    saving.again.click()
    wait(lambda: saving.again.isVisible())
    asked = []
    monkeypatch.setattr(QMessageBox, "warning", lambda *told: asked.append(told) or QMessageBox.StandardButton.Cancel)
    panel.viewer.window._qt_window.close()
    assert asked
    assert panel.viewer.window._qt_window.isVisible(), "the window stays while something is not saved"
    monkeypatch.setattr(session.project._logger, "_work", session.project.desk.write_logs)
    (tmp_path / "a.txt").touch()
    saving.save_elsewhere(tmp_path / "a.txt" / "no folder")
    wait(lambda: "cannot copy the project" in saving.line.text())
    saving.save_elsewhere(tmp_path / "elsewhere")
    assert "Copying the project to elsewhere" in saving.line.text()
    wait(lambda: session.project.layout.folder == tmp_path / "elsewhere")
    wait(lambda: "All changes saved" in saving.line.text())
    panel.review.accept.click()
    assert session.current == "b.png"
    panel.close_project()
    assert read_sidecar(tmp_path / "elsewhere" / "labels" / "a_labels.tif").status == "corrected"


def test_closing_the_window_or_the_dock_saves_and_lets_go(panel, tmp_path, wait):
    folder = make_project(tmp_path)
    panel.open_project(folder)
    delete_first(panel)
    wait(lambda: not panel.session.project.unsaved)
    panel.viewer.window.remove_dock_widget(panel)
    assert panel.session is None
    with Project(folder) as project:
        assert project.entry("a.png").status == "in work"
        assert 1 not in project.load("a.png").pixels.labels
    panel.viewer.window.add_dock_widget(panel)
    panel.open_project(folder)
    panel.session.gesture(T["Delete"], [(12, 30)])
    panel.viewer.close()
    with Project(folder) as project:
        assert not project.load("a.png").pixels.labels.any()


def test_what_a_crash_left_is_told_on_opening_and_an_error_is_shown(panel, tmp_path, notes):
    folder = make_project(tmp_path)
    with Project(folder, pause_s=1000) as project:
        project.set_flag("a.png", True)
    log = folder / "log" / "a.jsonl"
    log.write_bytes(log.read_bytes() + b'{"n": 9, "action": "cha')  # a kill in the middle of a line
    panel.open_project(folder)
    assert "a.png" in panel.state.text()
    assert "dropped" in panel.state.text()
    panel.close_project()
    (tmp_path / "images" / IMAGES[0]).unlink()
    assert panel.start_page.recent.currentData() == str(folder)
    panel.start_page.go_on.click()
    assert panel.session.current == "b.png", "an image that is gone keeps nobody from the others"
    panel.close_project()
    assert not panel.open_project(tmp_path)
    assert any("no project" in note for note in notes)
