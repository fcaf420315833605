"""Entry point of the engine process."""

import sys

from napari_all.engine.jobs import JOBS
from napari_all.engine.server import serve
from napari_all.networks.device import let_threads_sleep

if __name__ == "__main__":
    let_threads_sleep()
    sys.exit(serve(JOBS))
