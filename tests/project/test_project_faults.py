"""Nothing is lost: kills, damaged files, a full disk, a folder that cannot be written to, two programs at once."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from project_of_tests import PREDICTED, SIDECAR, cells, painted, write_images

from napari_all.errors import Cancelled, ProjectError, SaveError, UsageError
from napari_all.io.masks import read_labels, write_labels
from napari_all.io.sidecar import Sidecar
from napari_all.monitor import NullMonitor
from napari_all.project.change import Change, diff_planes
from napari_all.project.create import create_project
from napari_all.project.log_file import read_log
from napari_all.project.plane_files import read_image_files
from napari_all.project.planes import Pixels
from napari_all.project.predicting import take_prediction
from napari_all.project.project import Project
from napari_all.project.worker import Worker

REPOSITORY = Path(__file__).resolve().parents[2]


def worked_on(folder: Path) -> Pixels:
    """Change the first image in three strokes, saved after the second; return what it then holds."""
    with Project(folder, pause_s=60) as project:
        pixels = project.load("a.png").pixels
        before = pixels.copy()
        pixels.classes[3:5, 3:5] = 1
        project.record("a.png", Change("nucleus", diff_planes(before, pixels)))
        project.record("a.png", painted(pixels, 9, 2, 2, size=2))
        project.save()
        project.record("a.png", painted(pixels, 8, 18, 2))
    return pixels


def test_twenty_kills_lose_at_most_the_last_stroke() -> None:
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else tempfile.gettempdir()  # what a kill leaves is the same there
    command = [sys.executable, "benchmarks/project_faults.py", "--kills", "20", "--seed", "3", "--folder", memory]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["strokes"] > 0


def killed(folder: Path) -> Pixels:
    """Change the first image and leave without saving the labels, as a kill does."""
    project = Project(folder, pause_s=60)
    pixels = project.load("a.png").pixels
    project.record("a.png", painted(pixels, 9, 14, 20))
    project.record("a.png", painted(pixels, 0, 2, 2))
    project.desk.write_logs(True)
    project.abandon()
    return pixels


def test_changes_after_the_last_save_are_brought_back_and_told(folder: Path) -> None:
    pixels = killed(folder)
    assert not (folder / "labels" / "a_labels.tif").exists()
    with Project(folder, pause_s=0.01) as project:
        assert project.reports == ["a.png: 2 changes after the last save were brought back from the log"]
        assert project.entry("a.png").status == "in work"
        assert project.load("a.png").pixels.same(pixels)
    np.testing.assert_array_equal(read_labels(folder / "labels" / "a_labels.tif").labels, pixels.labels)
    with Project(folder) as project:
        assert project.reports == []


def test_a_torn_last_line_is_dropped_and_told(folder: Path) -> None:
    killed(folder)
    path = folder / "log" / "a.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    with Project(folder) as project:
        assert any("unfinished change" in report for report in project.reports)
        expected = PREDICTED.copy()
        painted(expected, 9, 14, 20)
        assert project.load("a.png").pixels.same(expected)
        project.record("a.png", painted(expected, 4, 0, 0))
    with Project(folder) as project:
        assert project.load("a.png").pixels.same(expected)
        assert project.entry("a.png").edits == 2


@pytest.mark.parametrize("name", ["a_labels.tif", "a_classes.tif", "a_labels.json"])
@pytest.mark.parametrize("damage", [b"", b"nonsense", None])
def test_damaged_labels_are_restored_from_the_log(folder: Path, name: str, damage: bytes | None) -> None:
    pixels = worked_on(folder)
    path = folder / "labels" / name
    path.unlink() if damage is None else path.write_bytes(damage)
    with Project(folder) as project:
        opened = project.load("a.png")
        assert opened.pixels.same(pixels)
        if name != "a_labels.json" or damage is not None:
            assert len(opened.reports) == 1
    assert read_labels(folder / "labels" / "a_labels.tif").labels.max() == 9


def test_a_kill_between_the_labels_and_their_sidecar_is_mended(folder: Path) -> None:
    with Project(folder) as project:
        project.record("a.png", painted(project.load("a.png").pixels, 9, 14, 20))
        project.set_cell_classes({"a.png": {9: "blast"}})
    names = ("a_labels.json", "a_cell_classes.csv")
    before = {name: (folder / "labels" / name).read_bytes() for name in names}
    with Project(folder) as project:
        project.set_status("a.png", "corrected")
        project.set_cell_classes({"a.png": {9: "lymphocyte"}})
    for name in names:
        (folder / "labels" / name).write_bytes(before[name])
    with Project(folder) as project:
        project.load("a.png")
    found = read_image_files(folder / "labels" / "a_labels.tif")
    assert (found.sidecar.status, found.cell_classes) == ("corrected", {9: "lymphocyte"})


def test_labels_changed_by_another_program_are_kept_beside(folder: Path) -> None:
    pixels = worked_on(folder)
    write_labels(folder / "labels" / "a_labels.tif", cells((4, 0, 0)).labels, Sidecar(), cells((4, 0, 0)).classes)
    with Project(folder) as project:
        opened = project.load("a.png")
        assert opened.pixels.same(pixels)
        assert "changed by another program" in opened.reports[0]
    (kept,) = (folder / "alternatives").rglob("*_labels.tif")
    assert read_labels(kept).labels.max() == 4


def test_a_damaged_log_costs_the_history_only(folder: Path) -> None:
    pixels = worked_on(folder)
    path = folder / "log" / "a.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], lines[1].replace(b'"tool"', b'"loot"'), *lines[2:]]))
    with Project(folder) as project:
        assert project.load("a.png").pixels.same(pixels)
        project.record("a.png", painted(pixels, 4, 0, 0))
    with Project(folder) as project:
        assert project.load("a.png").pixels.same(pixels)
    path.unlink()
    with Project(folder) as project:
        opened = project.load("a.png")
        assert opened.pixels.same(pixels)
        assert any("log is missing" in report for report in project.reports)


def test_one_image_beyond_rescue_leaves_the_others_open(folder: Path) -> None:
    worked_on(folder)
    (folder / "labels" / "a_labels.tif").unlink()
    (folder / "predictions" / "a_labels.tif").write_bytes(b"")
    with Project(folder) as project:
        with pytest.raises(ProjectError, match="restore the project's files"):
            project.load("a.png")
        assert project.load("sub/c.png").pixels.same(PREDICTED)


def test_a_lost_table_is_made_again(folder: Path) -> None:
    worked_on(folder)
    (folder / "labels" / ".writing-x.tif").write_text("left by a kill")
    with Project(folder) as project:
        project.set_status("a.png", "accepted")
    assert not (folder / "labels" / ".writing-x.tif").exists()
    with Project(folder) as project:
        before = project.entries
    for content in (None, b"", b"image\nx,y,z", b"\xff\xfe"):
        path = folder / "images.csv"
        path.unlink() if content is None else path.write_bytes(content)
        with Project(folder) as project:
            assert project.entries == before


def test_a_prediction_lost_before_any_change_is_told(folder: Path) -> None:
    with Project(folder) as project:
        project.set_flag("a.png", True)
    shutil.rmtree(folder / "labels")
    shutil.rmtree(folder / "predictions")
    with Project(folder) as project:
        opened = project.load("a.png")
        assert not opened.pixels.labels.any()
        assert any("predict it again" in report for report in opened.reports)
        assert take_prediction(project, "a.png", PREDICTED, SIDECAR) == "prediction"
    with Project(folder) as project:
        assert project.load("a.png").pixels.same(PREDICTED)


@contextmanager
def full_disk(free: int = 0) -> Iterator[None]:
    """Let no file of this process grow beyond `free` bytes, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def not_writable(folder: Path) -> Iterator[None]:
    """Take the right to write to a folder away; root, who may do anything, becomes nobody meanwhile."""
    everything = [folder, *folder.rglob("*")]
    for path in everything:
        path.chmod(0o555 if path.is_dir() else 0o444)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        for path in everything:
            path.chmod(0o755 if path.is_dir() else 0o644)


