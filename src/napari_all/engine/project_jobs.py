"""Jobs around projects of images under correction."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from napari_all.engine.server import Job, Reply
from napari_all.monitor import Monitor
from napari_all.project.create import create_project


def _create_project(config: dict[str, Any], arrays: Mapping[str, NDArray[Any]], monitor: Monitor) -> Reply:
    masks = Path(config["masks"]) if config["masks"] else None
    created = create_project(Path(config["folder"]), Path(config["images"]), masks, who=config["who"], monitor=monitor)
    return Reply(dataclasses.asdict(created))


PROJECT_JOBS: dict[str, Job] = {"create_project": _create_project}
