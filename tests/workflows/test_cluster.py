"""Tasks on a real Dask cluster: who may work, how many there are at once, what becomes of those that end workers."""

from __future__ import annotations

import signal
import socket
import sys
from dataclasses import replace

import pytest

pytest.importorskip("distributed")

from cluster_tasks import EndWorker, Refuse, Square

from napari_all.cli import main
from napari_all.errors import DependencyError, ImageError, UsageError, WorkersEnded
from napari_all.monitor import NullMonitor
from napari_all.workflows import cluster, cluster_address
from napari_all.workflows.cluster import cluster_at
from napari_all.workflows.cluster_worker import check


def test_the_command_says_what_is_wrong_before_any_work(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(cluster_address, "CONNECT_S", 0.5)
    image = tmp_path / "image.png"
    image.write_text("never opened")
    command = ["segment", str(image), "--method", "hsv", "--output", str(tmp_path / "out"), "--scheduler"]
    with socket.create_server(("127.0.0.1", 0)) as gone:
        closed = gone.getsockname()[1]
    with socket.create_server(("127.0.0.1", 0)) as silent:
        dumb = silent.getsockname()[1]
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


def test_unfit_workers_are_named(dask, tmp_path):
    image = tmp_path / "00.png"
    image.write_text("never opened")
    with cluster_at(dask.address, [image], ["smear-unet"], tmp_path, NullMonitor()) as workers:
        terms = workers._terms
        assert check(terms) == ()
        ours = dict(terms.libraries)
        assert check(replace(terms, libraries=(("numpy", "0.1"),))) == (
            f"workers run numpy {ours['numpy']} (client: 0.1); results may differ a little",
        )
        for unfit, why in {
            replace(terms, version="napari-all 0.0"): "the client napari-all 0.0; install the same",
            replace(terms, inputs=((tmp_path / "gone.png", 1),)): "does not see .*gone.png",
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
        ((_, late),) = workers.stream([Square(2)], NullMonitor())  # a worker that came after the check
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
