import shlex

import numpy as np
import pytest
from PIL import Image

from napari_all.cli import main
from napari_all.gui.layers import PREVIEW_KEY, origin
from napari_all.gui.preview import NAME
from napari_all.gui.threshold import ThresholdPanel
from napari_all.io.masks import read_labels
from napari_all.segmentation.methods import METHODS
from napari_all.workflows.segment import make_config, segment_image


@pytest.fixture
def panel(open_panel, smear):
    return open_panel(ThresholdPanel, smear.rgb)


def results(viewer):
    return [layer for layer in viewer.layers if PREVIEW_KEY not in layer.metadata and layer.name != "image 0"]


def test_the_preview_follows_a_slider_and_cleaning_comes_at_rest(panel, smear, wait):
    wait(lambda: "cells after cleaning" in panel.state.text())
    editor = panel.forms.limits.editor("saturation_low")
    editor.low.setValue(150)
    wait(lambda: panel.preview.layer.data.max() == 1)
    settings = panel.forms.limits.value()
    assert settings.saturation_low == 150
    assert not settings.automatic
    np.testing.assert_array_equal(panel.preview.layer.data, METHODS["hsv"].preview(smear.rgb, settings))
    wait(lambda: panel.preview.layer.data.max() > 1)
    expected = segment_image(smear.rgb, panel.forms.config).labels
    np.testing.assert_array_equal(panel.preview.layer.data > 0, expected > 0)


def test_make_labels_gives_what_the_command_line_gives(panel, smear, wait):
    panel.make.click()
    wait(lambda: len(results(panel.viewer)) == 1)
    layer = results(panel.viewer)[0]
    expected = segment_image(smear.rgb, make_config("hsv"))
    np.testing.assert_array_equal(layer.data, expected.labels)
    assert list(layer.features["index"]) == list(range(1, expected.labels.max() + 1))
    made = origin(layer)
    np.testing.assert_array_equal(made.classes, expected.classes)
    assert made.sidecar.method == "hsv"
    assert made.sidecar.parts == "cell"
    assert made.image is panel.viewer.layers["image 0"]
    assert NAME not in panel.viewer.layers


def test_the_copied_command_makes_the_same_labels_without_a_window(panel, smear, wait, tmp_path, qapp):
    command = panel.foot.command
    assert command.isHidden(), "nothing was done yet"
    panel.forms.limits.editor("saturation_low").low.setValue(120)
    panel.make.click()
    wait(lambda: len(results(panel.viewer)) == 1)
    assert not command.isHidden()
    command.click()
    assert panel.state.text() == f"Copied: {qapp.clipboard().text()}"
    words = shlex.split(qapp.clipboard().text())
    assert words[:3] == ["napari-all", "segment", "IMAGE"], "this layer has no file"
    Image.fromarray(smear.rgb).save(tmp_path / "a.png")
    words[2], words[-1] = str(tmp_path / "a.png"), str(tmp_path / "out")
    assert main(words[1:]) == 0
    np.testing.assert_array_equal(read_labels(tmp_path / "out" / "a_labels.tif").labels, results(panel.viewer)[0].data)


def test_making_labels_twice_overwrites_nothing(panel, wait):
    panel.make.click()
    wait(lambda: len(results(panel.viewer)) == 1)
    first = results(panel.viewer)[0]
    first.data[:] = 7
    panel.make.click()
    wait(lambda: len(results(panel.viewer)) == 2)
    assert (first.data == 7).all()


def test_an_automatic_limit_that_is_moved_starts_from_the_value_found(panel, smear):
    found = METHODS["hsv"].resolve(smear.rgb, METHODS["hsv"].settings())
    panel.forms.limits.editor("saturation_low").low.setValue(found.saturation_low + 5)
    settings = panel.forms.limits.value()
    assert not settings.automatic
    assert settings.hue_low == found.hue_low
    assert settings.saturation_low == found.saturation_low + 5
    assert panel.forms.preset.currentData() == "custom"


