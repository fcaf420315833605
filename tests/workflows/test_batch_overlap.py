"""A batch reads, computes and writes at once: same files as one after the other, failures and stops at each step."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from PIL import Image

from napari_all.data.synthetic import SyntheticSmear
from napari_all.errors import Cancelled
from napari_all.io.inputs import find_images
from napari_all.monitor import NullMonitor
from napari_all.workflows.batch import segment_batch
from napari_all.workflows.segment import make_config
from napari_all.workflows.segment_files import Extras
from napari_all.workflows.segment_task import SegmentTask

HSV = make_config("hsv")
NAMES = [f"{k}.png" for k in range(6)]


@pytest.fixture
def folder(tmp_path: Path, field: SyntheticSmear) -> Path:
    source = tmp_path / "images"
    source.mkdir()
    for number, name in enumerate(NAMES):
        Image.fromarray(field.rgb[: 224 - 20 * number, ::-1]).save(source / name)
    return source


class At(NullMonitor):
    """Does something in the middle of computing one image."""

    def __init__(self, number: int, act) -> None:
        self._number, self._act = number, act
        self._now, self._asked = -1, 0

    def report(self, stage: str, done: int, total: int) -> None:
        self._now, self._asked = done, 0

    def raise_if_cancelled(self) -> None:
        self._asked += 1
        if (self._now, self._asked) == (self._number, 2):  # the first time is before the image is begun
            self._act()


def raising(error: BaseException):
    def act() -> None:
        raise error

    return act


def files(output: Path) -> dict[str, bytes]:
    """Return the content of the files of images; there must be no others but the tables."""
    found = {p.name: p.read_bytes() for p in output.iterdir() if p.name not in ("images.csv", "run.json")}
    assert all(name.split("_")[0] + ".png" in NAMES for name in found)
    return found


@pytest.fixture
def alone(folder: Path, tmp_path: Path) -> dict[str, bytes]:
    """Files of the images, made one after the other."""
    for image in find_images([folder]):
        SegmentTask(image, tmp_path / "alone", HSV, Extras()).run(NullMonitor())
    return files(tmp_path / "alone")


def of(names: list[str], everything: dict[str, bytes]) -> dict[str, bytes]:
    return {name: content for name, content in everything.items() if name.split("_")[0] + ".png" in names}


def no_thread_left() -> bool:
    return not [t for t in threading.enumerate() if t.name.startswith(("rest", "read-ahead"))]


def test_files_are_those_that_one_after_the_other_makes(folder: Path, tmp_path: Path, alone: dict[str, bytes]) -> None:
    record = segment_batch([folder], tmp_path / "out", HSV)
    assert [entry.image for entry in record.inputs] == NAMES
    assert [entry.shape for entry in record.inputs] == [(224 - 20 * k, 224) for k in range(6)]
    assert files(tmp_path / "out") == alone
    assert len(alone) == 4 * len(NAMES)
    assert no_thread_left()


def test_failures_of_reading_computing_and_writing_are_each_one_images(
    folder: Path, tmp_path: Path, alone: dict[str, bytes]
) -> None:
    output = tmp_path / "out"
    (folder / "1.png").write_bytes((folder / "1.png").read_bytes()[:2000])
    (output / "4_classes.tif").mkdir(parents=True)
    monitor = At(2, raising(RuntimeError("out of luck")))
    record = segment_batch([folder], output, HSV, overwrite=True, monitor=monitor)
    assert [entry.status for entry in record.inputs] == ["done", "failed", "failed", "done", "failed", "done"]
    told = [entry.error or "" for entry in record.failed]
    assert "truncated" in told[0]
    assert told[1] == "RuntimeError: out of luck"
    assert "4_classes.tif" in told[2]
    assert not (output / "4_labels.json").exists()
    whole = ["0.png", "3.png", "5.png"]
    (output / "4_classes.tif").rmdir()
    assert of(whole, files(output)) == of(whole, alone)
    assert not list(output.glob(".writing-*"))


def test_a_stop_while_computing_keeps_what_is_finished(folder: Path, tmp_path: Path, alone: dict[str, bytes]) -> None:
    output = tmp_path / "out"
    record = segment_batch([folder], output, HSV, monitor=At(3, raising(Cancelled("stopped"))))
    assert [entry.status for entry in record.inputs] == ["done"] * 3 + ["not started"] * 3
    assert json.loads((output / "run.json").read_text())["complete"] is False
    assert files(output) == of(NAMES[:3], alone)
    assert no_thread_left()


def test_an_interrupt_leaves_whole_files_and_resume_makes_the_others(
    folder: Path, tmp_path: Path, alone: dict[str, bytes]
) -> None:
    output = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        segment_batch([folder], output, HSV, monitor=At(3, raising(KeyboardInterrupt())))
    assert files(output) == of(NAMES[:3], alone)
    assert no_thread_left()
    record = segment_batch([folder], output, HSV, resume=True)
    assert [entry.status for entry in record.inputs] == ["skipped"] * 3 + ["done"] * 3
    assert files(output) == alone


KILLED = """
import os, signal, sys
from napari_all.monitor import NullMonitor
from napari_all.workflows.batch import segment_batch
from napari_all.workflows.segment import make_config

