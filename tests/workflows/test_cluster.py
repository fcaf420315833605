"""A batch on a real Dask scheduler with workers in processes of their own: same results, failures, stops, resuming."""

from __future__ import annotations

import csv
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

pytest.importorskip("distributed")

from cluster_tasks import EndWorker, Refuse, Square

from napari_all.cli import main
from napari_all.data.synthetic import make_smear
from napari_all.errors import Cancelled, ClusterError, DependencyError, ImageError, UsageError, WorkersEnded
from napari_all.io.inputs import InputImage
from napari_all.monitor import NullMonitor
from napari_all.workflows import cluster, cluster_address
from napari_all.workflows.batch import segment_batch
from napari_all.workflows.classify import ClassifyConfig
from napari_all.workflows.classify_batch import classify_batch
from napari_all.workflows.cluster import cluster_at
from napari_all.workflows.cluster_worker import check
from napari_all.workflows.run_record import read_record
from napari_all.workflows.segment import make_config
from napari_all.workflows.segment_cluster import find_on
from napari_all.workflows.segment_files import Extras, ImageFiles
from napari_all.workflows.segment_slide import segment_slide

HSV = make_config("hsv")
UNET = make_config("unet", assignments=["diameter_px=22", "device=cpu"])


class LocalDask:
    """A scheduler and workers, one process each, on this machine's own address."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self._folder = folder
        self._environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)} | environment
        self.workers: list[subprocess.Popen] = []
        told = folder / "scheduler.json"
        self.scheduler = self._start("scheduler", "--port", "0", "--scheduler-file", str(told))
        self.address = json.loads(wait_for(lambda: told.exists() and told.read_text()))["address"]

    def _start(self, kind: str, *arguments: str) -> subprocess.Popen:
        command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", "--host", "127.0.0.1", "--no-dashboard"]
        with (self._folder / f"{kind}.log").open("ab") as log:
            return subprocess.Popen([*command, *arguments], env=self._environment, stdout=log, stderr=log)

    def add_worker(self) -> None:
        rules = ["--no-nanny", "--nthreads", "1", "--memory-limit", "0", "--local-directory", str(self._folder)]
        self.workers.append(self._start("worker", self.address, *rules))

    def add_workers(self, count: int) -> LocalDask:
        from distributed import Client

        for _ in range(count):
            self.add_worker()
        with Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(count)
        return self

    def close(self) -> None:
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


def wait_for(found, seconds: float = 60.0):
    end = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)
    return value


@pytest.fixture
def new_dask(tmp_path: Path) -> Iterator[LocalDask]:
    """A scheduler for one test that ends what it is given."""
    dask = LocalDask(tmp_path, DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="0")
    yield dask
    dask.close()


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalDask]:
    """A scheduler with two workers."""
    running = LocalDask(tmp_path_factory.mktemp("dask")).add_workers(2)
    yield running
    running.close()


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


def test_the_command_says_what_is_wrong_before_any_work(smears, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(cluster_address, "CONNECT_S", 0.5)
    command = ["segment", str(smears), "--method", "hsv", "--output", str(tmp_path / "out"), "--scheduler"]
    with socket.create_server(("127.0.0.1", 0)) as silent:
        closed, dumb = silent.getsockname()[1] + 1, silent.getsockname()[1]
        for address, why in {
            "here": "write it as tcp://host:8786",
            "tcp://host": "write it as tcp://host:8786",
            "tcp://host:port": "write it as tcp://host:8786",
            "http://host:80": "write it as tcp://host:8786",
            f"tcp://127.0.0.1:{closed}": "no Dask scheduler can be reached",
            f"tcp://127.0.0.1:{dumb}": "no Dask scheduler can be reached",
        }.items():
            assert main([*command, address]) == 2
            assert why in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_without_distributed_the_command_tells_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with (
        pytest.raises(DependencyError, match=r"pip install 'napari-all\[cluster\]'"),
        cluster_at("tcp://127.0.0.1:8786", [], [], tmp_path, NullMonitor()),
    ):
        pass


def test_a_workers_address_is_no_schedulers(dask, tmp_path):
    from distributed import Client

    with Client(dask.address, set_as_default=False) as client:
        worker = next(iter(client.nthreads()))
    with pytest.raises(UsageError, match="Dask worker, no scheduler"):
        cluster_address.check_scheduler(worker)


def test_unfit_workers_are_named(dask, smears, tmp_path):
    image = smears / "00.png"
    with cluster_at(dask.address, [image], ["smear-unet"], tmp_path, NullMonitor()) as workers:
        terms = workers._terms
        assert check(terms) == ()
        ours = dict(terms.libraries)
        assert check(replace(terms, libraries=(("numpy", "0.1"),))) == (
            f"workers run numpy {ours['numpy']} (client: 0.1); results may differ a little",
        )
        for unfit, why in {
            replace(terms, version="napari-all 0.0"): "the client napari-all 0.0; install the same",
            replace(terms, inputs=((smears / "gone.png", 1),)): "does not see .*gone.png",
            replace(terms, inputs=((image, 1),)): "does not see .*00.png",
            replace(terms, marker=tmp_path / "elsewhere" / "x" / "token"): "does not see the output folder .*elsewhere",
            replace(terms, weights=(("smear-unet", "0" * 64),)): "weights of 'smear-unet' are others",
            replace(terms, weights=(("no-such", "0" * 64),)): "no model 'no-such'",
        }.items():
            with pytest.raises(UsageError, match=why):
                check(unfit)
        workers._terms = replace(terms, version="napari-all 0.0")
        with pytest.raises(UsageError, match=r"worker tcp://127.0.0.1:\d+ cannot be used: it runs napari-all"):
            workers.check_workers(NullMonitor())
        ((_, late),) = cluster.stream([Square(2)], NullMonitor())  # a worker that came after the check
        assert isinstance(late, UsageError)
        assert "cannot be used: it runs napari-all" in str(late)


def test_few_tasks_are_in_flight_however_many_there_are(dask, tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "_LEAST_AHEAD", 16)
    sent = 0

    def tasks():
        nonlocal sent
        for number in range(100):
            sent += 1
            yield Refuse() if number == 50 else Square(number)

    with cluster_at(dask.address, [], [], tmp_path, NullMonitor()) as workers:
        answers = {}
        for number, answer in workers.stream(tasks(), NullMonitor()):
            answers[number] = answer
            assert sent - len(answers) <= 16
    assert isinstance(answers[50], ImageError)
    assert all(answers[n].result == n * n for n in range(100) if n != 50)
    assert answers[0].messages == ("squaring",)


def test_a_task_that_ends_workers_fails_and_the_others_do_not(new_dask, tmp_path):
    new_dask.add_workers(3)
    tasks = [Square(0), EndWorker(), *(Square(n) for n in range(2, 12))]
    with cluster_at(new_dask.address, [], [], tmp_path, NullMonitor()) as workers:
        answers = dict(workers.stream(tasks, NullMonitor()))
    assert isinstance(answers.pop(1), WorkersEnded)
    assert {n: answer.result for n, answer in answers.items()} == {n: n * n for n in (0, *range(2, 12))}
    assert [worker.poll() for worker in new_dask.workers].count(-signal.SIGKILL) == 2


def test_without_workers_it_says_so_and_waits(new_dask, smears, here, tmp_path):
    watch = Watch()
    watch.message = lambda text: new_dask.add_worker() if "no worker" in text else None
    record = segment_batch([smears / "00.png"], tmp_path / "out", HSV, scheduler=new_dask.address, monitor=watch)
    assert [entry.status for entry in record.inputs] == ["done"]
    assert len(new_dask.workers) == 1


def test_a_lost_scheduler_ends_the_run_and_the_record_tells_what_is_done(new_dask, smears, tmp_path):
    new_dask.add_workers(1)
    with pytest.raises(ClusterError, match="--resume"):
        segment_batch([smears], tmp_path, HSV, scheduler=new_dask.address, monitor=Watch(2, new_dask.scheduler.kill))
    record = read_record(tmp_path / "run.json")
    statuses = [entry.status for entry in record.inputs]
    assert not record.complete
    assert statuses.count("done") >= 2
    assert "not started" in statuses


def test_blocks_of_a_slide_are_shared_out_and_give_the_same(dask, tmp_path):
    pytest.importorskip("torch")
    rgb = make_smear(seed=3, shape=(300, 420), cell_diameter_px=22.0).rgb
    path = tmp_path / "slide.tif"
    tifffile.imwrite(path, rgb, photometric="rgb", tile=(64, 64), metadata=None)
    image = InputImage(path, path.name)
    config = make_config("unet", assignments=["device=cpu"])  # the diameter is estimated, too
    made = []
    for place in ("here", "there"):
        output = tmp_path / place
        output.mkdir()
        files = ImageFiles.of(image, output)
        with cluster_at(dask.address, [path], ["smear-unet"], output, NullMonitor()) as workers:
            more = {"find": partial(find_on, workers)} if place == "there" else {}
            segment_slide(path, files, config, Extras(), NullMonitor(), block_px=200, **more)
        made.append(results(output))
    assert made[0] == made[1]
    assert tifffile.imread(tmp_path / "there" / "slide_labels.tif").max() > 3


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
