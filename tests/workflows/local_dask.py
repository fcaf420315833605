"""A Dask scheduler and its workers as processes of this machine, for tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

Value = TypeVar("Value")


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

    def end_workers(self) -> None:
        for worker in self.workers:
            end(worker)
        self.workers.clear()

    def close(self) -> None:
        self.end_workers()
        end(self.scheduler)


def end(process: subprocess.Popen) -> None:
    process.kill()
    process.wait()


def wait_for(found: Callable[[], Value], seconds: float = 60.0) -> Value:
    end = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)
    return value
