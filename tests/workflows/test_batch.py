"""A folder of images is segmented whole: outputs, failures, stops, resuming, nothing overwritten unasked."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_all.data.synthetic import SyntheticSmear, make_smear
from napari_all.errors import Cancelled, FileExistsRefused, UsageError
from napari_all.files import sha256_file
from napari_all.io.masks import read_labels, write_labels
from napari_all.workflows.batch import segment_batch
from napari_all.workflows.segment import make_config, segment_image

HSV = make_config("hsv")


@pytest.fixture
def folder(tmp_path: Path, field: SyntheticSmear) -> Path:
    source = tmp_path / "images"
    (source / "day2").mkdir(parents=True)
    Image.fromarray(field.rgb).save(source / "a.png")
    Image.fromarray(field.rgb[::-1]).save(source / "b.tif", resolution_unit=3, resolution=1e5)
    Image.fromarray(field.rgb[:, ::-1]).save(source / "day2" / "a.bmp")
    return source


class StopAfter:
    """Stops a run when so many images are done."""

    def __init__(self, images: int) -> None:
        self.images = images
        self.seen: list[tuple[str, int, int]] = []

    def report(self, stage: str, done: int, total: int) -> None:
        self.seen.append((stage, done, total))

    def message(self, text: str) -> None:
        pass

    def raise_if_cancelled(self) -> None:
        if self.seen and self.seen[-1][1] >= self.images:
            raise Cancelled("stopped by the test")


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_outputs_mirror_the_inputs_and_say_what_they_are(folder: Path, tmp_path: Path, field: SyntheticSmear) -> None:
    output = tmp_path / "out"
    record = segment_batch([folder], output, HSV)
    endings = ("_labels.tif", "_labels.json", "_classes.tif", "_cells.csv")
    wanted = {f"{stem}{e}" for stem in ("a", "b", "day2/a") for e in endings} | {"run.json"}
    assert set(contents(output)) == wanted
    assert [(e.image, e.status) for e in record.inputs] == [
        ("a.png", "done"),
        ("b.tif", "done"),
        ("day2/a.bmp", "done"),
    ]
    labels = tifffile.imread(output / "a_labels.tif")
    assert labels.dtype == np.uint16
    assert labels.shape == field.rgb.shape[:2]
    expected = segment_image(field.rgb, HSV)
    np.testing.assert_array_equal(labels, expected.labels)
    classes = tifffile.imread(output / "a_classes.tif")
    np.testing.assert_array_equal(classes, expected.classes)
    assert set(np.unique(classes)) == {0, 2}
    with (output / "a_cells.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [int(r["label"]) for r in rows] == list(range(1, labels.max() + 1))
    assert [int(r["area_px"]) for r in rows] == np.bincount(labels.ravel())[1:].tolist()
    assert {r["nucleus_area_px"] for r in rows} == {""}
    assert {r["schema_version"] for r in rows} == {"1"}


def test_run_record_tells_what_went_in(folder: Path, tmp_path: Path) -> None:
    record = segment_batch([folder], tmp_path / "out", HSV)
    text = (tmp_path / "out" / "run.json").read_text()
    stored = json.loads(text)
    assert stored["schema_version"] == 1
    assert stored["complete"] is True
    assert stored["parts"] == "cell"
    assert stored["settings"]["method"] == "hsv"
    assert stored["settings"]["postprocess"]["fill_holes"] is True
    assert stored["libraries"]["numpy"] == np.__version__
    assert stored["inputs"][0]["sha256"] == sha256_file(folder / "a.png")
    assert stored["inputs"][1]["pixel_size_um"] == pytest.approx([0.1, 0.1])
    assert stored["inputs"][0]["cells"] > 3
    assert stored == record.model_dump(mode="json")
    for content in contents(tmp_path / "out").values():
        assert str(tmp_path).encode() not in content


def test_physical_size_reaches_labels_and_table(folder: Path, tmp_path: Path) -> None:
    segment_batch([folder / "b.tif"], tmp_path / "out", HSV)
    sidecar = read_labels(tmp_path / "out" / "b_labels.tif").sidecar
    assert sidecar is not None
    assert sidecar.pixel_size_um == pytest.approx((0.1, 0.1))
    with (tmp_path / "out" / "b_cells.csv").open(newline="") as stream:
        row = next(csv.DictReader(stream))
    assert float(row["area_um2"]) == pytest.approx(int(row["area_px"]) * 0.01)


def test_same_job_twice_differs_in_times_only(folder: Path, tmp_path: Path) -> None:
    segment_batch([folder], tmp_path / "one", HSV)
    segment_batch([folder], tmp_path / "two", HSV)
    one, two = contents(tmp_path / "one"), contents(tmp_path / "two")
    records = [json.loads(c.pop("run.json")) for c in (one, two)]
    assert one == two
    for record in records:
        for part in (record, *record["inputs"]):
            del part["seconds"]
        del record["started"]
    assert records[0] == records[1]


def test_failures_are_recorded_and_the_rest_is_done(folder: Path, tmp_path: Path) -> None:
    (folder / "cut.png").write_bytes((folder / "a.png").read_bytes()[:3000])
    (folder / "empty.jpg").touch()
    (folder / "aa.png").write_text("no image")
    record = segment_batch([folder], tmp_path / "out", HSV)
    assert {e.image: e.status for e in record.inputs} == {
        "a.png": "done", "aa.png": "failed", "b.tif": "done", "cut.png": "failed", "day2/a.bmp": "done",
        "empty.jpg": "failed",
    }  # fmt: skip
    assert record.complete
    errors = {e.image: e.error or "" for e in record.failed}
    assert "truncated" in errors["cut.png"]
    assert "empty" in errors["empty.jpg"]
    assert "supported kind" in errors["aa.png"]
    assert not list((tmp_path / "out").glob("cut*"))
    assert read_labels(tmp_path / "out" / "day2" / "a_labels.tif").labels.max() > 0


def test_pixel_limit(folder: Path, tmp_path: Path) -> None:
    record = segment_batch([folder], tmp_path / "out", HSV, max_pixels=1000)
    assert len(record.failed) == 3
    assert "over the limit" in (record.failed[0].error or "")


def test_existing_results_are_refused_before_any_work(folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    segment_batch([folder / "b.tif"], output, HSV)
    before = contents(output)
    with pytest.raises(FileExistsRefused, match="--overwrite"):
        segment_batch([folder], output, HSV)
    assert contents(output) == before
    changed = make_config("hsv", assignments=["min_area_px=200"])
    record = segment_batch([folder], output, changed, overwrite=True)
    assert [e.status for e in record.inputs] == ["done"] * 3
    assert contents(output)["b_labels.json"] != before["b_labels.json"]


def test_stop_keeps_what_is_finished_and_resume_does_the_rest(folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    record = segment_batch([folder], output, HSV, monitor=StopAfter(1))
    assert [e.status for e in record.inputs] == ["done", "not started", "not started"]
    assert not record.complete
    assert json.loads((output / "run.json").read_text())["complete"] is False
    assert (output / "a_labels.tif").exists()
    assert not (output / "b_labels.tif").exists()
    first = contents(output)["a_labels.tif"]
    (output / "a_labels.tif").touch()
    stamp = (output / "a_labels.tif").stat().st_mtime_ns
    resumed = segment_batch([folder], output, HSV, resume=True)
    assert [e.status for e in resumed.inputs] == ["skipped", "done", "done"]
    assert resumed.complete
    assert resumed.parts == "cell"
    assert resumed.inputs[0].outputs == record.inputs[0].outputs
    assert contents(output)["a_labels.tif"] == first
    assert (output / "a_labels.tif").stat().st_mtime_ns == stamp


def test_resume_redoes_unfinished_and_refuses_others(folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    segment_batch([folder], output, HSV)
    (output / "a_labels.json").unlink()  # as after a kill between two files
    resumed = segment_batch([folder], output, HSV, resume=True)
    assert [e.status for e in resumed.inputs] == ["done", "skipped", "skipped"]
    changed = make_config("hsv", assignments=["min_area_px=200"])
    with pytest.raises(FileExistsRefused, match="other settings"):
        segment_batch([folder], output, changed, resume=True)
    Image.fromarray(make_smear(seed=9, shape=(128, 128), cell_diameter_px=22.0).rgb).save(folder / "a.png")
    with pytest.raises(FileExistsRefused, match=r"a_labels\.tif"):
        segment_batch([folder], output, HSV, resume=True)


def test_resume_keeps_hand_corrected_labels(folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    segment_batch([folder], output, HSV)
    path = output / "a_labels.tif"
    found = read_labels(path)
    assert found.sidecar is not None
    corrected = np.where(found.labels == 1, 0, found.labels)
    write_labels(path, corrected, found.sidecar.updated(status="corrected"), found.classes)
    (output / "b_labels.json").unlink()
    (output / "day2" / "a_labels.json").unlink()
    changed = make_config("hsv", assignments=["min_area_px=200"])
    record = segment_batch([folder], output, changed, resume=True)
    assert record.inputs[0].status == "skipped"
    np.testing.assert_array_equal(read_labels(path).labels, corrected)


def test_clashing_inputs_and_bad_settings_stop_before_any_work(folder: Path, tmp_path: Path) -> None:
    Image.open(folder / "a.png").save(folder / "a.jpg")
    with pytest.raises(UsageError, match=r"a\.jpg.*a\.png"):
        segment_batch([folder], tmp_path / "out", HSV)
    bad = HSV.updated(settings={"hue_low": 999})
    with pytest.raises(UsageError, match="hue_low"):
        segment_batch([folder / "b.tif"], tmp_path / "out", bad)
    assert not (tmp_path / "out").exists()


def test_disk_errors_are_failures_of_their_image(folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    output.mkdir()
    (output / "day2").write_text("a file where a folder is needed")
    record = segment_batch([folder], output, HSV)
    assert [e.status for e in record.inputs] == ["done", "done", "failed"]
    assert "choose another folder" in (record.inputs[2].error or "")
