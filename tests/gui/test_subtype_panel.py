import csv
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from PIL import Image
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QLabel

from napari_all.classes import SUBTYPES
from napari_all.data.synthetic import make_smear
from napari_all.gui.heat import heat_of
from napari_all.gui.layer_notes import image_notes
from napari_all.gui.layers import Origin, is_smear, labels_layer
from napari_all.gui.prediction_view import PredictionView
from napari_all.gui.subtype import SubtypePanel
from napari_all.gui.subtype_table import CONFIDENCE, IMAGE, PREDICTED, STATUS
from napari_all.io.sidecar import Sidecar
from napari_all.io.tables import EXPLAINED_COLUMNS, PREDICTION_COLUMNS
from napari_all.types import Prediction
from napari_all.workflows.classify import ClassifyConfig
from napari_all.workflows.status_words import STATUS_TEXT

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


def column(panel, number):
    """Return a column's words as they are seen."""
    order = panel.results.table.rows
    return [order.index(row, number).data() for row in range(order.rowCount())]


def click(qtbot, panel, row):
    table = panel.results.table
    where = table.visualRect(table.rows.index(row, PREDICTED)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(where))


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
    assert set(column(panel, IMAGE)) == {"image 0", "second"}
    assert any("no image" in note for note in notes)


def test_the_table_has_the_columns_of_the_command_line(panel, tmp_path, wait):
    classify(panel, wait)
    panel.export_to(tmp_path / "predictions.csv")
    with (tmp_path / "predictions.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert tuple(rows[0]) == PREDICTION_COLUMNS
    assert rows[0]["image"] == "image 0"
    assert rows[0]["model"] == "untrained"


@pytest.fixture
def folder(tmp_path):
    """Four images, one in a sub-folder, and a file that is none."""
    (tmp_path / "images" / "sub").mkdir(parents=True)
    for seed in range(4):
        smear = make_smear(seed, (96, 128), 24.0)
        Image.fromarray(smear.rgb).save(tmp_path / "images" / f"{'sub/' if seed == 3 else ''}smear{seed}.png")
    (tmp_path / "images" / "bad.png").write_bytes(b"no image")
    return tmp_path / "images"


@pytest.fixture
def filled(panel, folder, wait, notes):
    panel.classify_folder(folder)
    wait(lambda: panel.job is None)
    return panel


def test_a_folder_fills_the_table_with_its_failures(filled, wait, notes):
    shown = dict(zip(column(filled, IMAGE), column(filled, STATUS), strict=True))
    assert set(shown) == {"smear0.png", "smear1.png", "smear2.png", "sub/smear3.png", "bad.png"}
    assert shown["bad.png"].startswith("✖ failed")
    assert any("1 of 5 images failed" in note for note in notes)
    assert "4 of 5 images" in filled.state.text()
    assert "1 failed" in filled.results.counted.text()
    first = filled.results.table.rows.index(0, IMAGE)
    wait(lambda: filled.results.table.rows.index(1, IMAGE).data(Qt.ItemDataRole.DecorationRole) is not None)
    assert first.data(Qt.ItemDataRole.DecorationRole) is None, "there is no picture of what is no image"


def test_the_table_is_sorted_by_any_column_and_the_least_sure_come_first(filled):
    found = column(filled, IMAGE)
    filled.results.least_sure.click()
    sure = [float(text.rstrip("%")) for text in column(filled, CONFIDENCE)[1:]]
    assert sure == sorted(sure)
    assert column(filled, IMAGE)[0] == "bad.png"
    filled.results.table.sortByColumn(IMAGE, Qt.SortOrder.DescendingOrder)
    assert column(filled, IMAGE) == sorted(found, reverse=True)
    filled.results.table.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
    assert column(filled, IMAGE) == found


def test_a_click_opens_the_image_and_the_next_one_closes_it_again(qtbot, filled, notes):
    viewer, names = filled.viewer, column(filled, IMAGE)
    first = viewer.layers["image 0"]
    click(qtbot, filled, names.index("smear1.png"))
    opened = viewer.layers.selection.active
    assert opened.name == "smear1"
    assert filled.chooser.layer is opened
    assert opened.visible
    assert not first.visible, "one image is looked at"
    assert filled.viewer.scene.camera.center[-2:] == pytest.approx((47.5, 63.5), abs=1), "and fitted to the window"
    assert image_notes(opened).prediction.predicted in filled.result.headline.text()
    assert column(filled, IMAGE) == names, "an image is listed once"
    click(qtbot, filled, names.index("smear2.png"))
    assert [layer.name for layer in viewer.layers] == ["image 0", "smear2"]
    made = labels_layer(np.zeros((96, 128), np.int32), "cells", Origin(Sidecar(), image=viewer.layers["smear2"]))
    viewer.add_layer(made)
    filled.results.table.setCurrentIndex(filled.results.table.rows.index(names.index("smear0.png"), IMAGE))
    qtbot.keyClick(filled.results.table, Qt.Key.Key_Return)
    assert [layer.name for layer in viewer.layers] == ["image 0", "smear2", "cells", "smear0"]
    (image_notes(opened).record.path).unlink()
    click(qtbot, filled, names.index("smear1.png"))
    assert any("smear1.png" in note for note in notes), "a file that is gone is told"
    click(qtbot, filled, names.index("bad.png"))
    assert viewer.layers.selection.active.name == "smear0"


def test_a_stopped_folder_keeps_what_was_classified(panel, folder, wait, notes):
    panel.classify_folder(folder)
    panel.cancel()
    wait(lambda: panel.job is None)
    assert panel.state.text().startswith("Stopped")
    assert not any("error" in note for note in notes)


def test_the_page_shows_folder_and_layers(filled, tmp_path, wait):
    classify(filled, wait)
    filled.report_to(tmp_path / "page.html")
    wait(lambda: filled.job is None)
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert text.count("data:image/jpeg;base64,") == 5
    for words in ("sub/smear3.png", "image 0", "bad.png", "model untrained", "For research use only."):
        assert words in text
    assert str(tmp_path) not in text


def test_grad_cam_is_a_layer_that_says_how_much_of_it_lies_in_cells(panel, smear, tmp_path, wait):
    image = panel.viewer.layers["image 0"]
    panel.explain.click()
    wait(lambda: panel.job is None)
    heat = panel.viewer.layers["Grad-CAM: image 0"]
    assert heat.data.shape == smear.rgb.shape[:2]
    assert heat.blending == "translucent"
    assert heat_of(heat) is image
    assert not is_smear(heat)
    assert panel.viewer.layers.index(heat) == panel.viewer.layers.index(image) + 1
    predicted = image_notes(image).prediction.predicted
    assert panel.heat.text().startswith(f"Grad-CAM for {predicted}: ")
    assert "where the network is shown them" in panel.heat.text()
    cells = panel.viewer.add_layer(labels_layer(smear.labels, "my cells", Origin(Sidecar(), smear.classes, image)))
    panel.explain.click()
    wait(lambda: panel.job is None)
    assert [layer.name for layer in panel.viewer.layers if heat_of(layer) is image] == ["Grad-CAM: image 0"]
    share = image_notes(image).cam_in_cells
    heat = panel.viewer.layers["Grad-CAM: image 0"]
    assert share == pytest.approx(heat.data[cells.data > 0].sum() / heat.data.sum(), abs=1e-3)
    assert f"{share:.0%} of the heat lies inside white cells (those of 'my cells')" in panel.heat.text()
    panel.export_to(tmp_path / "explained.csv")
    assert (tmp_path / "explained.csv").read_text().splitlines()[0] == ",".join(EXPLAINED_COLUMNS)
    panel.one.click()  # a new prediction, which the old picture does not explain
    wait(lambda: panel.job is None)
    assert [layer.name for layer in panel.viewer.layers if heat_of(layer) is image] == []
    assert panel.heat.text() == ""
    assert image_notes(image).cam_in_cells is None


def test_averaging_is_the_command_lines_setting_and_is_remembered(panel):
    assert panel.config["tta"] is False
    panel.tta.click()
    assert ClassifyConfig.parse(panel.config).tta
    assert SubtypePanel(panel.viewer).tta.isChecked()


def test_an_image_removed_meanwhile_is_dropped(panel, wait, notes):
    panel.one.click()
    panel.viewer.layers.remove("image 0")
    wait(lambda: panel.job is None)
    assert column(panel, IMAGE) == []
    assert any("removed" in note for note in notes)


def test_cancel_leaves_the_rest_undone(panel, smear, wait):
    for index in range(3):
        panel.viewer.add_image(smear.rgb, name=f"more {index}")
    panel.all.click()
    panel.cancel()
    wait(lambda: panel.job is None)
    assert panel.queue.waiting == []
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
