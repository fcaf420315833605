"""The manifest as npe2 and napari use it: widgets, readers, writers, sample data, menus."""

import importlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from npe2 import PluginManager, PluginManifest, read, write
from PIL import Image
from qtpy.QtWidgets import QFileDialog

from napari_all.gui import sample_data
from napari_all.gui.layer_notes import KEY, ImageNotes
from napari_all.gui.layers import Origin, labels_layer
from napari_all.gui.panel import Panel
from napari_all.gui.reader import get_cells_reader, get_image_reader
from napari_all.io.exporters import EXPORTERS
from napari_all.io.masks import write_labels
from napari_all.io.sidecar import Sidecar
from napari_all.workflows.export import make_item


@pytest.fixture(scope="module")
def manifest():
    return PluginManifest.from_distribution("napari-all")


@pytest.fixture
def manager(manifest, monkeypatch):
    """A plugin manager that holds this plugin only."""
    manager = PluginManager()
    manager.register(manifest)
    monkeypatch.setattr(PluginManager, "instance", classmethod(lambda cls: manager))
    return manager


def test_every_command_of_the_manifest_is_there(manifest):
    for command in manifest.contributions.commands:
        assert command.id.startswith("napari-all.")
        assert callable(_resolve(command.python_name))


def _resolve(python_name):
    module, _, name = python_name.partition(":")
    return getattr(importlib.import_module(module), name)


def test_the_widgets_are_panels(manifest):
    widgets = {w.display_name: _resolve_command(manifest, w.command) for w in manifest.contributions.widgets}
    assert list(widgets) == [
        "Threshold", "U-Net", "Subtype", "Correct", "Review", "Train segmenter", "Train classifier", "Audit", "Export",
    ]  # fmt: skip
    assert all(issubclass(cls, Panel) for cls in widgets.values())


def _resolve_command(manifest, command_id):
    return _resolve(next(c.python_name for c in manifest.contributions.commands if c.id == command_id))


def test_the_menus_hold_the_widgets(manifest):
    menus = manifest.contributions.menus
    assert {"segment", "classify", "annotate", "measure"} <= {name.rpartition("/")[2] for name in menus}
    commands = {c.id for c in manifest.contributions.commands}
    assert all(item.command in commands for items in menus.values() for item in items)


def test_there_is_one_writer_per_export_format(manifest):
    written = {}
    for writer in manifest.contributions.writers:
        name = writer.command.removeprefix("napari-all.write_").replace("_", "-")
        written[name] = (writer.display_name, tuple(writer.filename_extensions))
    assert written == {name: (e.title, (e.suffix,)) for name, e in EXPORTERS.items()}


def test_a_label_file_comes_with_its_sidecar_scale_and_table(manager, smear, tmp_path):
    path = tmp_path / "smear_labels.tif"
    sidecar = Sidecar(image="smear.png", parts="nucleus+cytoplasm", pixel_size_um=(0.2, 0.1), status="corrected")
    write_labels(path, smear.labels, sidecar, smear.classes)
    ((data, attributes, kind),) = read([str(path)], stack=False)
    assert kind == "labels"
    np.testing.assert_array_equal(data, smear.labels)
    assert tuple(attributes["scale"]) == (0.2, 0.1)
    assert attributes["metadata"][KEY].sidecar.status == "corrected"
    np.testing.assert_array_equal(attributes["metadata"][KEY].classes, smear.classes)
    assert list(attributes["features"]["index"]) == list(range(1, smear.labels.max() + 1))


def test_a_colour_image_is_read_as_the_command_line_reads_it(manager, smear, tmp_path):
    path = tmp_path / "smear.tif"
    tifffile.imwrite(
        path, smear.rgb.astype(np.uint16) * 257, photometric="rgb", resolution=(1e4, 1e4), resolutionunit="CENTIMETER"
    )
    ((data, attributes, kind),) = read([str(path)], stack=False)
    assert kind == "image"
    np.testing.assert_array_equal(data, smear.rgb)
    assert tuple(attributes["scale"]) == pytest.approx((1.0, 1.0))
    assert attributes["metadata"][KEY].record.path == path


@pytest.mark.parametrize("name", ["stack.tif", "grey.png", "broken.jpg", "x_labels.tif"])
def test_what_is_no_single_colour_image_is_left_to_napari(tmp_path, name):
    path = tmp_path / name
    match name:
        case "grey.png":
            Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(path)
        case "broken.jpg":
            path.write_bytes(b"\xff\xd8\xff nothing")
        case _:
            tifffile.imwrite(path, np.zeros((5, 8, 8), np.uint8), photometric="minisblack")
    assert get_image_reader(str(path)) is None


