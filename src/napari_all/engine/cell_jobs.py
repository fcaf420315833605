"""Jobs around single cells: measured in one image, and over a project."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_all.engine.server import Job, Reply
from napari_all.errors import ImageError, MaskError
from napari_all.monitor import Monitor
from napari_all.project.layout import Layout
from napari_all.segmentation.measure import measure_cells
from napari_all.types import Cell
from napari_all.workflows.project_cells import saved_cells

Config = dict[str, Any]
Arrays = Mapping[str, NDArray[Any]]


def cell_rows(cells: tuple[Cell, ...]) -> list[dict[str, Any]]:
    """Return cells JSON-ready; `Cell(**row)` makes each again."""
    return [dataclasses.asdict(cell) for cell in cells]


def _measure(config: Config, arrays: Arrays, monitor: Monitor) -> Reply:
    labels = arrays["labels"].astype(np.int32, copy=False)
    return Reply({"cells": cell_rows(measure_cells(labels, arrays.get("classes"), config["parts"]))})


def _project_cells(config: Config, arrays: Arrays, monitor: Monitor) -> Reply:
    layout, images = Layout(Path(config["folder"])), Path(config["images_folder"])
    found: dict[str, Any] = {}
    failed: dict[str, str] = {}
    for image in config["images"]:
        monitor.raise_if_cancelled()
        try:
            measured = saved_cells(layout, images, image)
        except (ImageError, MaskError) as error:
            failed[image] = str(error)
            continue
        found[image] = {**vars(measured), "cells": cell_rows(measured.cells)}
    return Reply({"images": found, "failed": failed})


CELL_JOBS: dict[str, Job] = {"measure": _measure, "project_cells": _project_cells}
