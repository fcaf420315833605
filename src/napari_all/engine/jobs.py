"""Jobs that the engine knows: each hands its configuration to a workflow and packs up what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from napari_all.engine.cell_jobs import CELL_JOBS, cell_rows
from napari_all.engine.classify_jobs import CLASSIFY_JOBS
from napari_all.engine.label_jobs import LABEL_JOBS
from napari_all.engine.model_jobs import MODEL_JOBS
from napari_all.engine.project_jobs import PROJECT_JOBS
from napari_all.engine.server import Job, Reply
from napari_all.monitor import Monitor
from napari_all.segmentation.measure import measure_cells
from napari_all.workflows.batch import segment_batch
from napari_all.workflows.segment import SegmentConfig, segment_image
from napari_all.workflows.segment_files import Extras

Config = dict[str, Any]
Arrays = Mapping[str, NDArray[Any]]


def _segment_image(config: Config, arrays: Arrays, monitor: Monitor) -> Reply:
    result = segment_image(arrays["rgb"], SegmentConfig.parse(config), monitor)
    cells = measure_cells(result.labels, result.classes, result.parts)
    return Reply({"segmentation": result.facts, "cells": cell_rows(cells)}, result.arrays)


def _segment_folder(config: Config, arrays: Arrays, monitor: Monitor) -> Reply:
    record = segment_batch(
        config["inputs"],
        Path(config["output"]),
        SegmentConfig.parse(config["config"]),
        resume=True,
        extras=Extras.parse(config["extras"]),
        sort="uncertainty",
        monitor=monitor,
    )
    return Reply(record.model_dump(mode="json"))


def _load_segmenter(config: Config, arrays: Arrays, monitor: Monitor) -> Reply:
    from napari_all.segmentation.inference import load_network

    return Reply({"line": load_network(config["model"], config["device"]).device.line})


JOBS: dict[str, Job] = {
    "segment_image": _segment_image,
    "segment_folder": _segment_folder,
    "load_segmenter": _load_segmenter,
    **CELL_JOBS,
    **CLASSIFY_JOBS,
    **LABEL_JOBS,
    **MODEL_JOBS,
    **PROJECT_JOBS,
}
