"""Jobs that make or take over models."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from napari_all.data.mask_folder import find_pairs
from napari_all.engine.server import Job, Reply
from napari_all.errors import UsageError
from napari_all.monitor import Monitor
from napari_all.workflows.models import import_model
from napari_all.workflows.train_segmenter import SourceConfig, TrainSegmenterConfig, check_data, train_segmenter

Config = dict[str, Any]
Arrays = Mapping[str, NDArray[Any]]


def _import_model(config: Config, arrays: Arrays, monitor: Monitor) -> Reply:
    info = import_model(Path(config["path"]), config["name"], overwrite=config["overwrite"], monitor=monitor)
    return Reply(info.model_dump(mode="json"))


def _check_training(config: Config, arrays: Arrays, monitor: Monitor) -> Reply:
    source, wanted = SourceConfig.parse(config["source"]), TrainSegmenterConfig.parse(config["config"])
    summary = check_data([source], wanted, monitor)
    folder = find_pairs(source.images, source.masks, code=source.code, use_predicted=wanted.use_predicted)
    pairs = [[pair.image.name, pair.mask.name] for pair in folder.pairs]
    return Reply({"lines": summary.lines(), "pairs": pairs, "summary": summary.model_dump(mode="json")})


def _train_segmenter(config: Config, arrays: Arrays, monitor: Monitor) -> Reply:
    wanted = TrainSegmenterConfig.parse(config["config"])
    if wanted.training.processes > 1:
        raise UsageError(f"processes = {wanted.training.processes}; the window trains in one, the command line in more")
    report = train_segmenter(
        [SourceConfig.parse(config["source"])],
        Path(config["output"]),
        wanted,
        overwrite=config["overwrite"],
        resume=config["resume"],
        monitor=monitor,
    )
    assert report is not None, "only helper processes have none"
    return Reply({"lines": report.lines(), "report": report.model_dump(mode="json")})


MODEL_JOBS: dict[str, Job] = {
    "import_model": _import_model,
    "check_training": _check_training,
    "train_segmenter": _train_segmenter,
}