@pytest.mark.parametrize("free", [0, 900])
def test_a_full_disk_blocks_moving_on_and_loses_nothing(folder: Path, free: int) -> None:
    with Project(folder, pause_s=0.01) as project:
        pixels = project.load("a.png").pixels
        with full_disk(free):
            for label in (5, 6, 7):
                project.record("a.png", painted(pixels, label, label, label))
            with pytest.raises(SaveError, match="cannot write") as refused:
                project.save()
            assert "folder" in str(refused.value)
            with pytest.raises(SaveError):
                project.raise_if_unsaved()
            assert project.unsaved == ["a.png"]
            project.undo()  # work goes on in memory
            project.redo()
        project.save()
        project.raise_if_unsaved()
        assert project.unsaved == []
    assert read_log(folder / "log" / "a.jsonl").torn == 0
    with Project(folder) as project:
        assert project.load("a.png").pixels.same(pixels)
        assert project.reports == []


def test_what_a_full_disk_refused_can_go_to_another_folder(folder: Path, tmp_path: Path) -> None:
    project = Project(folder, pause_s=0.01)
    pixels = project.load("a.png").pixels
    with full_disk(900):
        project.record("a.png", painted(pixels, 5, 5, 5))
        with pytest.raises(SaveError):
            project.save()
    (folder / "labels").rename(folder / "gone")  # this folder stays useless
    (folder / "labels").write_text("")
    project.record("a.png", painted(pixels, 6, 8, 8))
    with pytest.raises(SaveError):
        project.save()
    (folder / "labels").unlink()
    with pytest.raises(UsageError, match="not empty"):
        project.move_to(folder.parent / "images")
    project.move_to(tmp_path / "far" / "new")
    project.record("a.png", painted(pixels, 7, 11, 11))
    project.close()
    with Project(tmp_path / "far" / "new") as project:
        assert project.load("a.png").pixels.same(pixels)


