"""The Review widget: what predicts, predicting again, proposals taken cell by cell, and learning from corrections."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from review_of_tests import SHAPE, make_project

from napari_all.data.synthetic import make_smear
from napari_all.gui.model_chooser import SCRATCH
from napari_all.gui.review import ReviewPanel
from napari_all.gui.review_learn import LearnTab
from napari_all.gui.review_predictor import SETTING, predictor_of, remembered
from napari_all.io.sidecar import Sidecar
from napari_all.project.create import create_project
from napari_all.project.planes import Pixels
from napari_all.project.predicting import take_prediction
from napari_all.project.project import Project
from napari_all.project.proposals import proposed_images
from napari_all.workflows.train_config import make_train_config

TINY = make_train_config(
    ["steps_per_epoch=2", "batch_size=2", "patch_px=32", "cell_px=24", "device=cpu", "precision=float32"]
)


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
    assert session.project.desk.history.to_undo[0].change.tool == "take over"
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


def test_a_training_says_before_what_it_learns_from_and_afterwards_what_it_gained(open_panel, tmp_path, wait):
    panel = open_panel(ReviewPanel)
    assert panel.open_project(corrected_project(tmp_path, ("s0", "s1", "s2")))
    panel.tabs.show_tab(LearnTab)
    box, session = panel.tabs.of(LearnTab).training, panel.session
    wait(lambda: "3 images are corrected or accepted, 4 are needed" in box.told.text())
    assert not box.train.isEnabled()
    for name in ("s3.png", "s4.png"):
        session.go_to(name)
        panel.review.accept.click()
    wait(box.train.isEnabled)
    assert "5 images are corrected or accepted: 4 to train on, 1 kept aside" in box.told.text()
    box.form.base = TINY
    box.form.epochs.setValue(1)
    box.form.start_from.choose(SCRATCH)
    box.train.click()
    wait(lambda: box.job is not None)
    assert box.stop.isVisible()
    session.next()  # the window stays free
    wait(lambda: box.job is None)
    run = tmp_path / "project" / "models" / "project-1"
    assert "after: Dice" in box.view.outcome.text()
    assert len(box.view.curves.rows) == 1
    assert box.view.picture.isVisible()
    assert (run / "project-1.safetensors").exists()
    begun = []
    panel.tabs.of(LearnTab)._predicting.begin = begun.append  # the network takes too long here
    box.view.use.click()
    assert begun == [["s5.png"]]
    told = session.project.manifest.settings[SETTING]
    assert told["config"]["settings"]["model"] == "models/project-1/project-1.safetensors"
    assert predictor_of(session.project).settings["model"] == str(run / "project-1.safetensors")
    panel.close_project()


def test_a_training_that_is_stopped_keeps_its_best_epoch(open_panel, tmp_path, wait):
    panel = open_panel(ReviewPanel)
    assert panel.open_project(corrected_project(tmp_path, ("s0", "s1", "s2", "s3")))
    panel.tabs.show_tab(LearnTab)
    box = panel.tabs.of(LearnTab).training
    box.form.base = TINY
    box.form.epochs.setValue(1000)
    box.form.start_from.choose(SCRATCH)
    wait(box.train.isEnabled)
    box.train.click()
    wait(lambda: len(box.view.curves.rows) >= 1)
    wait(lambda: "left" in box.stage.text())
    box.stop.click()
    assert box.stop.text() == "Stop at &once"
    wait(lambda: box.job is None)
    assert "the best epoch was kept" in box.view.outcome.text()
    panel.close_project()


def corrected_project(folder: Path, accepted: tuple[str, ...]) -> Path:
    """Make a project of six painted smears whose true labels are there; some are accepted."""
    images = folder / "images"
    images.mkdir()
    smears = {f"s{n}.png": make_smear(n, (176, 176), 24.0, n_white=3, scale_bar=False) for n in range(6)}
    for name, smear in smears.items():
        Image.fromarray(smear.rgb).save(images / name)
    create_project(folder / "project", images)
    with Project(folder / "project", pause_s=0.01) as project:
        for name, smear in smears.items():
            take_prediction(project, name, Pixels.of(smear.labels, smear.classes), Sidecar(parts="nucleus+cytoplasm"))
            if name.removesuffix(".png") in accepted:
                project.set_status(name, "accepted")
    return folder / "project"


def test_new_images_are_added_by_a_button(panel, wait, folder):
    session = panel.session
    panel.review.add.click()
    wait(lambda: "No new image in 'images'" in panel.state.text())
    Image.fromarray(np.full((*SHAPE, 3), 230, np.uint8)).save(folder.parent / "images" / "d.png")
    panel.review.add.click()
    wait(lambda: "1 image added" in panel.state.text())
    assert session.names == ("a.png", "b.png", "c.png", "d.png")
    assert panel.review.predict.text().startswith("Predict 2 images without labels")
