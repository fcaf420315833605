"""Measure a classifier on a folder of labelled images: `report.json`, `report.md`, `predictions.csv` and figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from napari_all.classes import SUBTYPES
from napari_all.classification.predictor import DEFAULT_MODEL
from napari_all.data.dataset import LabelledImage, find_labelled_images
from napari_all.data.split import Split, read_split
from napari_all.errors import FileExistsRefused, ImageError, UsageError
from napari_all.evaluation.classification import measure_classification, share
from napari_all.evaluation.classification_curves import scikit_learn_metrics
from napari_all.evaluation.classification_figures import FIGURES
from napari_all.evaluation.classifier_report import ClassifierReport, StatusShare, as_page
from napari_all.files import atomic_path, write_bytes, write_json
from napari_all.io.images import read_image
from napari_all.io.tables import PREDICTION_COLUMNS, prediction_row, write_table
from napari_all.monitor import Monitor, NullMonitor
from napari_all.networks.zoo import find_weights
from napari_all.types import Prediction
from napari_all.workflows.classify import ClassifyConfig, predictor_of
from napari_all.workflows.evaluation_cautions import cautions_of

Part: TypeAlias = Literal["train", "validation", "test"]
Told: TypeAlias = tuple[LabelledImage, Prediction]

REPORT_FILES = ("report.json", "report.md", "predictions.csv", *FIGURES)
TABLE_COLUMNS = ("image", "true", "group", *PREDICTION_COLUMNS[1:])
"""Columns of `predictions.csv`: the true subtype and the group beside those of `classify`."""
_AT_ONCE = 32


def evaluate_classifier(
    data: Path,
    output: Path,
    config: ClassifyConfig,
    *,
    split: Path | None = None,
    part: Part = "test",
    groups: Path | None = None,
    group_column: str | None = None,
    overwrite: bool = False,
    monitor: Monitor | None = None,
) -> ClassifierReport:
    """Predict every image of a labelled folder, or of a part of its split, and measure the predictions.

    Parameters
    ----------
    data
        Folder with a sub-folder per class; see `napari_all.data.dataset.find_labelled_images`.
    output
        Folder for the `REPORT_FILES`.
    config
        Model and device.
    split, part
        A split file and which part of it to measure; without one, all images are measured.
    groups, group_column
        A table of groups; see `find_labelled_images`.
    overwrite
        Replace a report that is there.

    Returns
    -------
    The report; images that cannot be read are in its `failed` and in no measure.

    Raises
    ------
    UsageError
        The folder, the table or the split cannot be used, or no image could be read.
    FileExistsRefused
        A report is there and `overwrite` is False. Nothing was done.
    CheckpointError
        The model is missing or damaged.
    DependencyError
        Scikit-learn is not installed.
    Cancelled
        The monitor asks to stop; nothing is written.
    """
    watch = monitor or NullMonitor()
    existing = [name for name in REPORT_FILES if (output / name).exists()]
    if existing and not overwrite:
        raise FileExistsRefused(f"{output.name} already holds {existing[0]}; give --overwrite to replace it")
    scikit_learn_metrics()  # before minutes of work
    images = find_labelled_images(data, groups=groups, group_column=group_column)
    parts = None if split is None else read_split(split, images)
    chosen = images if parts is None else [images[i] for i in parts.parts[part]]
    if not chosen:
        raise UsageError(f"the part {part!r} of the split holds no image; choose another part")
    told, failed = _predict(chosen, config, watch)
    if not told:
        raise UsageError(f"none of {len(chosen)} images could be read; the first: {next(iter(failed.values()))}")
    report = _report(told, failed, images, parts, part, config)
    _write(output, report, told)
    return report


def _predict(
    images: Sequence[LabelledImage], config: ClassifyConfig, watch: Monitor
) -> tuple[list[Told], dict[str, str]]:
    """Return images with their predictions, and why the others failed by key."""
    predictor = predictor_of(config)
    watch.message(predictor.device_line)
    told: list[Told] = []
    failed: dict[str, str] = {}
    for start in range(0, len(images), _AT_ONCE):
        watch.raise_if_cancelled()
        watch.report("images", start, len(images))
        readable, pixels = [], []
        for image in images[start : start + _AT_ONCE]:
            try:
                pixels.append(read_image(image.path)[1])
            except ImageError as error:
                failed[image.key] = str(error)
            else:
                readable.append(image)
        told += zip(readable, predictor.predict_batch(pixels) if pixels else [], strict=True)
    watch.report("images", len(images), len(images))
    return told, failed


def _report(
    told: Sequence[Told],
    failed: dict[str, str],
    images: Sequence[LabelledImage],
    split: Split | None,
    part: Part,
    config: ClassifyConfig,
) -> ClassifierReport:
    groups = [image.cluster for image, _ in told]
    measured = measure_classification(
        np.array([image.label for image, _ in told]),
        np.array([prediction.probabilities for _, prediction in told]),
        groups if all(groups) else None,
    )
    card, weights = predictor_of(config).card, find_weights(config.model or DEFAULT_MODEL)
    cautions, notes = cautions_of([image for image, _ in told], images, split, part, weights, card)
    used = told[0][1]
    return ClassifierReport(
        model=used.model,
        model_sha256=used.model_sha256,
        device=used.device,
        split=None if split is None else split.name,
        split_fingerprint=None if split is None else split.fingerprint,
        part=None if split is None else part,
        cautions=cautions,
        notes=notes,
        failed=failed,
        status=_by_status(told),
        measures=measured,
    )


def _by_status(told: Sequence[Told]) -> list[StatusShare]:
    found = []
    for status in ("confident", "review", "unfamiliar"):
        right = [p.predicted == SUBTYPES.names[image.label] for image, p in told if p.status == status]
        found.append(StatusShare(status=status, images=len(right), right=share(sum(right), len(right))))
    return found


def _write(output: Path, report: ClassifierReport, told: Sequence[Told]) -> None:
    rows = (
        {**prediction_row(image.key, prediction), "true": SUBTYPES.names[image.label], "group": image.cluster}
        for image, prediction in told
    )
    write_table(output / "predictions.csv", TABLE_COLUMNS, rows)
    for name, (_, draw) in FIGURES.items():
        with atomic_path(output / name) as path:
            draw(report.measures).save(path, format="PNG")
    write_bytes(output / "report.md", as_page(report).encode())
    write_json(output / "report.json", report.model_dump(mode="json"))
