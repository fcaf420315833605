import shutil

import pytest
from qtpy.QtWidgets import QFileDialog

from napari_all.gui.model_chooser import LOAD, MODELS, SCRATCH, ModelChooser
from napari_all.networks.zoo import FOLDER_VARIABLE, WEIGHTS_FOLDER


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "models"))
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


def put(folder, name):
    for suffix in (".safetensors", ".json"):
        shutil.copy(WEIGHTS_FOLDER / f"smear-unet{suffix}", folder / f"{name}{suffix}")
    return folder / f"{name}.safetensors"


@pytest.fixture
def chooser(qtbot, folder):
    chooser = ModelChooser("segmentation", "smear-unet", scratch="From scratch")
    qtbot.addWidget(chooser)
    return chooser


def texts(chooser):
    return [chooser.itemText(i) for i in range(chooser.count())]


def test_models_of_its_task_are_offered_and_an_imported_one_at_once(chooser, folder):
    assert texts(chooser) == ["smear-unet", "From scratch", LOAD]
    put(folder, "mine")
    MODELS.changed.emit()
    assert texts(chooser) == ["smear-unet", "mine", "From scratch", LOAD]
    assert chooser.selected == "smear-unet"
    put(folder, "other")  # by the command line
    chooser.showPopup()
    chooser.hidePopup()
    assert "other" in texts(chooser)


def test_a_name_that_came_later_can_be_chosen(chooser, folder, qtbot):
    put(folder, "mine")
    with qtbot.waitSignal(chooser.model_changed) as told:
        chooser.choose("mine")
    assert told.args == ["mine"]
    assert (chooser.selected, chooser.currentText()) == ("mine", "mine")


def test_no_model_can_be_chosen_where_that_is_offered(chooser):
    chooser.choose(SCRATCH)
    assert (chooser.selected, chooser.currentText()) == (SCRATCH, "From scratch")
    chooser.refill()
    assert chooser.selected == SCRATCH


def test_a_model_that_went_away_is_replaced_and_told(chooser, folder, qtbot):
    path = put(folder, "mine")
    chooser.choose("mine")
    path.unlink()
    with qtbot.waitSignal(chooser.model_changed) as told:
        chooser.refill()
    assert told.args == ["smear-unet"]


def test_a_file_is_asked_for_and_remembered(chooser, tmp_path, monkeypatch, qtbot):
    path = str(put(tmp_path, "elsewhere"))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (path, ""))
    chooser._on_activated(chooser.findText(LOAD))
    assert (chooser.selected, chooser.currentText()) == (path, "elsewhere.safetensors")
    again = ModelChooser("segmentation")
    qtbot.addWidget(again)
    assert "elsewhere.safetensors" in texts(again)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: ("", ""))
    chooser._on_activated(chooser.findText(LOAD))
    assert chooser.selected == path, "a dialog that was closed changes nothing"
