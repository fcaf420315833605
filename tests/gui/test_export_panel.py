import csv

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_all.gui.export import ExportPanel
from napari_all.gui.layers import Origin, labels_layer
from napari_all.io.exporters import EXPORTERS
from napari_all.io.masks import read_labels
from napari_all.io.sidecar import Sidecar


@pytest.fixture
def panel(open_panel, smear):
    panel = open_panel(ExportPanel, show=False)
    for name in ("a", "b"):
        sidecar = Sidecar(image=f"{name}.png", parts="nucleus+cytoplasm", method="unet", pixel_size_um=(0.1, 0.1))
        panel.viewer.add_layer(labels_layer(smear.labels, f"{name} unet", Origin(sidecar, smear.classes)))
    return panel


def choose(panel, folder, *formats):
    for name, box in panel.formats.items():
        box.setChecked(name in formats)
    panel.folder.setText(str(folder))


def test_every_format_is_offered_and_each_layer_is_listed(panel):
    assert set(panel.formats) == set(EXPORTERS)
    assert [panel.list.item(i).text() for i in range(panel.list.count())] == ["b unet", "a unet"]


def test_chosen_layers_are_written_in_all_formats(panel, smear, tmp_path, wait):
    choose(panel, tmp_path / "out", *EXPORTERS)
    panel.export.click()
    wait(lambda: "Saved" in panel.state.text())
    for stem in ("a", "b"):
        found = read_labels(tmp_path / "out" / f"{stem}_labels.tif")
        np.testing.assert_array_equal(found.labels, smear.labels)
        np.testing.assert_array_equal(found.classes, smear.classes)
        assert found.sidecar.pixel_size_um == (0.1, 0.1)
        mask = np.asarray(Image.open(tmp_path / "out" / f"{stem}_mask.png"))
        np.testing.assert_array_equal(mask > 0, smear.labels > 0)
        rows = list(csv.DictReader((tmp_path / "out" / f"{stem}_cells.csv").open()))
        assert len(rows) == smear.labels.max()
        assert float(rows[0]["area_um2"]) == pytest.approx(float(rows[0]["area_px"]) * 0.01, rel=1e-4)


def test_one_table_for_all_layers_names_the_image_of_each_cell(panel, smear, tmp_path, wait):
    choose(panel, tmp_path, "csv")
    panel.together.setChecked(True)
    panel.export.click()
    wait(lambda: "Saved" in panel.state.text())
    rows = list(csv.DictReader((tmp_path / "all_cells.csv").open()))
    assert {row["image"] for row in rows} == {"a.png", "b.png"}
    assert len(rows) == 2 * smear.labels.max()


def test_an_unticked_layer_is_left_out(panel, tmp_path, wait):
    from qtpy.QtCore import Qt

    choose(panel, tmp_path, "tiff")
    panel.list.item(0).setCheckState(Qt.CheckState.Unchecked)
    panel.export.click()
    wait(lambda: "Saved" in panel.state.text())
    assert (tmp_path / "a_labels.tif").exists()
    assert not (tmp_path / "b_labels.tif").exists()


def test_existing_files_are_kept_unless_replacing_is_ticked(panel, tmp_path, wait, notes):
    choose(panel, tmp_path, "tiff")
    (tmp_path / "a_labels.tif").write_bytes(b"mine")
    panel.export.click()
    wait(lambda: any("already holds a_labels.tif" in note for note in notes))
    assert (tmp_path / "a_labels.tif").read_bytes() == b"mine"
    assert not (tmp_path / "b_labels.tif").exists()
    panel.replace.setChecked(True)
    panel.export.click()
    wait(lambda: "Saved" in panel.state.text())
    assert tifffile.imread(tmp_path / "a_labels.tif").max() > 0


def test_two_layers_of_one_image_get_names_of_their_own(panel, smear, tmp_path, wait):
    panel.viewer.add_layer(labels_layer(smear.labels, "a hsv", Origin(Sidecar(image="a.png"))))
    choose(panel, tmp_path, "png")
    panel.export.click()
    wait(lambda: "Saved" in panel.state.text())
    assert {p.name for p in tmp_path.glob("*_mask.png")} == {"a unet_mask.png", "a hsv_mask.png", "b_mask.png"}


def test_without_labels_the_panel_says_what_to_do(open_panel):
    panel = open_panel(ExportPanel, show=False)
    assert "Make labels" in panel.state.text()
    assert not panel.export.isEnabled()


def test_the_list_follows_renaming_and_removing(panel):
    layer = panel.viewer.layers["a unet"]
    layer.name = "renamed"
    assert panel.list.item(1).text() == "renamed"
    panel.viewer.layers.remove(layer)
    assert panel.list.count() == 1
