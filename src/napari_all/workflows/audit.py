"""The shortcut audit of a data set and of a trained model: what an accuracy measured on them is worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_all.classes import SUBTYPES
from napari_all.data.dataset import LabelledImage, find_labelled_images
from napari_all.data.group_table import GROUPS_FILE
from napari_all.data.overlap import Overlaps, find_overlaps, write_overlaps
from napari_all.data.split import Split, read_split
from napari_all.errors import FileExistsRefused, UsageError
from napari_all.evaluation.audit_figures import Composite, draw_composites, draw_shortcuts
from napari_all.evaluation.audit_page import as_markdown
from napari_all.evaluation.audit_report import AuditReport, ModelAudit, Overlap, QualityCount, Share
from napari_all.evaluation.audit_verdict import data_verdict, model_verdict
from napari_all.evaluation.page_html import as_page
from napari_all.evaluation.quality import FLAGS, Quality, QualityLimits, flags
from napari_all.files import atomic_path, write_bytes, write_json
from napari_all.io.tables import Row, write_table
from napari_all.monitor import Monitor, NullMonitor
from napari_all.workflows.audit_config import AuditConfig, AuditData
from napari_all.workflows.audit_data import (
    Described,
    by_class,
    describe_images,
    judged,
    leak,
    part_of,
    score_shortcuts,
    shortcut_splits,
)
from napari_all.workflows.audit_model import (
    background_changes,
    bar_changes,
    blanked,
    predict,
    predict_files,
    prepare_sample,
    sample_images,
)
from napari_all.workflows.classify import ClassifyConfig, predictor_of
from napari_all.workflows.segment import make_config

if TYPE_CHECKING:
    from napari_all.classification.predictor import Predictor

AUDIT_FILES = ("audit.json", "audit.md", "audit.html", "quality.csv", "shortcuts.png", "composites.png")
"""What an audit may write; the pictures where there is something to draw."""
_EXAMPLES = 3


def audit(
    data: AuditData,
    output: Path,
    *,
    model: str | None = None,
    config: AuditConfig | None = None,
    overwrite: bool = False,
    monitor: Monitor | None = None,
) -> AuditReport:
    """Audit a data set, and a model on it, and write page, tables and figures.

    Parameters
    ----------
    data
        Folder, groups (read from the folder's own table, or found when there is none) and split.
    output
        Folder for `AUDIT_FILES`, and for `overlap_groups.csv` when the groups had to be found.
    model
        Name or `.safetensors` file of a classifier; None = the data set alone.

    Raises
    ------
    UsageError
        The folder, a table or the split cannot be used, or no image can be read.
    CheckpointError
        The model is missing, damaged or no classifier.
    FileExistsRefused
        An audit is there and `overwrite` is False.
    Cancelled
        The monitor asks to stop; nothing is written then.
    """
    settings, watch = config or AuditConfig(), monitor or NullMonitor()
    existing = [name for name in (*AUDIT_FILES, GROUPS_FILE) if (output / name).exists()]
    if existing and not overwrite:
        raise FileExistsRefused(f"{output.name} already holds {existing[0]}; give --overwrite to replace it")
    images = find_labelled_images(data.folder, groups=data.groups, group_column=data.group_column)
    predictor = None if model is None else predictor_of(ClassifyConfig(model=model, device=settings.device))
    described = describe_images(images, make_config(settings.method), watch)
    split = None if data.split is None else _split_of(data.split, images, described)
    described, found = _grouped(described, watch)
    notes: list[str] = []
    keep = judged(described.images, notes)
    chosen = [described.images[i] for i in keep]
    splits = shortcut_splits(chosen, settings.seed, notes) if keep else {}
    scores = score_shortcuts(described, splits, keep, settings.trees, watch)
    overlap = _overlap(described.images, "table" if found is None else "computed")
    leaks = [leak("random", chosen, splits["random"])] if keep else []
    if split is not None and split.test:
        leaks.append(leak(f"given ({split.name})", described.images, [part_of(split)]))
    overlap = overlap.updated(leaks=leaks)
    judged_model, shown = None, list[Composite]()
    if predictor is not None:
        judged_model, shown = _audit_model(predictor, described.images, split, settings, notes, watch)
    watch.raise_if_cancelled()
    report = AuditReport(
        images=len(described.images),
        classes=by_class(described.images, lambda i: True),
        method=settings.method,
        verdict=[*data_verdict(scores, overlap), *(model_verdict(judged_model) if judged_model else [])],
        overlap=overlap,
        shortcuts=scores,
        limits=settings.limits,
        quality=_counts(described, settings.limits),
        model=judged_model,
        notes=notes,
        failed=described.failed,
    )
    if found is not None:
        write_overlaps(output / GROUPS_FILE, described.images, found)
    _write(output, report, described, shown)
    return report


def _split_of(path: Path, images: Sequence[LabelledImage], described: Described) -> Split:
    split = read_split(path, images)
    if described.failed:
        raise UsageError(
            f"{len(described.failed)} images cannot be read ({described.failed[0].image} …), so the split "
            f"{path.name} cannot be looked at; repair them, or leave the split out"
        )
    return split


def _grouped(described: Described, monitor: Monitor) -> tuple[Described, Overlaps | None]:
    """Return the images with their groups, and what was found when no table told them."""
    images = described.images
    if all(image.overlap_group is not None for image in images):
        return described, None
    found = find_overlaps(images, monitor)
    grouped = [
        replace(image, overlap_group=group, cluster=image.cluster or cluster)
        for image, group, cluster in zip(images, found.groups, found.clusters, strict=True)
    ]
    return replace(described, images=grouped), found


def _overlap(images: Sequence[LabelledImage], source: str) -> Overlap:
    _, sizes = np.unique([image.overlap_group for image in images], return_counts=True)
    shared = sizes[sizes > 1]
    return Overlap.parse(
        {
            "source": source,
            "groups": len(shared),
            "images": int(shared.sum()),
            "clusters": len({image.cluster for image in images}),
        }
    )


def _audit_model(
    predictor: Predictor,
    images: Sequence[LabelledImage],
    split: Split | None,
    config: AuditConfig,
    notes: list[str],
    monitor: Monitor,
) -> tuple[ModelAudit, list[Composite]]:
    monitor.message(predictor.device_line)
    right = predict_files(predictor, images, monitor) == np.array([image.label for image in images])
    parts = {"all images": tuple(range(len(images)))} if split is None else split.parts
    if split is None:
        notes.append("Without the split of the model's training, most images may be ones it was trained on.")
    tested = images if split is None or not split.test else [images[i] for i in split.test]
    chosen = sample_images(tested, config.per_class, config.seed)
    sample = prepare_sample(chosen, make_config(config.exchange_method), monitor)
    whole = predict(predictor, [s.rgb for s in sample], monitor, "whole")
    backgrounds, shown = background_changes(predictor, sample, whole, config.seed, monitor)
    if not backgrounds:
        notes.append("No backgrounds were exchanged: no cell was found, or there is but one class.")
    first = predictor.predict(sample[0].rgb)
    return (
        ModelAudit(
            model=first.model,
            sha256=first.model_sha256,
            accuracy=[Share.of(part, int(right[list(at)].sum()), len(at)) for part, at in parts.items() if at],
            sample=len(sample),
            blanked=blanked(predictor, sample, whole, monitor),
            bars=bar_changes(predictor, sample, whole, monitor),
            backgrounds=backgrounds,
        ),
        shown,
    )


def _counts(described: Described, limits: QualityLimits) -> list[QualityCount]:
    found = [flags(quality, limits) for quality in described.quality]
    return [
        QualityCount(
            flag=flag,
            images=len(at),
            by_class=by_class(described.images, set(at).__contains__),
            examples=[described.images[i].key for i in at[:_EXAMPLES]],
        )
        for flag in FLAGS
        for at in [[i for i, names in enumerate(found) if flag in names]]
    ]


def _write(output: Path, report: AuditReport, described: Described, shown: Sequence[Composite]) -> None:
    """Write everything, the JSON file last: where it is, the rest is whole."""
    columns = ("image", "class", *Quality.model_fields, "flags")
    rows: list[Row] = [
        {
            "image": image.key,
            "class": SUBTYPES.names[image.label],
            **quality.model_dump(),
            "flags": "; ".join(flags(quality, report.limits)),
        }
        for image, quality in zip(described.images, described.quality, strict=True)
    ]
    write_table(output / "quality.csv", columns, rows)
    pictures = {"shortcuts.png": draw_shortcuts(report.shortcuts) if report.shortcuts else None}
    pictures["composites.png"] = draw_composites(shown) if shown else None
    for name, picture in pictures.items():
        if picture is None:
            (output / name).unlink(missing_ok=True)  # of an earlier audit
            continue
        with atomic_path(output / name) as path:
            picture.save(path, format="PNG")
    drawn = [name for name, picture in pictures.items() if picture is not None]
    page = as_markdown(report, drawn)
    write_bytes(output / "audit.md", page.encode())
    write_bytes(output / "audit.html", as_page(page).encode())
    write_json(output / "audit.json", report.model_dump(mode="json"))
