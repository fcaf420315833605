import json

import pytest
from npe2 import PluginManager, PluginManifest
from PIL import Image

from napari_all.data.synthetic import make_smear
from napari_all.gui.model_chooser import SCRATCH
from napari_all.gui.train import TrainPanel
from napari_all.gui.train_view import duration
from napari_all.gui.unet import UNetPanel
from napari_all.networks.zoo import list_models
from napari_all.training.curves import read_curves
from napari_all.workflows.train_config import TrainSegmenterConfig


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Four small smears, three of them with a mask."""
    root = tmp_path_factory.mktemp("training")
    for name in ("images", "masks"):
        (root / name).mkdir()
    for seed in range(4):
        smear = make_smear(seed, (96, 96), 24.0)
        Image.fromarray(smear.rgb).save(root / "images" / f"smear{seed}.png")
        if seed < 3:
            Image.fromarray(smear.classes).save(root / "masks" / f"smear{seed}_mask.png")
    return root


@pytest.fixture
def wait(qtbot):
    """Wait longer than other tests: each training starts a process that imports torch and Lightning."""
    return lambda condition: qtbot.waitUntil(condition, timeout=150_000)


@pytest.fixture(autouse=True)
def tidy(own_models):
    """Take away what a test left in the folder of models, which the engines share."""
    yield
    for path in own_models.glob("my-unet.*"):
        path.unlink()


@pytest.fixture
def plugin(monkeypatch):
    """Let napari open this plugin's widgets by their names."""
    manager = PluginManager()
    manager.register(PluginManifest.from_distribution("napari-all"))
    monkeypatch.setattr(PluginManager, "instance", classmethod(lambda cls: manager))


@pytest.fixture
def panel(open_panel):
    return open_panel(TrainPanel)


def fill(panel, data, output, epochs):
    """Ask for a training that takes seconds: the smallest steps from the shipped model."""
    settings = panel.settings
    settings.images.line.setText(str(data / "images"))
    settings.masks.line.setText(str(data / "masks"))
    settings.output.line.setText(str(output))
    settings.main.editor("epochs").box.setValue(epochs)
    settings.main.editor("device").set_values(("cpu",))
    steps = settings.more.editor("steps_per_epoch")
    steps.automatic.setChecked(False)
    steps.box.setValue(1)
    settings.more.editor("batch_size").box.setValue(2)
    settings.more.editor("patch_px").box.setValue(32)
    settings.more.editor("patience").box.setValue(10_000)


def checked(panel, wait):
    panel.check.click()
    wait(lambda: panel.job is None)
    return panel.told.text()


def table(panel):
    return [[panel.pairs.item(row, column).text() for column in (0, 1)] for row in range(panel.pairs.rowCount())]


def test_the_data_are_checked_before_anything_long(panel, data, tmp_path, wait):
    assert not panel.check.isEnabled()
    assert not panel.train.isEnabled()
    fill(panel, data, tmp_path / "run", epochs=1)
    assert not panel.train.isEnabled()
    told = checked(panel, wait)
    assert "3 images with a mask: 2 to train on, 1 to validate on" in told
    assert "the network learns background, cytoplasm, nucleus" in told
    assert "no groups were given" in told
    assert table(panel) == [
        ["smear3.png", "✖ no mask: left out"],
        *[[f"smear{i}.png", f"smear{i}_mask.png"] for i in range(3)],
    ]
    assert panel.train.isEnabled()
    assert not (tmp_path / "run").exists(), "a check writes nothing"
    panel.settings.rules.editor("validation_share").box.setValue(0.5)
    assert not panel.train.isEnabled(), "what was checked is not what would be trained on"
    assert panel.told.isHidden()


def test_wrong_data_are_told_and_cannot_be_trained_on(panel, data, tmp_path, wait, notes):
    fill(panel, data, tmp_path / "run", epochs=1)
    (tmp_path / "empty").mkdir()
    panel.settings.masks.line.setText(str(tmp_path / "empty"))
    checked(panel, wait)
    assert "no image of 'images' has a mask in 'empty'" in panel.state.text()
    assert any("error" in note and "has a mask" in note for note in notes)
    assert not panel.train.isEnabled()
    panel.settings.masks.line.setText(str(data / "masks"))
    panel.settings.name.setText("smear-unet")
    panel.check.click()
    assert "ships with napari-all" in panel.state.text()
    assert panel.job is None


