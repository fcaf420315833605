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
from napari_all.workflows.learn import LearnConfig, learn, plan_learning


def _create_project(config: dict[str, Any], arrays: Mapping[str, NDArray[Any]], monitor: Monitor) -> Reply:
    masks = Path(config["masks"]) if config["masks"] else None
    created = create_project(Path(config["folder"]), Path(config["images"]), masks, who=config["who"], monitor=monitor)
    return Reply(dataclasses.asdict(created))


def _plan_learning(config: dict[str, Any], arrays: Mapping[str, NDArray[Any]], monitor: Monitor) -> Reply:
    wanted = LearnConfig.parse(config["config"])
    plan = plan_learning(Path(config["project"]), Path(config["images"]), wanted, monitor)
    return Reply({"lines": plan.lines(), "images": len(plan.images), "kept_aside": sum(plan.kept_aside)})


def _learn(config: dict[str, Any], arrays: Mapping[str, NDArray[Any]], monitor: Monitor) -> Reply:
    wanted = LearnConfig.parse(config["config"])
    report, model = learn(Path(config["project"]), Path(config["images"]), wanted, monitor)
    return Reply({"lines": report.lines(), "report": report.model_dump(mode="json"), "model": str(model)})


PROJECT_JOBS: dict[str, Job] = {
    "create_project": _create_project,
    "plan_learning": _plan_learning,
    "learn": _learn,
}
