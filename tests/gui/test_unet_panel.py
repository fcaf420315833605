import numpy as np
import pytest

from napari_all.data.synthetic import make_smear
from napari_all.gui.jobs import ENGINES
from napari_all.gui.layers import PREVIEW_KEY, origin
from napari_all.gui.unet import UNetPanel
from napari_all.io.tables import read_table
from napari_all.networks.checkpoint import load_checkpoint, save_checkpoint
from napari_all.workflows.segment import SegmentConfig


@pytest.fixture
def panel(open_panel, smear):
    return open_panel(UNetPanel, smear.rgb)


def labels_of(panel):
    return [layer for layer in panel.viewer.layers if "unet" in layer.name and PREVIEW_KEY not in layer.metadata]


def set_diameter(panel, value):
    editor = panel.scale.diameter.editor("diameter_px")
    editor.automatic.setChecked(False)
    editor.box.setValue(value)


def test_opening_the_panel_warms_the_engine_and_names_the_device(panel, wait):
    wait(lambda: panel.device_line.text().startswith("Device: ") and "starting" not in panel.device_line.text())
    assert ENGINES.client(heavy=True).pid is not None


def test_segmenting_makes_a_new_layer_with_parts_table_and_the_diameter_used(panel, smear, wait):
    panel.segment.click()
    wait(lambda: len(labels_of(panel)) == 1)
    layer = labels_of(panel)[0]
    made = origin(layer)
    assert made.sidecar.parts == "nucleus+cytoplasm"
    assert made.sidecar.model_sha256
    assert made.sidecar.diameter_px == pytest.approx(30, rel=0.4)
    assert f"Used: {made.sidecar.diameter_px:.0f} px (estimated)" == panel.scale.used.text()
    inside = smear.labels > 0
    overlap = 2 * ((layer.data > 0) & inside).sum() / ((layer.data > 0).sum() + inside.sum())
    assert overlap > 0.8
    assert layer.features["nucleus_area_px"].notna().all()
    layer.data[:] = 0  # a hand edit
    panel.segment.click()
    wait(lambda: len(labels_of(panel)) == 2)
    assert not layer.data.any()


def test_nucleus_and_cytoplasm_are_shown_on_wish(panel, wait):
    panel.parts.setChecked(True)
    panel.segment.click()
    wait(lambda: len(labels_of(panel)) == 1)
    shown = panel.viewer.layers["image 0 unet parts"]
    np.testing.assert_array_equal(shown.data, origin(labels_of(panel)[0]).classes)
    assert panel.viewer.layers.selection.active is labels_of(panel)[0]
    panel.parts.setChecked(False)
    panel.segment.click()
    wait(lambda: len(labels_of(panel)) == 2)
    assert sum("parts" in layer.name for layer in panel.viewer.layers) == 1


def test_uncertainty_is_shown_on_wish_even_after_the_work(panel, wait):
    panel.segment.click()
    wait(lambda: len(labels_of(panel)) == 1)
    assert "uncertainty 0." in panel.state.text()
    assert "image 0 unet uncertainty" not in panel.viewer.layers
    panel.doubt.setChecked(True)
    shown = panel.viewer.layers["image 0 unet uncertainty"]
    assert shown.data.dtype == np.uint8
    cells = labels_of(panel)[0].data > 0
    assert shown.data[cells].mean() > 3 * shown.data[~cells].mean()
    assert PREVIEW_KEY in shown.metadata  # to look at: no panel offers it as an image
    assert panel.chooser.layer.name == "image 0"
    assert panel.viewer.layers.selection.active is labels_of(panel)[0]


def test_smudge_cells_get_a_layer_of_their_own(panel, tmp_path, wait):
    bundled = load_checkpoint("smear-unet")
    tensors = dict(bundled.tensors)
    for name in ("head.weight", "head.bias"):  # smudged is what has a large nucleus
        tensors[name] = tensors[name][[0, 1, 2, 2]]
    tensors["head.bias"] = tensors["head.bias"] + np.float16([0, 0, 0, 3])
    panel.model.choose(str(save_checkpoint(tmp_path / "four", tensors, bundled.card)))
    panel.segment.click()
    wait(lambda: len(labels_of(panel)) == 1)
    smudges = panel.viewer.layers["image 0 smudge cells"]
    assert f"{smudges.data.max()} smudge cell" in panel.state.text()
    assert not ((smudges.data > 0) & (labels_of(panel)[0].data > 0)).any()
    assert not smudges.editable


