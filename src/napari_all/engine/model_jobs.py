"""Jobs that make models, take them over or look into them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from napari_all.data.mask_folder import find_pairs
from napari_all.engine.server import Job, Reply
from napari_all.errors import UsageError
from napari_all.monitor import Monitor
from napari_all.workflows.audit import audit
from napari_all.workflows.audit_config import AuditConfig, AuditData
from napari_all.workflows.models import import_model
from napari_all.workflows.train_classifier import check_classifier_data, train_classifier
from napari_all.workflows.train_classifier_config import TrainClassifierConfig
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
    _in_one(wanted.training.processes)
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


def _check_classifier_training(config: Config, arrays: Arrays, monitor: Monitor) -> Reply:
    summary = check_classifier_data(Path(config["data"]), TrainClassifierConfig.parse(config["config"]))
    return Reply({"lines": summary.lines(), "summary": summary.model_dump(mode="json")})


def _train_classifier(config: Config, arrays: Arrays, monitor: Monitor) -> Reply:
    wanted = TrainClassifierConfig.parse(config["config"])
    _in_one(wanted.training.processes)
    report = train_classifier(
        Path(config["data"]),
        Path(config["output"]),
        wanted,
        overwrite=config["overwrite"],
        resume=config["resume"],
        monitor=monitor,
    )
    assert report is not None, "only helper processes have none"
    return Reply({"lines": report.lines(), "report": report.model_dump(mode="json")})


def _in_one(processes: int) -> None:
    if processes > 1:
        raise UsageError(f"processes = {processes}; the window trains in one, the command line in more")


def _audit(config: Config, arrays: Arrays, monitor: Monitor) -> Reply:
    groups, split = (None if config[name] is None else Path(config[name]) for name in ("groups", "split"))
    report = audit(
        AuditData(Path(config["folder"]), groups, config["group_column"], split),
        Path(config["output"]),
        model=config["model"],
        config=AuditConfig.parse(config["config"]),
        overwrite=config["overwrite"],
        monitor=monitor,
    )
    return Reply(report.model_dump(mode="json"))


MODEL_JOBS: dict[str, Job] = {
    "import_model": _import_model,
    "check_training": _check_training,
    "train_segmenter": _train_segmenter,
    "check_classifier_training": _check_classifier_training,
    "train_classifier": _train_classifier,
    "audit": _audit,
}
