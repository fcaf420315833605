"""Entry point of the engine process."""

import sys

from napari_all.engine.jobs import JOBS
from napari_all.engine.server import serve

if __name__ == "__main__":
    sys.exit(serve(JOBS))