def test_a_training_draws_its_curves_and_its_model_goes_to_the_unet_panel(
    make_napari_viewer, plugin, data, tmp_path, wait, monkeypatch
):
    viewer = make_napari_viewer(show=True)
    _, panel = viewer.window.add_plugin_dock_widget("napari-all", "Train segmenter")
    fill(panel, data, tmp_path / "run", epochs=2)
    checked(panel, wait)
    stages = []
    panel.train.click()
    panel.job.progressed.connect(lambda stage, *_: stages.append(panel.foot.stage.text()))
    wait(lambda: panel.job is None)
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert [row["epoch"] for row in panel.view.curves.rows] == [1, 2]
    assert f"after: Dice {report['after']['dice']:.4f}" in panel.view.outcome.text()
    assert any("left" in stage for stage in stages)
    assert panel.view.picture.isVisible()
    panel.view.picture.larger.click()
    assert panel.view.picture.dialog.isVisible()
    panel.view.picture.dialog.close()
    panel.view.use.click()
    wait(lambda: panel.job is None)
    assert "my-unet" in list_models("segmentation")
    unet = next(w for w in viewer.window.dock_widgets.values() if isinstance(w, UNetPanel))
    assert unet.model.selected == "my-unet"
    wait(lambda: unet.device_line.text().startswith("Device: ") and "starting" not in unet.device_line.text())
    monkeypatch.setattr(panel, "may_replace", lambda name: False)
    panel.view.use.click()
    assert panel.job is None, "an imported model is not replaced unasked"


def test_a_training_can_be_stopped_at_once_gone_on_with_and_stopped_with_its_best(
    panel, data, tmp_path, wait, monkeypatch
):
    run = tmp_path / "run"
    fill(panel, data, run, epochs=10_000)
    checked(panel, wait)
    panel.train.click()
    wait(lambda: len(panel.view.curves.rows) >= 1)
    panel.foot.cancel.click()
    panel.foot.cancel.click()
    wait(lambda: panel.job is None)
    assert "Stopped at once" in panel.state.text()
    assert not (run / "my-unet.safetensors").exists()
    asked = []
    monkeypatch.setattr(panel, "ask_about", lambda output: asked.append(output) or "resume")
    panel.train.click()
    before = len(read_curves(run))
    wait(lambda: len(panel.view.curves.rows) > before)
    assert asked == [run]
    panel.foot.cancel.click()
    assert panel.foot.cancel.text() == "Stop at once"
    wait(lambda: panel.job is None)
    assert "the best epoch was kept" in panel.view.outcome.text()
    assert (run / "my-unet.safetensors").exists()
    assert panel.view.use.isVisible()
    assert panel.foot.cancel.text() == "Cance&l"
    monkeypatch.setattr(panel, "ask_about", lambda output: None)
    panel.train.click()
    assert panel.job is None, "who does not choose changes nothing"


def test_the_form_gives_the_command_lines_configuration_and_is_remembered(panel, data, tmp_path):
    settings = panel.settings
    assert settings.config() == TrainSegmenterConfig(init="smear-unet")
    assert not settings.architecture.isEnabled()
    settings.start.choose(SCRATCH)
    assert settings.config() == TrainSegmenterConfig()
    settings.architecture.setCurrentText("unet")
    settings.encoder.setCurrentText("resnet18")
    settings.balance.setChecked(True)
    settings.more.editor("learning_rate").automatic.setChecked(False)
    settings.augment.editor("flip").box.click()
    settings.groups.line.setText(str(tmp_path / "groups.csv"))
    settings.images.line.setText(str(data / "images"))
    settings.masks.line.setText(str(data / "masks"))
    config = settings.config()
    assert config.backbone() == ("smp", {"architecture": "unet", "encoder": "resnet18"})
    assert config.training.class_weights == "balanced"
    assert config.training.learning_rate == 0.0005
    assert config.training.augment.flip is False
    again = TrainPanel(panel.viewer)
    assert again.settings.config() == config
    assert again.settings.source() == settings.source()
    assert again.settings.source().groups == tmp_path / "groups.csv"
    assert not again.train.isEnabled()


def test_a_time_is_said_as_people_say_it():
    assert [duration(s) for s in (0.2, 40, 600, 6000)] == ["1 s", "40 s", "10 min", "1 h 40 min"]
