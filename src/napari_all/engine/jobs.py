"""Jobs that the engine knows: each hands its configuration to a workflow and packs up what comes back."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_all.engine.server import Job, Reply
from napari_all.monitor import Monitor
from napari_all.segmentation.measure import measure_cells
from napari_all.types import Cell, Segmentation
from napari_all.workflows.segment import SegmentConfig, segment_image

Arrays = Mapping[str, NDArray[Any]]


def _segment_image(config: dict[str, Any], arrays: Arrays, monitor: Monitor) -> Reply:
    result = segment_image(arrays["rgb"], SegmentConfig.parse(config), monitor)
    cells = measure_cells(result.labels, result.classes, result.parts)
    return Reply(
        {**_without_arrays(result), "cells": _rows(cells)}, {"labels": result.labels, "classes": result.classes}
    )


def _measure(config: dict[str, Any], arrays: Arrays, monitor: Monitor) -> Reply:
    labels = arrays["labels"].astype(np.int32, copy=False)
    return Reply({"cells": _rows(measure_cells(labels, arrays.get("classes"), config["parts"]))})


def _without_arrays(result: Segmentation) -> dict[str, Any]:
    names = [f.name for f in dataclasses.fields(result) if f.name not in ("labels", "classes")]
    return {name: getattr(result, name) for name in names}


def _rows(cells: tuple[Cell, ...]) -> list[dict[str, Any]]:
    return [dataclasses.asdict(cell) for cell in cells]


JOBS: dict[str, Job] = {
    "segment_image": _segment_image,
    "measure": _measure,
}