class Kill(NullMonitor):
    def report(self, stage, done, total):
        if done == 3:
            os.kill(os.getpid(), signal.SIGKILL)

segment_batch([sys.argv[1]], __import__("pathlib").Path(sys.argv[2]), make_config("hsv"), monitor=Kill())
"""


def test_a_killed_run_is_gone_on_with_to_the_same_files(folder: Path, tmp_path: Path, alone: dict[str, bytes]) -> None:
    output = tmp_path / "out"
    ended = subprocess.run([sys.executable, "-c", KILLED, str(folder), str(output)], check=False)
    assert ended.returncode == -signal.SIGKILL
    left = {p.name for p in output.glob("*_labels.json")}
    assert {"0_labels.json"} <= left <= {f"{k}_labels.json" for k in range(3)}
    record = segment_batch([folder], output, HSV, resume=True)
    assert [entry.status == "skipped" for entry in record.inputs] == [f"{k}_labels.json" in left for k in range(6)]
    assert files(output) == alone, "nor is a file left that was being written"


def test_while_an_image_is_computed_no_more_than_the_next_one_is_read(folder: Path, tmp_path: Path) -> None:
    def remove() -> None:
        for name in NAMES[1:]:
            (folder / name).unlink()

    record = segment_batch([folder], tmp_path / "out", HSV, monitor=At(0, remove))
    assert record.inputs[0].status == "done"
    assert [entry.status for entry in record.inputs[2:]] == ["failed"] * 4


def test_looking_for_earlier_results_tells_how_far_it_is_and_can_be_stopped(folder: Path, tmp_path: Path) -> None:
    class Stop(NullMonitor):
        def __init__(self) -> None:
            self.said: list[tuple[str, int, int]] = []

        def report(self, stage: str, done: int, total: int) -> None:
            self.said.append((stage, done, total))

        def raise_if_cancelled(self) -> None:
            if self.said[-1] == ("earlier results", 2, 6):
                raise Cancelled("stopped")

    segment_batch([folder], tmp_path / "out", HSV)
    before = files(tmp_path / "out")
    with pytest.raises(Cancelled):
        segment_batch([folder], tmp_path / "out", HSV, resume=True, monitor=Stop())
    assert files(tmp_path / "out") == before


def test_what_another_process_ends_while_a_run_is_gone_on_with_is_kept(folder, alone, tmp_path):
    """A worker of a cluster ends the image in its hand after the run was stopped."""
    output = tmp_path / "late"
    output.mkdir()

    class Late(NullMonitor):
        def report(self, stage: str, done: int, total: int) -> None:
            if (stage, done, total) == ("earlier results", 2, len(NAMES)):  # the first image was looked at
                for name, content in alone.items():
                    if name.startswith("0_"):
                        (output / name).write_bytes(content)

    record = segment_batch([folder], output, HSV, resume=True, monitor=Late())
    assert [entry.status for entry in record.inputs] == ["skipped", *["done"] * (len(NAMES) - 1)]
    assert files(output) == alone
