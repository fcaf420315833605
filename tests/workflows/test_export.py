"""Label images are converted for the image they belong to, or the doubt is a recorded failure."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_all.data.synthetic import SyntheticSmear
from napari_all.errors import FileExistsRefused, UsageError
from napari_all.io.masks import read_labels
from napari_all.workflows.batch import segment_batch
from napari_all.workflows.export import export_batch
from napari_all.workflows.segment import make_config


@pytest.fixture
def images(tmp_path: Path, field: SyntheticSmear) -> Path:
    folder = tmp_path / "images"
    (folder / "sub").mkdir(parents=True)
    Image.fromarray(field.rgb).save(folder / "a.png", dpi=(254_000, 254_000))
    Image.fromarray(field.rgb[::-1]).save(folder / "sub" / "b.png")
    return folder


@pytest.fixture
def labels(tmp_path: Path, images: Path) -> Path:
    segment_batch([images], tmp_path / "labels", make_config("hsv"))
    return tmp_path / "labels"


def test_tiff_is_the_same_labels_again(images: Path, labels: Path, tmp_path: Path) -> None:
    record = export_batch([images], labels, "tiff", tmp_path / "out")
    assert [e.status for e in record.inputs] == ["done", "done"]
    for stem in ("a", "sub/b"):
        before, after = (read_labels(folder / f"{stem}_labels.tif") for folder in (labels, tmp_path / "out"))
        np.testing.assert_array_equal(before.labels, after.labels)
        np.testing.assert_array_equal(before.classes, after.classes)
        assert before.sidecar == after.sidecar
    stored = json.loads((tmp_path / "out" / "export_run.json").read_text())
    assert stored == record.model_dump(mode="json")
    assert str(tmp_path) not in json.dumps(stored)


def test_one_table_of_all_equals_the_tables_of_segment(images: Path, labels: Path, tmp_path: Path) -> None:
    export_batch([images], labels, "csv", tmp_path / "all.csv")
    with (tmp_path / "all.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    for stem, name in (("a", "a.png"), ("sub/b", "sub/b.png")):
        with (labels / f"{stem}_cells.csv").open(newline="") as stream:
            expected = [{"image": name, **row, "cell_class": ""} for row in csv.DictReader(stream)]
        assert [row for row in rows if row["image"] == name] == expected
    assert float(rows[0]["area_um2"]) == pytest.approx(float(rows[0]["area_px"]) * 0.01, rel=1e-4)
    assert (tmp_path / "all_run.json").exists()


def test_single_file_takes_one_image_unless_the_format_combines(images: Path, labels: Path, tmp_path: Path) -> None:
    export_batch([images / "a.png"], labels, "png", tmp_path / "mask.png")
    assert (tmp_path / "mask.png").exists()
    with pytest.raises(UsageError, match="2 images do not fit"):
        export_batch([images], labels, "png", tmp_path / "both.png")
    with pytest.raises(FileExistsRefused, match=r"mask\.png"):
        export_batch([images / "a.png"], labels, "png", tmp_path / "mask.png")
    export_batch([images / "a.png"], labels, "png", tmp_path / "mask.png", overwrite=True)


def test_labels_of_other_images_and_damaged_labels_fail(images: Path, labels: Path, tmp_path: Path) -> None:
    changed = np.asarray(Image.open(images / "a.png"))[::-1]
    Image.fromarray(changed).save(images / "a.png")
    path = labels / "sub" / "b_labels.tif"
    path.write_bytes(path.read_bytes()[:200])
    record = export_batch([images], labels, "csv", tmp_path / "out")
    assert [e.status for e in record.inputs] == ["failed", "failed"]
    assert "another file" in (record.inputs[0].error or "")
    assert "b_labels.tif" in (record.inputs[1].error or "")
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["export_run.json"]


def test_labels_of_another_program_take_size_and_scale_from_the_image(images: Path, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    drawn = np.zeros((224, 224), np.uint8)
    drawn[10:30, 10:30] = 1
    Image.fromarray(drawn).save(foreign / "a.png")
    record = export_batch([images / "a.png"], foreign, "tiff", tmp_path / "out")
    assert record.failed == []
    sidecar = read_labels(tmp_path / "out" / "a_labels.tif").sidecar
    assert sidecar is not None
    assert sidecar.pixel_size_um == pytest.approx((0.1, 0.1), rel=1e-3)
    assert sidecar.method is None
    Image.fromarray(drawn[:50]).save(foreign / "a.png")
    record = export_batch([images / "a.png"], foreign, "tiff", tmp_path / "out2")
    assert "(50, 224)" in (record.inputs[0].error or "")
