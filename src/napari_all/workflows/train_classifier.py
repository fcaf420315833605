"""Train a subtype classifier on a dataset folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_all.classes import SUBTYPES
from napari_all.data.split import write_split
from napari_all.errors import DependencyError, UsageError
from napari_all.evaluation.classification import share
from napari_all.evaluation.curves_picture import CLASSIFIER_PANELS, draw_curves
from napari_all.files import write_bytes, write_json
from napari_all.monitor import Monitor, NullMonitor
from napari_all.training.curves import read_curves
from napari_all.workflows.audit_cheap import CheapAudit, cheap_audit
from napari_all.workflows.cells_apart import take_all_apart
from napari_all.workflows.run_record import Clock
from napari_all.workflows.train_classifier_config import TrainClassifierConfig
from napari_all.workflows.train_classifier_data import (
    ClassifierDataSummary,
    FoundData,
    ShownData,
    ShownPart,
    find_data,
    show_data,
)
from napari_all.workflows.train_classifier_judge import Judged, fit_judgement, judge
from napari_all.workflows.train_classifier_report import (
    CURVES_PICTURE,
    PREDICTIONS,
    TrainClassifierReport,
    as_markdown,
    measure_part,
    save_picture,
    write_pictures,
    write_predictions,
)
from napari_all.workflows.training_folder import PAGE, REPORT, begin_run, leads, refuse_existing

if TYPE_CHECKING:
    from napari_all.training.classifier_fit import ClassifierParts

SPLIT = "split.json"
_LEAST_IMAGES = 5
"""Training images that are needed to tell familiar ones (the five nearest)."""


def check_classifier_data(data: Path, config: TrainClassifierConfig) -> ClassifierDataSummary:
    """Tell what a training would be fed with; reads no image and writes nothing.

    Raises
    ------
    UsageError
        Folder, groups, split or settings do not fit.
    """
    return find_data(data, config).summary


def train_classifier(
    data: Path,
    output: Path,
    config: TrainClassifierConfig,
    *,
    overwrite: bool = False,
    resume: bool = False,
    monitor: Monitor | None = None,
) -> TrainClassifierReport | None:
    """Train a classifier and write checkpoint, predictions, report, pictures and curves into `output`.

    Parameters
    ----------
    data
        Dataset: `<Class>/…` or `Original/<Class>/…`.
    output
        Gets `<name>.safetensors` with its card `<name>.json`, `split.json`, `predictions.csv` (validation and test),
        `report.json`, `report.md`, pictures, `curves.csv` (rewritten after every epoch), and the trainer's own
        `last.ckpt` and `best.ckpt`.
    config
        Network, view, split, beginning and training settings.
    resume
        Go on from the last finished epoch of an interrupted run with the same data and settings; more epochs than
        before are allowed.

    Returns
    -------
    The report that was also written; `cancelled` when the monitor stopped the run, whose best epoch is kept. None in
    the helper processes of a run on several.

    Raises
    ------
    UsageError, ImageError
        Data or settings do not fit; nothing was written.
    FileExistsRefused
        A run is there, and neither `overwrite` nor `resume` was given.
    CheckpointError
        The model to begin from, or the run to resume, cannot be used.
    Cancelled
        Stopped before the first epoch ended.
    """
    watch, clock = monitor or NullMonitor(), Clock()
    if leads() and not overwrite and not resume:
        refuse_existing(output, config.name)
    found = find_data(data, config)
    if len(found.split.train) < _LEAST_IMAGES or not found.split.validation:
        raise UsageError(
            f"the split has {len(found.split.train)} images to train on and {len(found.split.validation)} to validate "
            f"on; at least {_LEAST_IMAGES} and 1 are needed, better hundreds"
        )
    try:
        from napari_all.training.classifier_fit import check_settings, fit_classifier
        from napari_all.workflows.train_classifier_model import make_spec, outputs_of, save_model
    except ImportError as error:
        raise DependencyError(f"training needs more libraries ({error}); pip install 'napari-all[train]'") from error
    spec, begun = make_spec(config)
    shown = show_data(found, config, watch)
    parts = _examples(shown, config, watch)
    check_settings(spec, parts, config.training)
    if leads():
        for line in found.summary.lines():
            watch.message(line)
        told = {"data": shown.fingerprint, "split_fingerprint": found.split.fingerprint}
        begin_run(output, config.name, config.model_dump(mode="json") | told, resume=resume)
        write_split(output / SPLIT, found.split, found.images)
    fitted = fit_classifier(spec, parts, config.training, output, watch, resume=resume)
    if not fitted.leader:
        return None
    filled = {name: part for name, part in shown.parts.items() if len(part)}
    outputs = outputs_of(spec, fitted, filled, config.training.device, NullMonitor() if fitted.cancelled else watch)
    judgement, familiar = fit_judgement(filled, outputs, config.confident_accuracy, config.familiar_share)
    judged = {name: judge(part, outputs[name], judgement, familiar) for name, part in filled.items()}
    reports = {name: measure_part(filled[name], judged[name]) for name in filled if name != "train"}
    right = judged["train"].predicted == filled["train"].labels
    report = TrainClassifierReport(
        model=config.name,
        checkpoint=f"{config.name}.safetensors",
        epoch=fitted.epoch,
        cancelled=fitted.cancelled,
        curves=fitted.metrics,
        data=found.summary,
        data_fingerprint=shown.fingerprint,
        judgement=judgement,
        train_accuracy=share(int(right.sum()), len(right)),
        validation=reports["validation"],
        test=reports.get("test"),
        audit=None if fitted.cancelled else _audit(found, judged, filled, watch),
    )
    save_model(output, config, spec, begun, fitted, familiar, report)
    _write(output, report, {name: (filled[name], judged[name]) for name in reports}, clock)
    return report


def _examples(shown: ShownData, config: TrainClassifierConfig, monitor: Monitor) -> ClassifierParts:
    from napari_all.training.classifier_fit import ClassifierParts
    from napari_all.training.classifier_loader import Examples

    blank = config.shown.blank
    made = {
        name: Examples(part.shown, part.labels, part.groups, blank) if len(part) else None
        for name, part in shown.parts.items()
    }
    train = made["train"]
    if train is None:
        raise UsageError("the split has no image to train on")
    if config.training.variation.exchange and config.shown.masked:
        images = shown.parts["train"].images
        train = replace(train, apart=take_all_apart(images, config.shown, config.side, monitor))
    return ClassifierParts(train, made["validation"], made["test"])


def _audit(
    found: FoundData, judged: Mapping[str, Judged], parts: Mapping[str, ShownPart], monitor: Monitor
) -> CheapAudit | None:
    """Measure what tells the classes without any cell, on the images that the model was tested on."""
    if "test" not in parts:
        return None
    accuracy = float((judged["test"].predicted == parts["test"].labels).mean())
    learned = (*found.split.train, *found.split.validation)
    leaks = found.summary.leaks
    return cheap_audit(found.images, learned, found.split.test, accuracy=accuracy, leaks=leaks, monitor=monitor)


def _write(
    output: Path, report: TrainClassifierReport, parts: Mapping[str, tuple[ShownPart, Judged]], clock: Clock
) -> None:
    write_predictions(output / PREDICTIONS, parts)
    save_picture(output / CURVES_PICTURE, draw_curves(read_curves(output), CLASSIFIER_PANELS))
    write_pictures(output, report)
    write_bytes(output / PAGE, as_markdown(report).encode())
    told = report.model_dump(mode="json") | {"started": clock.started, "seconds": clock.seconds}
    write_json(output / REPORT, told | {"classes": list(SUBTYPES.names)})