def test_a_read_only_project_can_be_looked_at_and_saved_elsewhere() -> None:
    home = Path(tempfile.mkdtemp())  # pytest's own folders are closed to others
    home.chmod(0o777)
    try:
        _read_only(home)
    finally:
        shutil.rmtree(home)


def _read_only(home: Path) -> None:
    write_images(home / "images")
    create_project(home / "project", home / "images")
    with Project(home / "project") as project:
        take_prediction(project, "a.png", PREDICTED, SIDECAR)
    with not_writable(home / "project"):
        project = Project(home / "project", who="me", pause_s=0.01)
        assert project.read_only
        assert "nothing can be saved" in project.reports[0]
        pixels = project.load("a.png").pixels
        project.raise_if_unsaved()
        project.record("a.png", painted(pixels, 5, 5, 5))
        with pytest.raises(SaveError, match="another folder"):
            project.save()
        project.move_to(home / "copy")
        assert not project.read_only
        project.close()
    with Project(home / "copy") as project:
        assert project.load("a.png").pixels.same(pixels)


def test_a_project_is_open_once(folder: Path) -> None:
    with Project(folder, "Ada"), pytest.raises(ProjectError, match=r"open in another program \(Ada, process \d+"):
        Project(folder)
    with Project(folder):
        pass


HOLDER = """
import sys, time
from pathlib import Path
from napari_all.project.lock import ProjectLock
lock = ProjectLock(Path(sys.argv[1]), "dead")
print("held", flush=True)
time.sleep(60)
"""


def test_the_lock_of_a_dead_process_keeps_nobody_out(folder: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(folder / "project.lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(ProjectError, match="dead, process"):
            Project(folder)
        holder.kill()
    with Project(folder) as project:
        assert project.reports == []


def test_a_worker_keeps_a_failure_until_it_is_over() -> None:
    broken = [True]

    def work(everything: bool) -> float | None:
        if broken[0]:
            raise RuntimeError("no")
        return None

    worker = Worker("test", work)
    with pytest.raises(SaveError, match=r"saving failed \(RuntimeError: no\)"):
        worker.flush()
    broken[0] = False
    worker.poke()
    deadline = time.monotonic() + 10
    while worker.failure is not None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert worker.failure is None
    worker.flush()
    worker.close()


def test_a_change_waits_for_the_one_before_it_and_a_disk_that_hangs_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_all.project.folder.PATIENCE_S", 0.4)
    with Project(folder, pause_s=60) as project:
        pixels = project.load("a.png").pixels
        delay = 0.1

        def slowly(everything: bool) -> float | None:
            time.sleep(delay)
            return project.desk.write_logs(everything)

        monkeypatch.setattr(project._logger, "_work", slowly)
        held = project.desk.hold("a.png")[0]
        for label in (5, 6, 7):
            project.record("a.png", painted(pixels, label, 14, 20))
            assert sum(isinstance(line.what, Change) for line in held.pending) == 1
        assert project.failure is None
        delay = 2.0
        project.record("a.png", painted(pixels, 8, 14, 20))
        project.record("a.png", painted(pixels, 9, 14, 20))
        assert "has not taken the last changes" in str(project.failure)
        with pytest.raises(SaveError):
            project.raise_if_unsaved()
        delay = 0.0


def test_a_project_moves_while_it_is_worked_on(folder: Path, tmp_path: Path) -> None:
    with Project(folder, pause_s=0.01) as project:
        pixels = project.load("a.png").pixels
        reports: list[tuple[int, int]] = []

        class Working(NullMonitor):
            """Changes the image after each file that was copied."""

            def report(self, stage: str, done: int, total: int) -> None:
                reports.append((done, total))
                project.record("a.png", painted(pixels, 10 + len(reports), 14, 20))

        project.move_to(tmp_path / "new", Working())
        assert reports[-1][0] == reports[-1][1] > 3
        project.record("a.png", painted(pixels, 9, 2, 2))
        assert project.layout.folder == tmp_path / "new"
    with Project(tmp_path / "new") as project:
        assert project.reports == []
        assert project.load("a.png").pixels.same(pixels)

        class Stopped(NullMonitor):
            def raise_if_cancelled(self) -> None:
                raise Cancelled("stopped")

        with pytest.raises(Cancelled):
            project.move_to(tmp_path / "third", Stopped())
        project.record("a.png", painted(pixels, 8, 2, 2))
        assert project.layout.folder == tmp_path / "new"
