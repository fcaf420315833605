"""An engine with jobs that behave well and badly, for the tests of its client and its loop."""

import os
import sys
import time

import numpy as np

from napari_all.engine.server import Reply, serve
from napari_all.errors import Cancelled, ImageError


def echo(config, arrays, monitor):
    print("a job may print without breaking the pipe")
    monitor.message("device: test")
    for step in range(3):
        monitor.report("steps", step + 1, 3)
    return Reply({"config": config, "pid": os.getpid()}, {k: v.copy() for k, v in arrays.items()})


def wait(config, arrays, monitor):
    monitor.report("waiting", 0, 1)
    while True:
        monitor.raise_if_cancelled()
        time.sleep(0.01)


def deaf(config, arrays, monitor):
    monitor.report("deaf", 0, 1)
    time.sleep(600)


def keep_best(config, arrays, monitor):
    monitor.report("waiting", 0, 1)
    try:
        while True:
            monitor.raise_if_cancelled()
            time.sleep(0.01)
    except Cancelled:
        return Reply({"kept": True})


def refuse(config, arrays, monitor):
    raise ImageError("smear.tif holds no pixels; choose another file")


def stumble(config, arrays, monitor):
    raise ZeroDivisionError("seven")


def crash(config, arrays, monitor):
    print("last words", file=sys.stderr, flush=True)
    os._exit(13)


def grow(config, arrays, monitor):
    return Reply({}, {"big": np.full(config["shape"], 7, np.uint8)})


JOBS = {f.__name__: f for f in (echo, wait, deaf, keep_best, refuse, stumble, crash, grow)}

if __name__ == "__main__":
    sys.exit(serve(JOBS))
