"""A folder of images is segmented whole: outputs, failures, stops, resuming, nothing overwritten unasked."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from scipy.ndimage import binary_dilation, binary_erosion, gaussian_filter

from napari_all.data.synthetic import SyntheticSmear, make_smear
from napari_all.errors import Cancelled, FileExistsRefused, UsageError
from napari_all.files import sha256_file
from napari_all.io.masks import read_labels, write_labels
from napari_all.io.tables import read_table
from napari_all.networks.checkpoint import load_checkpoint, save_checkpoint
from napari_all.workflows.batch import segment_batch
from napari_all.workflows.segment import make_config, segment_image
from napari_all.workflows.segment_files import Extras

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
    wanted = {f"{stem}{e}" for stem in ("a", "b", "day2/a") for e in endings} | {"images.csv", "run.json"}
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


def test_table_of_images_has_a_row_for_each_in_the_order_of_the_inputs(folder: Path, tmp_path: Path) -> None:
    (folder / "aa.png").write_text("no image")
    record = segment_batch([folder], tmp_path / "out", HSV)
    rows = read_table(tmp_path / "out" / "images.csv")
    assert [row["image"] for row in rows] == [entry.image for entry in record.inputs]
    assert [row["status"] for row in rows] == ["done", "failed", "done", "done"]
    assert int(rows[0]["cells"]) == read_labels(tmp_path / "out" / "a_labels.tif").labels.max()
    assert "supported kind" in rows[1]["error"]
    assert {row["uncertainty"] for row in rows} == {""}  # thresholds have no probabilities


def test_least_certain_images_come_first_on_wish_and_their_maps_are_written(
    tmp_path: Path, field: SyntheticSmear
) -> None:
    source, output = tmp_path / "images", tmp_path / "out"
    source.mkdir()
    Image.fromarray(field.rgb).save(source / "a_sharp.png")
    blurred = gaussian_filter(field.rgb, (4, 4, 0))
    Image.fromarray(blurred).save(source / "b_blurred.png")
    config = make_config("unet", assignments=["diameter_px=22"])
    segment_batch([source], output, config, extras=Extras(uncertainty=True), sort="uncertainty")
    rows = read_table(output / "images.csv")
    assert [row["image"] for row in rows] == ["b_blurred.png", "a_sharp.png"]
    assert float(rows[0]["uncertainty"]) > float(rows[1]["uncertainty"]) > 0.0
    doubt = tifffile.imread(output / "a_sharp_uncertainty.tif")
    assert (doubt.dtype, doubt.shape) == (np.uint8, field.rgb.shape[:2])
    labels = read_labels(output / "a_sharp_labels.tif").labels
    far = ~binary_dilation(labels > 0, iterations=8)
    rim = binary_dilation(labels > 0) & ~binary_erosion(labels > 0)
    assert doubt[rim].mean() > 10 * doubt[far].mean()
    # Without the wish, an overwriting run leaves no map of the earlier one behind.
    segment_batch([source], output, config, overwrite=True)
    assert not list(output.glob("*_uncertainty.tif"))
    # With it, a resumed run makes what is missing instead of refusing.
    again = segment_batch([source], output, config, resume=True, extras=Extras(uncertainty=True))
    assert [entry.status for entry in again.inputs] == ["done", "done"]
    assert "a_sharp_uncertainty.tif" in again.inputs[0].outputs


@pytest.mark.parametrize(
    ("config", "extras", "told"),
    [
        (HSV, Extras(uncertainty=True), "use a network"),
        (HSV, Extras(smudges=True), "does not tell smudge cells"),
    ],
)
def test_what_a_method_cannot_give_is_refused(folder: Path, tmp_path: Path, config, extras, told) -> None:
    with pytest.raises(UsageError, match=told):
        segment_batch([folder / "a.png"], tmp_path / "out", config, extras=extras)
    assert not (tmp_path / "out").exists()


def with_rows(path: Path, classes: tuple[str, ...], rows: list[int], bias: list[int]) -> Path:
    """Write the bundled network with a head made of rows of its own."""
    bundled = load_checkpoint("smear-unet")
    tensors = dict(bundled.tensors)
    for name in ("head.weight", "head.bias"):
        tensors[name] = tensors[name][rows]
    tensors["head.bias"] = tensors["head.bias"] + np.float16(bias)
    card = bundled.card.updated(classes=classes, options=bundled.card.options | {"classes": len(classes)})
    return save_checkpoint(path, tensors, card)


def test_smudge_cells_of_a_model_without_them_are_refused(folder: Path, tmp_path: Path) -> None:
    model = with_rows(tmp_path / "three", ("background", "cytoplasm", "nucleus"), [0, 1, 2], [0, 0, 0])
    config = make_config("unet", assignments=[f"model={model}", "diameter_px=22"])
    with pytest.raises(UsageError, match="smear-unet"):
        segment_batch([folder / "a.png"], tmp_path / "out", config, extras=Extras(smudges=True))
    assert not (tmp_path / "out").exists()


def test_smudge_cells_are_written_and_counted_where_the_model_tells_them(tmp_path: Path, field: SyntheticSmear) -> None:
    names = ("background", "cytoplasm", "nucleus", "smudge")  # smudged is what has a large nucleus
    model = with_rows(tmp_path / "four", names, [0, 1, 2, 2], [0, 0, 0, 3])
    Image.fromarray(field.rgb).save(tmp_path / "a.png")
    config = make_config("unet", assignments=[f"model={model}", "diameter_px=22"])
    record = segment_batch([tmp_path / "a.png"], tmp_path / "out", config, extras=Extras(smudges=True))
    smudges = tifffile.imread(tmp_path / "out" / "a_smudges.tif")
    assert smudges.dtype == np.uint16
    assert record.inputs[0].smudges == smudges.max() > 0
    labels = read_labels(tmp_path / "out" / "a_labels.tif")
    assert labels.sidecar is not None
    assert (labels.sidecar.cells, labels.sidecar.smudges) == (labels.labels.max(), smudges.max())
    assert not ((labels.labels > 0) & (smudges > 0)).any()


def test_run_record_tells_what_went_in(folder: Path, tmp_path: Path) -> None:
    record = segment_batch([folder], tmp_path / "out", HSV)
    text = (tmp_path / "out" / "run.json").read_text()
    stored = json.loads(text)
    assert stored["schema_version"] == 4
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
