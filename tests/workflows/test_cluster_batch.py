"""A batch on a real Dask scheduler with workers in processes of their own: same results, failures, stops, resuming."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

pytest.importorskip("distributed")


from local_dask import LocalDask

from napari_all.data.synthetic import make_smear
from napari_all.errors import Cancelled, ClusterError
from napari_all.io.inputs import InputImage
from napari_all.monitor import NullMonitor
from napari_all.workflows.batch import segment_batch
from napari_all.workflows.classify import ClassifyConfig
from napari_all.workflows.classify_batch import classify_batch
from napari_all.workflows.cluster import cluster_at
from napari_all.workflows.run_record import read_record
from napari_all.workflows.segment import make_config
from napari_all.workflows.segment_cluster import find_on
from napari_all.workflows.segment_files import Extras, ImageFiles
from napari_all.workflows.segment_slide import segment_slide

HSV = make_config("hsv")
UNET = make_config("unet", assignments=["diameter_px=22", "device=cpu"])


@pytest.fixture(scope="module")
def smears(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve images in two folders, and a file that is none."""
    folder = tmp_path_factory.mktemp("smears")
    (folder / "day2").mkdir()
    rgb = make_smear(seed=3, shape=(224, 224), cell_diameter_px=22.0).rgb
    for number in range(12):
        place = folder / "day2" if number % 2 else folder
        Image.fromarray(np.roll(rgb, 15 * number, axis=1)).save(place / f"{number:02}.png")
    (folder / "05_broken.png").write_text("no image")
    return folder