def test_presets_and_reset(panel):
    index = panel.forms.preset.findData("published")
    panel.forms.preset.setCurrentIndex(index)
    panel.forms.preset.activated.emit(index)
    assert panel.forms.limits.value() == METHODS["hsv"].presets["published"].settings
    assert not panel.forms.cleaning.value().split_touching
    panel.forms.reset.click()
    assert panel.forms.limits.value() == METHODS["hsv"].presets["default"].settings
    assert panel.forms.preset.currentData() == "default"


def test_every_method_with_a_preview_is_offered(panel, wait):
    offered = {panel.forms.method.itemData(i) for i in range(panel.forms.method.count())}
    assert offered == {name for name, entry in METHODS.items() if entry.preview}
    panel.forms.method.setCurrentIndex(panel.forms.method.findData("lab"))
    assert panel.forms.config.method == "lab"
    panel.make.click()
    wait(lambda: len(results(panel.viewer)) == 1)
    assert origin(results(panel.viewer)[0]).sidecar.method == "lab"


def test_settings_are_remembered(open_panel, smear):
    panel = open_panel(ThresholdPanel, smear.rgb)
    panel.forms.limits.editor("value_low").low.setValue(33)
    again = ThresholdPanel(panel.viewer)
    assert again.forms.limits.value().value_low == 33


def test_without_an_image_the_panel_says_what_to_do(open_panel):
    panel = open_panel(ThresholdPanel)
    assert "File > Open Sample > napari-all" in panel.state.text()
    assert not panel.make.isEnabled()


def test_the_chooser_follows_added_renamed_and_removed_layers(panel, smear):
    viewer = panel.viewer
    second = viewer.add_image(smear.rgb[::-1], name="second")
    assert panel.chooser.findText("second") >= 0
    panel.chooser.choose(second)
    second.name = "renamed"
    assert panel.chooser.currentText() == "renamed"
    viewer.layers.remove(second)
    assert panel.chooser.layer is viewer.layers["image 0"]
    viewer.layers.remove("image 0")
    assert panel.chooser.layer is None
    assert not panel.make.isEnabled()


def test_switching_the_preview_off_removes_it(panel, wait):
    wait(lambda: NAME in panel.viewer.layers)
    panel.live.click()
    assert NAME not in panel.viewer.layers


def test_an_image_removed_while_it_is_cleaned_leaves_no_result_and_a_note(panel, wait, notes):
    panel.make.click()
    assert panel.job is not None
    panel.viewer.layers.remove("image 0")
    wait(lambda: panel.job is None)
    assert results(panel.viewer) == []
    assert any("removed" in note for note in notes)


def test_a_stack_is_refused_with_the_remedy(open_panel, notes):
    panel = open_panel(ThresholdPanel, np.zeros((3, 40, 40), np.uint8))
    panel.make.click()
    assert any("Split Stack" in note for note in notes)


def test_a_layer_scaled_in_micrometres_passes_its_scale_on(open_panel, smear, wait):
    panel = open_panel(ThresholdPanel)
    image = panel.viewer.add_image(smear.rgb, scale=(0.1, 0.1), units=("um", "um"), name="image 0")
    panel.make.click()
    wait(lambda: len(results(panel.viewer)) == 1)
    layer = results(panel.viewer)[0]
    np.testing.assert_allclose(layer.scale, image.scale)
    assert origin(layer).sidecar.pixel_size_um == pytest.approx((0.1, 0.1))


def test_a_slow_threshold_is_shown_on_fewer_pixels_in_the_right_place(open_panel, smear, wait):
    rgb = np.tile(smear.rgb, (4, 4, 1))
    panel = open_panel(ThresholdPanel, rgb)
    wait(lambda: "cells after cleaning" in panel.state.text())
    for _ in range(3):
        panel.preview.took(1.0)
    panel.forms.limits.editor("value_low").low.setValue(1)
    wait(lambda: panel.preview.layer is not None)
    assert panel.preview.step == 2
    assert panel.preview.layer.data.shape == (rgb.shape[0] // 2, rgb.shape[1] // 2)
    np.testing.assert_allclose(panel.preview.layer.scale, (2, 2))
    assert [layer.name for layer in panel.viewer.layers].count(NAME) == 1
