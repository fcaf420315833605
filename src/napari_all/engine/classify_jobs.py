"""Jobs around the predicted subtype of images."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_all.classes import SUBTYPES
from napari_all.engine.server import Job, Reply
from napari_all.errors import ImageError
from napari_all.io.images import read_image
from napari_all.monitor import Monitor
from napari_all.types import RGBImage
from napari_all.workflows.classify import ClassifyConfig, classify_image, predictor_of
from napari_all.workflows.classify_batch import classify_images
from napari_all.workflows.classify_report import write_report
from napari_all.workflows.explain import explain_image
from napari_all.workflows.run_record import Clock, InputRecord, RunRecord
from napari_all.workflows.thumbnails import as_jpeg, thumbnail

Config = dict[str, Any]
Arrays = Mapping[str, NDArray[Any]]


def _load_classifier(config: Config, arrays: Arrays, monitor: Monitor) -> Reply:
    return Reply({"line": predictor_of(ClassifyConfig.parse(config)).device_line})


def _classify_image(config: Config, arrays: Arrays, monitor: Monitor) -> Reply:
    prediction = classify_image(arrays["rgb"], ClassifyConfig.parse(config), monitor)
    return Reply({"prediction": dataclasses.asdict(prediction)}, {"thumbnail": thumbnail(arrays["rgb"])})


def _classify_folder(config: Config, arrays: Arrays, monitor: Monitor) -> Reply:
    records = classify_images(config["inputs"], ClassifyConfig.parse(config["config"]), monitor=monitor)
    rows = [
        {"image": r.image, "error": r.error, "prediction": r.prediction and dataclasses.asdict(r.prediction)}
        for r in records
        if r.status != "not started"
    ]
    return Reply({"rows": rows, "asked": len(records)})


def _explain_image(config: Config, arrays: Arrays, monitor: Monitor) -> Reply:
    """Predict too, so that what is explained is what the table says, also with test-time augmentation."""
    wanted = ClassifyConfig.parse(config)
    prediction = classify_image(arrays["rgb"], wanted, monitor)
    told = explain_image(
        arrays["rgb"],
        wanted,
        arrays.get("mask"),
        class_index=SUBTYPES.index(prediction.predicted),
        monitor=monitor,
    )
    value = {"prediction": dataclasses.asdict(prediction), "in_cells": told.in_cells}
    return Reply(value, {"cam": told.cam, "thumbnail": thumbnail(arrays["rgb"])})


def _thumbnails(config: Config, arrays: Arrays, monitor: Monitor) -> Reply:
    """Return thumbnails (N, S, S, 3) of those `paths` that can be read, and which these are."""
    found = {path: picture for path in config["paths"] if (picture := _thumbnail_of(Path(path), monitor)) is not None}
    return Reply({"paths": list(found)}, {"thumbnails": np.stack(list(found.values()))} if found else {})


def _classify_report(config: Config, arrays: Arrays, monitor: Monitor) -> Reply:
    """Write the page of what the window shows: `pictures` has thumbnails, `path` leads to an image without one."""
    clock = Clock()
    entries, thumbnails = [], {}
    for done, row in enumerate(config["rows"]):
        monitor.report("pictures", done, len(config["rows"]))
        if row["picture"] is not None:
            picture: RGBImage | None = arrays["pictures"][row["picture"]]
        else:
            picture = None if row["path"] is None else _thumbnail_of(Path(row["path"]), monitor)
        if picture is not None:
            thumbnails[row["image"]] = as_jpeg(picture)
        status = "failed" if row["prediction"] is None else "done"
        told = {key: row[key] for key in ("image", "error", "prediction", "cam_in_cells")}
        entries.append(InputRecord.parse({**told, "status": status}))
    record = RunRecord(
        command="classify", complete=True, settings=config["settings"], started=clock.started, inputs=entries
    )
    write_report(Path(config["report"]), record, thumbnails)
    return Reply({"images": len(entries)})


def _thumbnail_of(path: Path, monitor: Monitor) -> RGBImage | None:
    monitor.raise_if_cancelled()
    try:
        return thumbnail(read_image(path)[1])
    except ImageError:  # the table says so already
        return None


CLASSIFY_JOBS: dict[str, Job] = {
    "load_classifier": _load_classifier,
    "classify_image": _classify_image,
    "classify_folder": _classify_folder,
    "explain_image": _explain_image,
    "thumbnails": _thumbnails,
    "classify_report": _classify_report,
}
