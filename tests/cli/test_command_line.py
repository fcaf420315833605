"""The console script on real files: exit codes, standard streams, interrupts, nothing half-written."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_all.cli import main
from napari_all.data.synthetic import SyntheticSmear
from napari_all.io.masks import read_labels
from napari_all.io.tables import CELL_COLUMNS

COMMAND = [sys.executable, "-m", "napari_all"]


def run(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], capture_output=True, text=True, cwd=cwd, timeout=240, check=False
    )


def here(*arguments: object) -> int:
    """Run in this process, which is quicker where nothing but the answer counts."""
    try:
        return main([*map(str, arguments)])
    except SystemExit as end:
        return int(end.code or 0)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory, field: SyntheticSmear) -> Path:
    folder = tmp_path_factory.mktemp("smears")
    (folder / "sub").mkdir()
    Image.fromarray(field.rgb).save(folder / "one.png")
    Image.fromarray(field.rgb[::-1]).save(folder / "sub" / "two.png")
    return folder


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, images: Path) -> Path:
    output = tmp_path_factory.mktemp("results") / "out"
    done = run("segment", images, "--method", "hsv", "--output", output)
    assert done.returncode == 0, done.stderr
    return output


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version").stdout.startswith("napari-all 0.")
    for command in ((), ("segment",), ("classify",), ("export",), ("evaluate",), ("train",), ("audit",), ("demo",)):
        assert here(*command, "--help") == 0
        text = capsys.readouterr().out
        assert "example:" in text
        assert f"napari-all {' '.join(command)}".strip() in text


@pytest.mark.parametrize("statement", ["import napari_all", "from napari_all.cli import main; main(['--version'])"])
def test_version_and_import_load_neither_torch_nor_napari(statement: str) -> None:
    code = f"import sys\ntry:\n    {statement}\nexcept SystemExit: pass\nprint(sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for heavy in ("'torch'", "'napari'", "'qtpy'", "'cv2'"):
        assert heavy not in loaded


def test_segment_hsv_loads_no_torch(images: Path, tmp_path: Path) -> None:
    arguments = ["segment", str(images), "--method", "hsv", "--output", str(tmp_path / "o"), "--quiet"]
    code = f"import sys\nfrom napari_all.cli import main\nassert main({arguments}) == 0\nprint('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "False", done.stderr


def test_segment_writes_what_the_contract_says(results: Path) -> None:
    names = sorted(p.relative_to(results).as_posix() for p in results.rglob("*") if p.is_file())
    assert names == [
        "images.csv", "one_cells.csv", "one_classes.tif", "one_labels.json", "one_labels.tif", "run.json",
        "sub/two_cells.csv", "sub/two_classes.tif", "sub/two_labels.json", "sub/two_labels.tif",
    ]  # fmt: skip
    with (results / "one_cells.csv").open(newline="") as stream:
        assert next(csv.reader(stream)) == list(CELL_COLUMNS)
    assert tifffile.imread(results / "one_labels.tif").shape == (224, 224)


def test_one_bad_file_among_good_ones_is_exit_1(images: Path, tmp_path: Path, results: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    good = (images / "one.png").read_bytes()
    (source / "one.png").write_bytes(good)
    (source / "cut.png").write_bytes(good[: len(good) // 2])
    done = run("segment", source, "--method", "hsv", "--output", tmp_path / "out", "--json", "--quiet")
    assert done.returncode == 1
    assert "cut.png" in done.stderr
    assert "truncated" in done.stderr
    assert "one.png" not in done.stderr
    record = json.loads(done.stdout)
    assert record == json.loads((tmp_path / "out" / "run.json").read_text())
    assert [(e["image"], e["status"]) for e in record["inputs"]] == [("cut.png", "failed"), ("one.png", "done")]
    assert (tmp_path / "out" / "one_labels.tif").read_bytes() == (results / "one_labels.tif").read_bytes()


def test_quiet_says_nothing_and_json_is_alone_on_stdout(images: Path, tmp_path: Path) -> None:
    done = run("segment", images, "--method", "hsv", "--output", tmp_path / "out", "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    again = run("segment", images, "--method", "hsv", "--output", tmp_path / "out", "--resume", "--json")
    assert [e["status"] for e in json.loads(again.stdout)["inputs"]] == ["skipped", "skipped"]
    assert "2 skipped" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "COMMAND"),
        (["paint"], "paint"),
        (["segment", "IMAGES", "--method", "magic", "--output", "o"], "choose one of 'hsv'"),
        (["segment", "IMAGES", "--method", "hsv", "--preset", "x", "--output", "o"], "default"),
        (["segment", "IMAGES", "--method", "hsv", "--set", "hue_low=999", "--output", "o"], "hue_low"),
        (["segment", "IMAGES", "--method", "hsv", "--set", "nonsense", "--output", "o"], "key=value"),
        (["segment", "IMAGES", "--method", "hsv", "--model", "m", "--output", "o"], "--model"),
        (["segment", "nowhere", "--method", "hsv", "--output", "o"], "nowhere"),
        (["segment", "IMAGES", "--method", "hsv"], "--output"),
        (["segment", "IMAGES/one.png", "IMAGES/copy/one.jpg", "--method", "hsv", "--output", "o"], "copy"),
        (["segment", "IMAGES", "--method", "hsv", "--output", "o", "--max-pixels", "0"], "at least 1"),
        (["segment", "IMAGES", "--method", "hsv", "--output", "o", "--overwrite", "--resume"], "not allowed"),
        (["classify", "IMAGES", "--cells", "--output", "o.csv"], "--labels"),
        (["classify", "IMAGES", "--output", "o.txt"], ".csv"),
        (["export", "IMAGES", "--labels", "nowhere", "--format", "png", "--output", "o"], "nowhere"),
        (["export", "IMAGES", "--labels", "IMAGES", "--format", "dicom", "--output", "o"], "'tiff'"),
        (["evaluate", "segmentation", "--predictions", "nowhere", "--truth", "IMAGES"], "nowhere"),
    ],
)
def test_wrong_use_is_exit_2_and_says_what_is_right(
    images: Path,
    tmp_path: Path,
    arguments: list[str],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (images / "copy").mkdir(exist_ok=True)
    Image.open(images / "one.png").save(images / "copy" / "one.jpg")
    try:
        code = here(*(a.replace("IMAGES", str(images)) for a in arguments))
    finally:
        (images / "copy" / "one.jpg").unlink()
    said = capsys.readouterr()
    assert code == 2, said.err
    assert words in said.err
    assert said.out == ""
    assert list(tmp_path.iterdir()) == []


def test_existing_results_are_exit_2(images: Path, results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert here("segment", images, "--method", "hsv", "--output", results) == 2
    said = capsys.readouterr().err
    assert "--overwrite" in said
    assert "--resume" in said


def many(folder: Path, field: SyntheticSmear, count: int) -> Path:
    folder.mkdir()
    for number in range(count):
        Image.fromarray(np.roll(field.rgb, number, axis=1)).save(folder / f"{number:03d}.png")
    return folder


def wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    limit = time.monotonic() + 120
    while not path.exists():
        assert process.poll() is None, "ended before it could be interrupted"
        assert time.monotonic() < limit
        time.sleep(0.01)


@pytest.mark.skipif(os.name == "nt", reason="SIGINT is sent to a process group only on Windows")
def test_ctrl_c_is_exit_130_and_keeps_what_is_finished(tmp_path: Path, field: SyntheticSmear) -> None:
    source, output = many(tmp_path / "in", field, 150), tmp_path / "out"
    process = subprocess.Popen(
        [*COMMAND, "segment", str(source), "--method", "hsv", "--output", str(output)], stderr=subprocess.PIPE
    )
    wait_for(output / "002_labels.json", process)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert b"Traceback" not in errors
    assert b"interrupted" in errors
    record = json.loads((output / "run.json").read_text())
    done = [e for e in record["inputs"] if e["status"] == "done"]
    assert record["complete"] is False
    assert 3 <= len(done) < 150
    assert len(list(output.glob("*_labels.tif"))) == len(done)
    for entry in done:
        assert all((output / name).stat().st_size > 0 for name in entry["outputs"])
        assert read_labels(output / entry["outputs"][0]).labels.max() > 0


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_kill_leaves_no_half_written_file_and_resume_finishes(tmp_path: Path, field: SyntheticSmear) -> None:
    source, output = many(tmp_path / "in", field, 12), tmp_path / "out"
    command = [*COMMAND, "segment", str(source), "--method", "hsv", "--output", str(output)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    wait_for(output / "003_labels.tif", process)
    process.kill()
    process.wait(timeout=60)
    json.loads((output / "run.json").read_text())
    written = [p for p in output.iterdir() if not p.name.startswith(".writing-")]
    assert len(written) >= 13
    for path in written:
        if path.suffix == ".tif":
            assert tifffile.imread(path).shape == (224, 224)
        elif path.suffix == ".json":
            json.loads(path.read_text())
        else:
            header, *rows = csv.reader(path.read_text().splitlines())
            assert path.read_text().endswith("\n")
            assert all(len(row) == len(header) for row in rows)
    done = run(*command[3:], "--resume", "--json")
    assert done.returncode == 0, done.stderr
    assert {e["status"] for e in json.loads(done.stdout)["inputs"]} == {"done", "skipped"}
    assert len(list(output.glob("*_cells.csv"))) == 12


def test_export_and_its_failures(
    images: Path, results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("export", images, "--labels", results, "--format")
    assert here(*asked, "csv", "--output", tmp_path / "all.csv") == 0
    with (tmp_path / "all.csv").open(newline="") as stream:
        assert {row["image"] for row in csv.DictReader(stream)} == {"one.png", "sub/two.png"}
    assert here(*asked, "png", "--output", tmp_path / "masks") == 0
    with Image.open(tmp_path / "masks" / "sub" / "two_mask.png") as mask:
        expected = read_labels(results / "sub" / "two_labels.tif").labels > 0
        np.testing.assert_array_equal(np.asarray(mask) == 255, expected)
    lonely = tmp_path / "more"
    lonely.mkdir()
    Image.open(images / "one.png").save(lonely / "unknown.png")
    (lonely / "one.png").write_bytes((images / "one.png").read_bytes())
    code = here("export", lonely, "--labels", results, "--format", "tiff", "--output", tmp_path / "tiff")
    assert code == 1
    assert "unknown.png" in capsys.readouterr().err
    assert (tmp_path / "tiff" / "one_labels.tif").exists()


def test_evaluate_a_perfect_and_a_missing_prediction(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth, report_folder = tmp_path / "truth", tmp_path / "r"
    shutil.copytree(results, truth)
    asked = ("evaluate", "segmentation", "--truth", truth, "--output", report_folder, "--predictions")
    assert here(*asked, results, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report == json.loads((report_folder / "report.json").read_text())
    assert report["overall"]["dice"] == 1
    assert report["overall"]["cells_f1"] == 1
    assert report["overall"]["nucleus_dice"] is None
    assert {g["group"] for g in report["groups"]} == {"all fields", "sub"}
    assert "Nucleus Dice was not measured" in (report_folder / "report.md").read_text()
    (tmp_path / "some").mkdir()
    shutil.copy(results / "one_labels.tif", tmp_path / "some")
    assert here(*asked, tmp_path / "some", "--overwrite") == 2
    assert "two" in capsys.readouterr().err
