"""The Review widget: what predicts, predicting again, proposals taken cell by cell, and learning from corrections."""

import numpy as np
import pytest
from review_of_tests import SHAPE, make_project

from napari_all.gui.review import ReviewPanel
from napari_all.gui.review_learn import LearnTab
from napari_all.gui.review_predictor import SETTING, predictor_of, remembered
from napari_all.io.masks import Sidecar
from napari_all.project.planes import Pixels
from napari_all.project.predicting import take_prediction
from napari_all.project.project import Project
from napari_all.project.proposals import proposed_images


def proposed() -> Pixels:
    """Cell 1 is larger, 2 is gone, 9 is new, when compared with the prediction of two cells."""
    labels = np.zeros(SHAPE, np.int32)
    labels[6:26, 6:24] = 1
    labels[40:56, 50:66] = 9
    return Pixels.of(labels, np.where(labels > 0, 2, 0))


@pytest.fixture
def folder(tmp_path):
    """Image `a` is accepted and has a proposal."""
    folder = make_project(tmp_path)
    with Project(folder, pause_s=0.01) as project:
        project.set_status("a.png", "accepted")
        assert take_prediction(project, "a.png", proposed(), Sidecar(method="lab")) == "proposal"
    return folder


@pytest.fixture
def panel(open_panel, folder, wait):
    panel = open_panel(ReviewPanel)
    assert panel.open_project(folder)
    yield panel
    panel.close_project()


def shown(panel, wait):
    """Go to the image that has a proposal, and wait until its cells are compared."""
    panel.session.go_to("a.png")
    wait(lambda: panel.proposals.found is not None)
    return panel.proposals


def test_proposed_cells_are_taken_by_click_or_all_and_undone_with_all_else(panel, wait):
    box, session = panel.proposals, panel.session
    assert session.current == "b.png"
    assert "None for this image. 1 other image has a proposal." in box.line.text()
    box.next.click()
    assert session.current == "a.png"
    wait(lambda: box.found is not None)
    assert box.isVisible()
    assert {offer.kind for offer in box.found.offers} == {"new", "changed", "gone"}
    assert box.layer.data[50, 60] == 1
    assert panel.viewer.layers.selection.active is session.shown.labels, "what is proposed does not take the tools"
    before = session.shown.pixels.copy()
    box.click.click()
    assert panel.viewer.layers.selection.active is box.layer
    box._on_click(None, [(0, 0)])
    assert "No cell" in panel.state.text()
    box._on_click(None, [(50, 60)])
    assert session.shown.pixels.labels[50, 60] > 0
    assert session.entry.status == "in work"
    assert session.project.desk.history.to_undo.change.tool == "take over"
    assert box.layer.data[50, 60] == 0
    assert session.shown.pixels.labels[7, 7] == 0, "the others stay"
    wait(lambda: len(box.found.offers) == 2)
    box.layer.undo()  # what Ctrl+Z on the canvas calls
    assert session.shown.pixels.same(before)
    assert session.entry.status == "accepted"
    wait(lambda: len(box.found.offers) == 3)
    box.all.click()
    np.testing.assert_array_equal(session.shown.pixels.labels > 0, proposed().labels > 0)
    assert session.shown.pixels.same(session.project.load("a.png").pixels)
    panel.review.undo.click()
    assert session.shown.pixels.same(before)


def test_what_a_person_worked_on_is_not_taken_with_all_and_a_proposal_is_put_away(panel, wait, folder):
    session = panel.session
    box = shown(panel, wait)
    labels = session.shown.labels
    labels.data_setitem((np.array([10]), np.array([10])), 0)
    wait(lambda: sum(offer.corrected for offer in box.found.offers) == 1)
    assert "1 of them where you have worked" in box.line.text()
    box.all.click()
    assert session.shown.pixels.labels[10, 10] == 0
    assert session.shown.pixels.labels[50, 60] > 0
    layer = box.layer
    box.away.click()
    assert layer not in panel.viewer.layers
    assert not box.isVisible()
    wait(lambda: not proposed_images(session.project.layout, session.project.images))


def test_images_are_predicted_again_by_what_was_chosen_and_the_project_records_it(panel, wait, folder):
    panel.tabs.show_tab(LearnTab)
    tab, session = panel.tabs.of(LearnTab), panel.session
    assert tab.predictor.config().settings["model"] == "smear-unet"
    setting = session.project.manifest.settings[SETTING]
    assert setting["config"]["method"] == "unet"
    assert len(setting["model_sha256"]) == 64
    tab.predictor.method.setCurrentIndex(tab.predictor.method.findData("lab"))
    tab.predictor.method.activated.emit(tab.predictor.method.currentIndex())
    assert not tab.predictor.model.isVisible()
    assert session.project.manifest.settings[SETTING]["config"]["method"] == "lab"
    assert remembered().method == "lab"
    tab.propose.setChecked(False)
    assert tab.again.text().startswith("Predict 2 images")
    tab.propose.setChecked(True)
    assert tab.again.text().startswith("Predict 3 images")
    session.go_to("a.png")
    before = session.shown.pixels.copy()
    tab.again.click()
    assert not tab.again.isEnabled()
    wait(lambda: not panel.predicting.running)
    assert session.shown.pixels.same(before)
    assert {entry.image: entry.status for entry in session.project.entries} == {
        "a.png": "accepted", "b.png": "predicted", "c.png": "predicted",
    }  # fmt: skip
    assert session.project.load("b.png").sidecar.method == "lab"
    assert panel.proposals.images == {"a.png"}
    panel.close_project()
    with Project(folder) as project:
        assert predictor_of(project).method == "lab"