def test_a_given_diameter_is_used_and_reaches_the_configuration(panel, wait):
    set_diameter(panel, 25.0)
    assert panel.config.settings["diameter_px"] == 25.0
    panel.segment.click()
    wait(lambda: len(labels_of(panel)) == 1)
    assert origin(labels_of(panel)[0]).sidecar.diameter_px == 25.0
    assert panel.scale.used.text() == "Used: 25 px (given)"
    assert "cells this small" in panel.scale.caution.text()
    assert not panel.scale.caution.isHidden()
    set_diameter(panel, 60.0)
    panel.segment.click()
    wait(lambda: len(labels_of(panel)) == 2)
    assert panel.scale.caution.isHidden()


def test_the_command_of_what_was_done_keeps_its_settings(panel, wait):
    set_diameter(panel, 25.0)
    panel.doubt.setChecked(True)
    panel.segment.click()
    wait(lambda: len(labels_of(panel)) == 1)
    set_diameter(panel, 60.0)
    told = panel.foot.command.text_to_copy
    assert told == "napari-all segment IMAGE --method unet --set diameter_px=25.0 --uncertainty --output results"


def test_cancel_stops_the_work_and_the_next_job_runs(open_panel, wait):
    rgb = np.tile(make_smear(seed=1, shape=(512, 512)).rgb, (5, 5, 1))
    panel = open_panel(UNetPanel, rgb)
    wait(lambda: "starting" not in panel.device_line.text())
    set_diameter(panel, 20.0)  # many tiles
    panel.segment.click()
    wait(lambda: panel.foot.bar.value() > 0)
    panel.foot.cancel.click()
    wait(lambda: panel.job is None)
    assert panel.state.text() == "Stopped."
    assert labels_of(panel) == []
    small = panel.viewer.add_image(rgb[:128, :128], name="small")
    panel.chooser.choose(small)
    panel.segment.click()
    wait(lambda: len(labels_of(panel)) == 1)


def test_an_image_removed_meanwhile_gets_no_labels_and_a_note(panel, wait, notes):
    panel.segment.click()
    panel.viewer.layers.remove("image 0")
    wait(lambda: panel.job is None)
    assert labels_of(panel) == []
    assert any("removed" in note for note in notes)
    assert "File > Open Sample" in panel.state.text() or "removed" in panel.state.text()


def test_a_damaged_model_is_told_as_a_notification(panel, tmp_path, wait, notes):
    path = tmp_path / "broken.safetensors"
    path.write_bytes(b"nothing")
    panel.model.choose(str(path))
    panel.segment.click()
    wait(lambda: any("broken" in note and "error" in note for note in notes))
    assert labels_of(panel) == []
    assert panel.segment.isEnabled()


def test_a_killed_engine_is_told_and_the_next_job_works(panel, wait, notes):
    import psutil

    wait(lambda: "starting" not in panel.device_line.text())
    rgb = np.tile(panel.chooser.layer.data, (8, 8, 1))
    big = panel.viewer.add_image(rgb, name="big")
    panel.chooser.choose(big)
    panel.segment.click()
    wait(lambda: panel.foot.bar.value() > 0)
    psutil.Process(ENGINES.client(heavy=True).pid).kill()
    wait(lambda: any("ended unexpectedly" in note for note in notes))
    panel.chooser.choose(panel.viewer.layers["image 0"])
    panel.segment.click()
    wait(lambda: len(labels_of(panel)) == 1)


def test_a_folder_is_segmented_and_its_failures_are_listed(panel, smear, tmp_path, wait, notes):
    from PIL import Image

    source, target = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    Image.fromarray(smear.rgb).save(source / "good.png")
    Image.fromarray(smear.rgb[:128, :128]).save(source / "small.png")
    (source / "bad.png").write_bytes(b"no image")
    panel.segment_folder(source, target)
    wait(lambda: panel.job is None)
    assert (target / "good_labels.tif").exists()
    assert (target / "run.json").exists()
    assert "2 of 3 images" in panel.state.text()
    rows = read_table(target / "images.csv")
    listed = [line.split(" (")[0] for line in panel.state.text().splitlines()[2:]]
    assert listed == [row["image"] for row in rows if row["uncertainty"]]
    assert any("bad.png" in note for note in notes)


def test_the_configuration_is_remembered_but_not_the_diameter(panel):
    panel.settings.editor("flips").box.click()
    set_diameter(panel, 25.0)
    again = UNetPanel(panel.viewer)
    assert again.config.settings["flips"] is True
    assert again.config.settings["diameter_px"] is None
    assert SegmentConfig.parse(again.config.model_dump()) == again.config