@pytest.fixture(scope="module")
def here(smears: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What this process makes of them."""
    output = tmp_path_factory.mktemp("here")
    segment_batch([smears], output, HSV)
    return output


def results(folder: Path) -> dict[str, bytes]:
    """Return all files but those that tell how long it took."""
    files = (p for p in folder.rglob("*") if p.is_file() and p.name not in ("run.json", "images.csv"))
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in files}


class Watch(NullMonitor):
    """Notes what it is told, and does something when some images are done."""

    def __init__(self, images: int = -1, act=lambda: None) -> None:
        self.done: list[int] = []
        self.said: list[str] = []
        self._images, self._act = images, act

    def report(self, stage: str, done: int, total: int) -> None:
        self.done.append(done)
        if done == self._images:
            self._images = -1
            self._act()

    def message(self, text: str) -> None:
        self.said.append(text)


class Stop(Watch):
    """Asks to stop when some images are done."""

    def __init__(self, images: int) -> None:
        super().__init__(images, lambda: setattr(self, "stopped", True))
        self.stopped = False

    def raise_if_cancelled(self) -> None:
        if self.stopped:
            raise Cancelled("stopped by the test")


def test_same_files_records_and_failures_as_here(dask, smears, here, tmp_path):
    watch = Watch()
    record = segment_batch([smears], tmp_path / "out", HSV, scheduler=dask.address, monitor=watch)
    assert results(tmp_path / "out") == results(here)
    local = read_record(here / "run.json")
    for told in ("settings", "parts", "device", "complete", "libraries", "software"):
        assert getattr(record, told) == getattr(local, told)
    strip = {"seconds": None}
    assert [e.updated(**strip) for e in record.inputs] == [e.updated(**strip) for e in local.inputs]
    assert all(entry.seconds > 0 for entry in record.inputs if entry.status == "done")
    assert [entry.image for entry in record.failed] == ["05_broken.png"]
    assert str(smears) not in (tmp_path / "out" / "run.json").read_text()
    assert (watch.done[0], watch.done[-1]) == (0, 13)
    assert watch.done == sorted(watch.done)
    with (tmp_path / "out" / "images.csv").open(newline="") as stream:
        assert len(list(csv.DictReader(stream))) == 13


def test_a_killed_workers_images_are_done_by_the_other(new_dask, smears, here, tmp_path):
    new_dask.add_workers(2)
    kill = Watch(2, new_dask.workers[0].kill)
    record = segment_batch([smears], tmp_path / "out", HSV, scheduler=new_dask.address, monitor=kill)
    assert new_dask.workers[0].wait() == -signal.SIGKILL
    assert record.complete
    assert [entry.status for entry in record.inputs].count("done") == 12
    assert results(tmp_path / "out") == results(here)


def test_a_stop_keeps_what_is_finished_and_resuming_makes_the_rest(dask, smears, here, tmp_path):
    output = tmp_path / "out"
    record = segment_batch([smears], output, HSV, scheduler=dask.address, monitor=Stop(3))
    statuses = [entry.status for entry in record.inputs]
    assert not record.complete
    assert statuses.count("done") + statuses.count("failed") >= 3
    assert "not started" in statuses
    assert not list(output.glob(".napari-all-*"))
    finished = {entry.image for entry in record.inputs if entry.status == "done"}
    resumed = segment_batch([smears], output, HSV, resume=True, scheduler=dask.address)
    assert resumed.complete
    assert finished <= {entry.image for entry in resumed.inputs if entry.status == "skipped"}
    assert results(output) == results(here)


def test_without_workers_it_says_so_and_waits(new_dask, smears, here, tmp_path):
    watch = Watch()
    watch.message = lambda text: new_dask.add_worker() if "no worker" in text else None
    record = segment_batch([smears / "00.png"], tmp_path / "out", HSV, scheduler=new_dask.address, monitor=watch)
    assert [entry.status for entry in record.inputs] == ["done"]
    assert len(new_dask.workers) == 1


def test_a_lost_scheduler_ends_the_run_and_the_record_tells_what_is_done(smears, tmp_path, tmp_path_factory):
    lost = LocalDask(tmp_path_factory.mktemp("lost")).add_workers(1)
    with pytest.raises(ClusterError, match="--resume"):
        segment_batch([smears], tmp_path, HSV, scheduler=lost.address, monitor=Watch(2, lost.scheduler.kill))
    lost.close()
    record = read_record(tmp_path / "run.json")
    statuses = [entry.status for entry in record.inputs]
    assert not record.complete
    assert statuses.count("done") >= 2
    assert "not started" in statuses


@pytest.fixture(scope="module")
def slide(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("slide") / "slide.tif"
    rgb = make_smear(seed=3, shape=(220, 300), cell_diameter_px=22.0).rgb
    tifffile.imwrite(path, rgb, photometric="rgb", tile=(64, 64), metadata=None)
    return path


def segment_blocks(slide: Path, output: Path, resume=False, monitor=None, **more) -> None:
    """Segment a slide in small blocks, its diameter estimated."""
    config, files = (
        make_config("unet", assignments=["device=cpu"]),
        ImageFiles.of(InputImage(slide, slide.name), output),
    )
    segment_slide(slide, files, config, Extras(), monitor or NullMonitor(), block_px=150, resume=resume, **more)


def test_blocks_of_a_slide_are_shared_out_stopped_and_gone_on_with(dask, slide, tmp_path):
    pytest.importorskip("torch")
    here, there = tmp_path / "here", tmp_path / "there"
    segment_blocks(slide, here)
    for resume, monitor in ((False, Stop(2)), (True, NullMonitor())):
        with cluster_at(dask.address, [slide], ["smear-unet"], there, NullMonitor()) as workers:
            try:
                segment_blocks(slide, there, resume, monitor, find=partial(find_on, workers))
            except Cancelled:
                assert not resume
        assert (there / "slide_labels.json").exists() == resume
    assert results(there) == results(here)
    assert tifffile.imread(there / "slide_labels.tif").max() > 3


def test_slides_among_images_and_a_client_without_torch(dask, tmp_path):
    pytest.importorskip("torch")
    source = tmp_path / "in"
    source.mkdir()
    rgb = make_smear(seed=3, shape=(128, 160), cell_diameter_px=22.0).rgb
    Image.fromarray(rgb).save(source / "b.png")
    with tifffile.TiffWriter(source / "a.tif") as tif:
        for step in (1, 2):
            more = {"subifds": 1} if step == 1 else {"subfiletype": 1}
            tif.write(rgb[::step, ::step], tile=(64, 64), photometric="rgb", metadata=None, **more)
    segment_batch([source], tmp_path / "here", UNET)
    options = ["--method", "unet", "--set", "diameter_px=22", "--set", "device=cpu", "--output", str(tmp_path / "out")]
    script = "import sys; from napari_all.cli import main; sys.exit(main(sys.argv[1:]) or 'torch' in sys.modules)"
    command = ["segment", str(source), *options, "--scheduler", dask.address, "--json"]
    done = subprocess.run([sys.executable, "-c", script, *command], capture_output=True, text=True, check=True)
    assert [entry["status"] for entry in json.loads(done.stdout)["inputs"]] == ["done", "done"]
    assert results(tmp_path / "out") == results(tmp_path / "here")


def test_predictions_heat_maps_and_pages_are_those_of_this_process(dask, smears, tmp_path):
    pytest.importorskip("torch")
    some = [smears / name for name in ("00.png", "02.png", "05_broken.png")]
    config = ClassifyConfig(device="cpu")
    for place, address in {"here": None, "there": dask.address}.items():
        folder = tmp_path / place
        more = {"cells": HSV, "explain": folder / "heat", "report": folder / "page.html", "scheduler": address}
        record = classify_batch(some, folder / "table.csv", config, **more)
        assert [entry.status for entry in record.inputs] == ["done", "done", "failed"]
    made, wanted = (results(tmp_path / place) for place in ("there", "here"))
    assert made.keys() == wanted.keys()
    assert {"table.csv", "table_cells.csv", "heat/00_gradcam.tif", "page.html"} < made.keys()
    assert {name for name in made if made[name] != wanted[name]} <= {"page.html", "table_run.json"}
    again = classify_batch(some, tmp_path / "there" / "table.csv", config, **more | {"report": None}, resume=True)
    assert [entry.status for entry in again.inputs] == ["skipped", "skipped", "failed"]
