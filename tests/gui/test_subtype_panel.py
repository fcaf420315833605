import csv
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from PIL import Image
from qtpy.QtWidgets import QLabel

from napari_all.classes import SUBTYPES
from napari_all.gui.layers import image_notes
from napari_all.gui.prediction_view import STATUS_TEXT, PredictionView
from napari_all.gui.subtype import SubtypePanel
from napari_all.io.tables import PREDICTION_COLUMNS
from napari_all.types import Prediction

MAKE = """
import sys
import numpy as np
import torch
from napari_all.classification.predictor import run_network
from napari_all.classification.unfamiliarity import Familiar
from napari_all.classes import SUBTYPES
from napari_all.data.synthetic import make_smear
from napari_all.data.transforms import prepare
from napari_all.networks.backbones import BACKBONES
from napari_all.networks.checkpoint import InputInfo, ModelCard, save_checkpoint

torch.manual_seed(0)
network = BACKBONES["cellnet"].build().eval()
seen = [prepare(make_smear(seed, (128, 128), 24.0).rgb, 64) for seed in range(8)]
features, _ = run_network(network, np.stack([p.shown for p in seen]))
places = np.concatenate([features, np.stack([p.look for p in seen])], axis=1).astype(np.float32)
directions = np.eye(places.shape[1], 3, dtype=np.float32)
familiar = Familiar(places.mean(0), directions, ((places - places.mean(0)) @ directions).astype(np.float16))
card = ModelCard.parse(dict(
    name="untrained", task="classification", backbone="cellnet", input=InputInfo.parse(dict(size_px=64)),
    classes=SUBTYPES.names, extra=dict(temperature=1.0, review_below=0.0, familiar_distance=1e6),
))
save_checkpoint(sys.argv[1], {**network.state_dict(), **familiar.tensors()}, card)
"""


@pytest.fixture(scope="session")
def untrained(tmp_path_factory):
    """A classifier with random weights, made in a process of its own, for this one must not import torch."""
    path = tmp_path_factory.mktemp("model") / "untrained.safetensors"
    code = [sys.executable, "-c", textwrap.dedent(MAKE), str(path)]
    done = subprocess.run(code, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return path


@pytest.fixture
def panel(open_panel, smear, untrained):
    panel = open_panel(SubtypePanel, smear.rgb)
    panel.model.choose(str(untrained))
    return panel


def classify(panel, wait):
    panel.one.click()
    wait(lambda: panel.job is None and "classified" in panel.state.text())


def test_the_chosen_image_gets_a_prediction_that_stays_with_it(panel, smear, wait):
    classify(panel, wait)
    image = panel.viewer.layers["image 0"]
    prediction = image_notes(image).prediction
    assert prediction.predicted in SUBTYPES.names
    assert sum(prediction.probabilities) == pytest.approx(1)
    assert panel.result.headline.text() == f"Predicted subtype: {prediction.predicted}"
    assert "diagnosis" not in panel.result.headline.text().lower()
    other = panel.viewer.add_image(smear.rgb, name="other")
    panel.chooser.choose(other)
    assert panel.result.headline.text() == "Predicted subtype: –"
    panel.chooser.choose(image)
    assert prediction.predicted in panel.result.headline.text()


def test_the_device_is_named(panel, wait):
    wait(lambda: panel.device_line.text().startswith("Device: ") and "starting" not in panel.device_line.text())


def test_all_layers_are_classified_and_failures_are_listed(panel, smear, wait, notes):
    panel.viewer.add_image(smear.rgb[::-1], name="second")
    panel.viewer.add_image(np.full((40, 40, 3), np.nan), name="no image", rgb=True)
    panel.all.click()
    wait(lambda: panel.job is None and "classified" in panel.state.text())
    assert "2 of 3 images" in panel.state.text()
    assert {panel.table.item(row, 0).text() for row in range(panel.table.rowCount())} == {"image 0", "second"}
    assert any("no image" in note for note in notes)


def test_the_table_has_the_columns_of_the_command_line(panel, tmp_path, wait):
    classify(panel, wait)
    panel.export_to(tmp_path / "predictions.csv")
    with (tmp_path / "predictions.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert tuple(rows[0]) == PREDICTION_COLUMNS
    assert rows[0]["image"] == "image 0"
    assert rows[0]["model"] == "untrained"


def test_a_folder_fills_the_table_with_its_failures(panel, smear, tmp_path, wait, notes):
    (tmp_path / "sub").mkdir()
    Image.fromarray(smear.rgb).save(tmp_path / "sub" / "good.png")
    (tmp_path / "bad.png").write_bytes(b"no image")
    panel.classify_folder(tmp_path)
    wait(lambda: panel.job is None)
    shown = {panel.table.item(row, 0).text(): panel.table.item(row, 3).text() for row in range(panel.table.rowCount())}
    assert set(shown) == {"sub/good.png", "bad.png"}
    assert shown["bad.png"].startswith("✖ failed")
    assert any("1 of 2 images failed" in note for note in notes)


def test_an_image_removed_meanwhile_is_dropped(panel, wait, notes):
    panel.one.click()
    panel.viewer.layers.remove("image 0")
    wait(lambda: panel.job is None)
    assert panel.table.rowCount() == 0
    assert any("removed" in note for note in notes)


def test_cancel_leaves_the_rest_undone(panel, smear, wait):
    for index in range(3):
        panel.viewer.add_image(smear.rgb, name=f"more {index}")
    panel.all.click()
    panel.cancel()
    wait(lambda: panel.job is None)
    assert panel._queue == []
    assert all(image_notes(layer).prediction is None for layer in panel.viewer.layers)


def test_a_missing_model_is_a_notification(panel, tmp_path, wait, notes):
    path = tmp_path / "gone.safetensors"
    path.write_bytes(b"")
    panel.model.choose(str(path))
    panel.one.click()
    wait(lambda: any("gone" in note for note in notes))


@pytest.mark.parametrize("status", STATUS_TEXT)
def test_each_status_has_a_sign_and_words(qtbot, status):
    view = PredictionView()
    qtbot.addWidget(view)
    view.show_prediction(Prediction("Pre-B", status, 0.5, (0.1, 0.2, 0.5, 0.2), "m", "0" * 64, 0.3))
    sign, _, words = view.status.text().partition(" ")
    assert sign in "✔?⚠"
    assert status in words.lower()
    assert "Pre-B 50%" in view.bars.accessibleDescription()


def test_what_the_model_knows_is_said(panel):
    said = " ".join(label.text() for label in panel.findChildren(QLabel))
    assert "For research use only. Not for use in diagnostic procedures." in said
    assert "flow cytometry" in said
    assert "one laboratory" in said