@pytest.mark.parametrize("name", list(EXPORTERS))
def test_the_save_dialog_writes_what_the_export_widget_writes(manager, manifest, smear, tmp_path, name):
    sidecar = Sidecar(image="smear.png", parts="nucleus+cytoplasm", status="corrected")
    layer = labels_layer(smear.labels, "cells", Origin(sidecar, smear.classes), [{"label": 1, "cell_class": "Pre-B"}])
    writer = next(w for w in manifest.contributions.writers if w.display_name == EXPORTERS[name].title)
    shown, direct = tmp_path / f"shown{writer.filename_extensions[0]}", tmp_path / "direct"
    data, attributes, _ = layer.as_layer_data_tuple()
    write = _resolve_command(manifest, writer.command)
    combines = EXPORTERS[name].combines
    written = write(str(shown), [(data, attributes, "labels")]) if combines else write(str(shown), data, attributes)
    assert str(shown) in written
    item = make_item("smear.png", smear.labels, sidecar, smear.classes, {1: "Pre-B"})
    EXPORTERS[name].write(direct / shown.name, [item])
    assert {Path(p).name for p in written} == {p.name for p in direct.iterdir()}
    for file in written:
        assert Path(file).read_bytes() == (direct / Path(file).name).read_bytes()


@pytest.mark.parametrize(("ending", "name"), [(".ome.tif", "ome-tiff"), (".tif", "tiff"), (".zip", "imagej")])
def test_the_ending_chooses_the_writer(manager, smear, tmp_path, ending, name):
    layer = labels_layer(smear.labels, "cells", Origin(Sidecar(image="smear.png"), smear.classes))
    write(str(tmp_path / f"a{ending}"), [layer.as_layer_data_tuple()])
    item = make_item("smear.png", smear.labels, Sidecar(image="smear.png"), smear.classes)
    EXPORTERS[name].write(tmp_path / "there" / f"a{ending}", [item])
    assert (tmp_path / f"a{ending}").read_bytes() == (tmp_path / "there" / f"a{ending}").read_bytes()


@pytest.mark.parametrize("name", ["geojson", "coco", "coco-polygons", "imagej", "cellpose", "ome-tiff", "png-labels"])
def test_files_of_other_programs_open_as_labels(manager, smear, tmp_path, name):
    sidecar = Sidecar(image="smear.png", parts="nucleus+cytoplasm", pixel_size_um=(0.2, 0.1))
    path = tmp_path / f"a{EXPORTERS[name].ending}"
    EXPORTERS[name].write(path, [make_item("smear.png", smear.labels, sidecar, smear.classes, {1: "Pre-B"})])
    ((data, attributes, kind),) = read([str(path)], stack=False)
    assert kind == "labels"
    np.testing.assert_array_equal(data, smear.labels)
    assert tuple(attributes["scale"]) == pytest.approx((0.2, 0.1))
    if name != "png-labels":
        assert attributes["features"]["cell_class"][0] == "Pre-B"


def test_other_files_of_these_endings_are_left_to_others(tmp_path):
    np.save(tmp_path / "a_seg.npy", np.ones(3))
    (tmp_path / "a.json").write_text("{}")
    for path in tmp_path.iterdir():
        assert get_cells_reader(str(path)) is None


def test_each_synthetic_sample_is_a_colour_image(manifest):
    for sample in manifest.contributions.sample_data:
        if sample.key == "all-dataset":
            continue
        ((data, attributes, kind),) = _resolve_command(manifest, sample.command)()
        assert kind == "image"
        assert attributes["rgb"]
        assert data.dtype == np.uint8
        assert isinstance(attributes["metadata"][KEY], ImageNotes)


@pytest.mark.parametrize("layout", ["Original/{}", "{}", "dataset/Original/{}"])
def test_my_copy_of_the_dataset_opens_some_images_per_class(smear, tmp_path, monkeypatch, layout):
    for name in ("Benign", "Early", "Pre", "Pro", "notes"):
        folder = tmp_path / layout.format(name)
        folder.mkdir(parents=True)
        for index in range(3):
            Image.fromarray(smear.rgb).save(folder / f"WBC-{name}-{index}.jpg")
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    names = [attributes["name"] for _, attributes, _ in sample_data.my_all_dataset()]
    assert len(names) == 4 * sample_data.PER_CLASS
    assert names[0] == "Benign WBC-Benign-0"
    assert names[-1] == "Pro-B WBC-Pro-1"


def test_another_folder_is_refused_and_says_where_to_get_the_dataset(tmp_path, monkeypatch, notes):
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    assert sample_data.my_all_dataset() == sample_data.NOTHING
    assert any("10.34740/KAGGLE/DSV/2175623" in note for note in notes)


@pytest.mark.data
def test_the_real_dataset_is_recognised(data_dir):
    classes = sample_data.class_images(data_dir / "taleqani-all")
    assert list(classes) == ["Benign", "Early Pre-B", "Pre-B", "Pro-B"]
    assert all(len(files) > 100 for files in classes.values())
