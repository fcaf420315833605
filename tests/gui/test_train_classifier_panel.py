import json

import pytest
from npe2 import PluginManager, PluginManifest
from PIL import Image

from napari_all.classes import SUBTYPES
from napari_all.data.synthetic import make_smear
from napari_all.gui.model_chooser import SCRATCH
from napari_all.gui.subtype import SubtypePanel
from napari_all.gui.train_classifier import TrainClassifierPanel
from napari_all.networks.zoo import list_models
from napari_all.workflows.train_classifier_config import TrainClassifierConfig

CLUSTERS = 5


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A data set with a folder per subtype and a table of groups: five clusters of two images each."""
    root = tmp_path_factory.mktemp("classifier") / "all"
    rows = ["class,file,overlap_group,appearance_cluster"]
    for label, name in enumerate(("Benign", "Early", "Pre", "Pro")):
        (root / "Original" / name).mkdir(parents=True)
        for number in range(2 * CLUSTERS):
            seed = 2 * CLUSTERS * label + number
            Image.fromarray(make_smear(seed, (48, 48), 16.0).rgb).save(root / "Original" / name / f"{seed}.png")
            rows.append(f"{name},{seed}.png,{seed},{name}-{number // 2}")
    (root / "overlap_groups.csv").write_text("\n".join(rows) + "\n")
    return root


@pytest.fixture
def wait(qtbot):
    """Wait longer than other tests: each training starts a process that imports torch and Lightning."""
    return lambda condition: qtbot.waitUntil(condition, timeout=250_000)


@pytest.fixture(autouse=True)
def tidy(own_models):
    """Take away what a test left in the folder of models, which the engines share."""
    yield
    for path in own_models.glob("my-classifier.*"):
        path.unlink()


@pytest.fixture
def plugin(monkeypatch):
    """Let napari open this plugin's widgets by their names."""
    manager = PluginManager()
    manager.register(PluginManifest.from_distribution("napari-all"))
    monkeypatch.setattr(PluginManager, "instance", classmethod(lambda cls: manager))


def fill(panel, data, output, epochs):
    """Ask for a training that takes seconds."""
    settings = panel.settings
    settings.data.line.setText(str(data))
    settings.output.line.setText(str(output))
    settings.main.editor("epochs").box.setValue(epochs)
    settings.main.editor("batch_size").box.setValue(4)
    settings.main.editor("device").set_values(("cpu",))
    settings.side.editor("size_px").box.setValue(32)
    steps = settings.more.editor("steps_per_epoch")
    steps.automatic.setChecked(False)
    steps.box.setValue(1)
    settings.more.editor("patience").box.setValue(10_000)


def checked(panel, wait):
    panel.check.click()
    wait(lambda: panel.job is None)
    return panel.told.text()


def test_a_training_is_checked_drawn_judged_and_its_model_goes_to_the_subtype_panel(
    make_napari_viewer, plugin, data, tmp_path, wait
):
    viewer = make_napari_viewer(show=True)
    _, panel = viewer.window.add_plugin_dock_widget("napari-all", "Train classifier")
    assert not panel.check.isEnabled()
    fill(panel, data, tmp_path / "run", epochs=2)
    assert not panel.train.isEnabled()
    told = checked(panel, wait)
    assert "none on both sides of training and test" in told, panel.state.text()
    assert all(name in told for name in SUBTYPES.names)
    assert not (tmp_path / "run").exists(), "a check writes nothing"
    assert panel.settings.flatters.isHidden()
    panel.settings.split.setCurrentIndex(panel.settings.split.findData("random"))
    assert not panel.train.isEnabled(), "what was checked is not what would be trained on"
    assert not panel.settings.flatters.isHidden()
    panel.settings.split.setCurrentIndex(panel.settings.split.findData("grouped"))
    checked(panel, wait)
    panel.train.click()
    wait(lambda: panel.job is None)
    assert (tmp_path / "run" / "report.json").exists(), panel.state.text()
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert [row["epoch"] for row in panel.view.curves.rows] == [1, 2]
    assert "test accuracy" in panel.view.epoch.text()
    outcome = panel.view.outcome.text()
    assert f"test: {100 * report['test']['measures']['accuracy']['value']:.1f}" in outcome
    assert "Only the test part is a fair measure" in outcome
    assert "diagnosis" not in outcome.lower()
    assert panel.view.picture.isVisible()
    panel.view.use.click()
    wait(lambda: panel.job is None)
    assert "my-classifier" in list_models("classification")
    subtype = next(w for w in viewer.window.dock_widgets.values() if isinstance(w, SubtypePanel))
    assert subtype.model.selected == "my-classifier"


def test_a_stopped_training_keeps_its_best_epoch_and_can_be_gone_on_with(open_panel, data, tmp_path, wait, monkeypatch):
    panel, run = open_panel(TrainClassifierPanel), tmp_path / "run"
    fill(panel, data, run, epochs=10_000)
    checked(panel, wait)
    panel.train.click()
    wait(lambda: len(panel.view.curves.rows) >= 1)
    panel.foot.cancel.click()
    wait(lambda: panel.job is None)
    assert "the best epoch was kept" in panel.view.outcome.text()
    assert (run / "my-classifier.safetensors").exists()
    asked = []
    monkeypatch.setattr(panel, "ask_about", lambda output: asked.append(output))
    panel.train.click()
    assert asked == [run]
    assert panel.job is None, "who does not choose changes nothing"


def test_the_form_gives_the_command_lines_configuration_and_is_remembered(open_panel, data, tmp_path):
    panel = open_panel(TrainClassifierPanel)
    settings = panel.settings
    assert settings.config() == TrainClassifierConfig()
    settings.backbone.setCurrentText("mobilenet_v2")
    settings.view.setCurrentIndex(settings.view.findData("cells"))
    settings.side.editor("size_px").automatic.setChecked(True)
    settings.split.setCurrentIndex(settings.split.findData("file"))
    assert not settings.ready()
    settings.split_file.line.setText(str(tmp_path / "split.json"))
    settings.data.line.setText(str(data))
    settings.column.setText("patient")
    settings.variation.editor("flip").box.click()
    settings.more.editor("choose_by").set_values(("loss",))
    config = settings.config()
    assert (config.backbone, config.view, config.size_px) == ("mobilenet_v2", "cells", None)
    assert (config.split, config.group_column) == (str(tmp_path / "split.json"), "patient")
    assert config.training.variation.flip is False
    assert panel.plots().best([{"epoch": 1.0, "val_loss": 0.5}, {"epoch": 2.0, "val_loss": 0.7}]) == 1
    again = TrainClassifierPanel(panel.viewer)
    assert again.settings.request() == settings.request()
    assert not again.train.isEnabled()
    settings.start.choose("subtype-cellnet")
    assert not settings.backbone.isEnabled()
    config = settings.config()
    assert (config.init, config.backbone, config.shown.name) == ("subtype-cellnet", "cellnet", "balanced+mask")
    assert config.size_px == 128
    settings.start.choose(SCRATCH)
    assert settings.backbone.isEnabled()
