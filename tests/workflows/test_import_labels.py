"""What was exported is imported again by the command line, for the image it belongs to, and nowhere but the output."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_all.cli.main import main
from napari_all.data.synthetic import SyntheticSmear
from napari_all.errors import FileExistsRefused, UsageError
from napari_all.io.cell_class_table import read_cell_classes, write_cell_classes
from napari_all.io.exporters import EXPORTERS
from napari_all.io.masks import read_labels, write_labels
from napari_all.io.sidecar import Sidecar
from napari_all.workflows.export import export_batch
from napari_all.workflows.import_labels import import_batch

SHAPE = (40, 60)


@pytest.fixture
def images(tmp_path: Path, field: SyntheticSmear) -> Path:
    for name in ("a.png", "sub/b.png"):
        (tmp_path / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(field.rgb[: SHAPE[0], : SHAPE[1]]).save(tmp_path / "images" / name)
    return tmp_path / "images"


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    for number, stem in enumerate(("a", "sub/b"), start=1):
        plane = np.zeros(SHAPE, np.int32)
        plane[3:13, 5:20], plane[20:33, 30:41] = number, 9
        classes = np.where(plane > 0, 1, 0).astype(np.uint8)
        classes[6:9, 8:14] = 2
        path = tmp_path / "labels" / f"{stem}_labels.tif"
        sidecar = Sidecar(image=f"{Path(stem).name}.png", parts="nucleus+cytoplasm", pixel_size_um=(0.1, 0.2))
        write_labels(path, plane, sidecar, classes)
        write_cell_classes(path, {9: "Pre-B"})
    return tmp_path / "labels"


def same(first: Path, second: Path) -> None:
    for stem in ("a", "sub/b"):
        before, after = (read_labels(folder / f"{stem}_labels.tif") for folder in (first, second))
        np.testing.assert_array_equal(before.labels, after.labels)
        np.testing.assert_array_equal(before.classes, after.classes)
        assert after.sidecar is not None
        assert after.sidecar.pixel_size_um == (0.1, 0.2)
        assert after.sidecar.image == f"{Path(stem).name}.png"
        assert read_cell_classes(second / f"{stem}_labels.tif") == {9: "Pre-B"}


@pytest.mark.parametrize("name", ["tiff", "ome-tiff", "coco", "coco-polygons", "geojson", "imagej"])
def test_out_and_in_again(images: Path, labels: Path, tmp_path: Path, name: str, capsys) -> None:
    export_batch([images], labels, name, tmp_path / "out")
    code = main(["import", str(tmp_path / "out"), "--images", str(images), "--output", str(tmp_path / "in"), "--json"])
    record = json.loads(capsys.readouterr().out)
    assert code == 0, record
    assert [(entry["status"], entry["cells"]) for entry in record["inputs"]] == [("done", 2), ("done", 2)]
    assert str(tmp_path) not in json.dumps(record)
    same(labels, tmp_path / "in")
    assert len((tmp_path / "in" / "a_cells.csv").read_text().splitlines()) == 3


@pytest.mark.parametrize("name", ["csv", "parquet", "coco"])
def test_one_file_of_many_images(images: Path, labels: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / f"all{EXPORTERS[name].suffix}"
    export_batch([images], labels, name, path)
    shutil.copytree(labels, tmp_path / "bare", ignore=shutil.ignore_patterns("*_cell_classes.csv"))
    record = import_batch([path], tmp_path / "in", images=images, labels=tmp_path / "bare")
    assert record.failed == []
    same(labels, tmp_path / "in")


def test_what_does_not_fit_its_image_fails_alone(images: Path, labels: Path, tmp_path: Path) -> None:
    export_batch([images], labels, "geojson", tmp_path / "out")
    Image.new("RGB", (7, 8)).save(images / "sub" / "b.png")
    (tmp_path / "out" / "c.geojson").write_text((tmp_path / "out" / "a_cells.geojson").read_text())
    (tmp_path / "out" / "d.json").write_text('{"not": "cells"}')
    record = import_batch([tmp_path / "out"], tmp_path / "in", images=images)
    told = {entry.image: (entry.status, entry.error) for entry in record.inputs}
    assert set(told) == {"a_cells.geojson", "sub/b_cells.geojson", "c.geojson"}
    assert told["a_cells.geojson"][0] == "done"
    assert "drawn on" in (told["sub/b_cells.geojson"][1] or "")
    assert "no image named 'c'" in (told["c.geojson"][1] or "")


def test_outputs_are_kept_and_clashes_refused(labels: Path, images: Path, tmp_path: Path) -> None:
    export_batch([images], labels, "geojson", tmp_path / "out")
    export_batch([images / "a.png"], labels, "png-labels", tmp_path / "out" / "a_labels.png")
    with pytest.raises(UsageError, match=r"a_cells\.geojson.*--format"):
        import_batch([tmp_path / "out"], tmp_path / "in")
    assert not (tmp_path / "in").exists()
    import_batch([tmp_path / "out"], tmp_path / "in", format_name="png")
    with pytest.raises(FileExistsRefused, match=r"a_labels\.tif"):
        import_batch([tmp_path / "out"], tmp_path / "in", format_name="png")
    import_batch([tmp_path / "out"], tmp_path / "in", format_name="geojson", overwrite=True)
    with pytest.raises(UsageError, match="no file of cells"):
        import_batch([images], tmp_path / "in2", format_name="geojson")


@pytest.mark.parametrize(
    "name", ["../../away", "/tmp/away", "sub/../../away", "..\\..\\away", "C:\\away", "n" * 5000, "a\0b"]
)
def test_a_name_that_climbs_out_writes_nothing_outside(tmp_path: Path, name: str) -> None:
    told = {
        "images": [{"id": 1, "file_name": f"{name}.png", "width": 4, "height": 4}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "segmentation": [[0, 0, 2, 0, 2, 2, 0, 2]]}],
    }
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "x.json").write_text(json.dumps(told))
    record = import_batch([tmp_path / "in"], tmp_path / "deep" / "er" / "out")
    written = {path for path in tmp_path.rglob("*") if path.is_file()} - {tmp_path / "in" / "x.json"}
    assert all((tmp_path / "deep" / "er" / "out") in path.parents for path in written)
    assert record.inputs[0].status in ("done", "failed")
