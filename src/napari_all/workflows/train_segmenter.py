"""Train or fine-tune a segmentation network on folders of images and masks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_all.data.mask_items import MaskItem
from napari_all.errors import CheckpointError, DependencyError
from napari_all.evaluation.curves_picture import SEGMENTER_PANELS, draw_curves
from napari_all.files import atomic_path, write_bytes, write_json
from napari_all.monitor import Monitor, NullMonitor
from napari_all.networks.backbones import BACKBONES
from napari_all.networks.checkpoint import InputInfo, ModelCard, load_checkpoint, save_checkpoint
from napari_all.training.curves import read_curves
from napari_all.workflows.run_record import Clock
from napari_all.workflows.train_config import SourceConfig, TrainSegmenterConfig
from napari_all.workflows.train_data import DataSummary, TrainingData, load_training_data, painted_source
from napari_all.workflows.train_report import (
    TrainReport,
    as_markdown,
    chosen_images,
    measure_model,
    write_pictures,
)
from napari_all.workflows.training_folder import PAGE, REPORT, TERMS, begin_run, leads, refuse_existing

if TYPE_CHECKING:
    from napari_all.training.fit import NetworkSpec
    from napari_all.training.run import Fitted

__all__ = ["SourceConfig", "TrainReport", "TrainSegmenterConfig", "check_data", "read_curves", "train_segmenter"]

PICTURE, CURVES_PICTURE = "before_after.png", "curves.png"
_INPUT = InputInfo(mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))


def check_data(
    sources: Sequence[SourceConfig], config: TrainSegmenterConfig, monitor: Monitor | None = None
) -> DataSummary:
    """Read the data as a training would, and tell what it would be fed with; writes nothing.

    Raises
    ------
    UsageError, MaskError, ImageError
        What would stop the training, too.
    """
    return load_training_data(sources, config, monitor or NullMonitor()).summary


def train_segmenter(
    sources: Sequence[SourceConfig],
    output: Path,
    config: TrainSegmenterConfig,
    *,
    overwrite: bool = False,
    resume: bool = False,
    monitor: Monitor | None = None,
) -> TrainReport | None:
    """Train a network and write the checkpoint, its report, pictures and curves into `output`.

    Parameters
    ----------
    sources
        Folders of images and masks.
    output
        Gets `<name>.safetensors` with its card `<name>.json`, `report.json`, `report.md`, `before_after.png`,
        `curves.csv` (rewritten after every epoch), `curves.png`, and the trainer's own `last.ckpt` and `best.ckpt`.
    config
        Architecture, beginning, data rules and training settings.
    resume
        Go on from the last finished epoch of an interrupted run with the same data and settings; more epochs than
        before are allowed.

    Returns
    -------
    The report that was also written; `cancelled` when the monitor stopped the run, whose best epoch is kept. None in
    the helper processes of a run on several.

    Raises
    ------
    UsageError, MaskError, ImageError
        Data or settings do not fit; nothing was written.
    FileExistsRefused
        A run is there, and neither `overwrite` nor `resume` was given.
    CheckpointError
        The model to begin from, or the run to resume, cannot be used.
    Cancelled
        Stopped before the first epoch ended.
    """
    leader = leads()
    watch = monitor or NullMonitor()
    clock = Clock()
    if leader and not overwrite and not resume:
        refuse_existing(output, config.name)
    data = load_training_data(sources, config, watch)
    try:
        from napari_all.training.fit import check_settings, fit
        from napari_all.training.loader import ItemSource
    except ImportError as error:
        raise DependencyError(f"training needs more libraries ({error}); pip install 'napari-all[train]'") from error
    spec = _spec(config, data)
    scaled = _at_scale_of(spec, config)
    check_settings(spec, config.training)
    if leader:
        for line in data.summary.lines():
            watch.message(line)
        told = {"data": data.summary.fingerprint, "classes": data.summary.classes}
        begin_run(output, config.name, config.model_dump(mode="json") | told, resume=resume)
    config = scaled
    shown = chosen_images(data.validation)
    device = config.training.device
    before = measure_model(config.init, shown, device, watch, "before") if config.init and leader else None
    painted = painted_source(config, data.sources)
    fed = [ItemSource(s.train, s.share) for s in (*data.sources, *([painted] if painted else [])) if s.train]
    fitted = fit(spec, fed, data.validation, config.training, output, watch, resume=resume)
    if not fitted.leader:
        return None
    path = _save(output, config, spec, data, fitted)
    after = measure_model(str(path), shown, device, NullMonitor() if fitted.cancelled else watch, "after")
    report = TrainReport(
        model=config.name,
        checkpoint=path.name,
        epoch=fitted.epoch,
        cancelled=fitted.cancelled,
        curves=fitted.metrics,
        before=before[0] if before else None,
        after=after[0],
        data=data.summary,
    )
    _write(output, report, shown, before, after, clock)
    return report


def _spec(config: TrainSegmenterConfig, data: TrainingData) -> NetworkSpec:
    from napari_all.training.fit import NetworkSpec

    if config.init is not None:
        init = load_checkpoint(config.init, "segmentation")
        return NetworkSpec(init.card.backbone, dict(init.card.options), init.card.classes, init.card.input, init)
    backbone, options = config.backbone()
    # every option is written down, so that a later change of a default does not change what the checkpoint rebuilds
    whole = BACKBONES[backbone].options.parse({**options, "classes": len(data.classes)}).model_dump(mode="json")
    return NetworkSpec(backbone, whole, data.classes, _INPUT)


def _at_scale_of(spec: NetworkSpec, config: TrainSegmenterConfig) -> TrainSegmenterConfig:
    """Show cells at the size that the network to fine-tune has learned."""
    if spec.init is None:
        return config
    cell_px = spec.init.card.extra.get("cell_diameter_px")
    if not isinstance(cell_px, int | float):
        raise CheckpointError(
            f"the card of {spec.init.card.name!r} does not say at what size the network sees cells; add the diameter "
            "in pixels as 'cell_diameter_px' to its 'extra', or begin from another model"
        )
    return config.updated(training=config.training.updated(cell_px=cell_px))


def _save(output: Path, config: TrainSegmenterConfig, spec: NetworkSpec, data: TrainingData, fitted: Fitted) -> Path:
    """Write the best weights in float16 with a card that rebuilds the network."""
    tensors = {
        name: value.half() if value.is_floating_point() else value
        for name, value in fitted.tensors.items()
        if not name.endswith("num_batches_tracked")
    }
    begun = f"fine-tuned from {spec.init.card.name}" if spec.init else "trained from random weights"
    card = ModelCard(
        name=config.name,
        task="segmentation",
        backbone=spec.backbone,
        options=spec.options,
        input=spec.input,
        classes=spec.classes,
        extra={
            "cell_diameter_px": _cell_px(config, data),
            "training": config.training.model_dump(mode="json"),
            "init": {"name": spec.init.card.name, "sha256": spec.init.sha256} if spec.init else None,
            "data": data.summary.model_dump(mode="json", exclude={"without_mask", "predicted"}),
            "epoch": fitted.epoch,
        },
        summary=f"White cells in stained blood smears; {begun} on {data.summary.train} images.",
        metrics=fitted.metrics,
        data=(*(spec.init.card.data if spec.init else ()), f"{data.summary.images} images of the user's own"),
        licence=TERMS if spec.init is None else f"{TERMS} Begun from {spec.init.card.name}: {spec.init.card.licence}",
    )
    return save_checkpoint(output / config.name, tensors, card)


def _cell_px(config: TrainSegmenterConfig, data: TrainingData) -> float:
    """Return the diameter in pixels at which the network has seen cells."""
    if config.training.cell_px is not None:
        return config.training.cell_px
    seen = [
        item.diameter_px * config.training.patch_px / (item.rgb.shape[0] * item.rgb.shape[1]) ** 0.5
        for source in data.sources
        for item in source.train
        if item.diameter_px is not None
    ]
    return round(float(sorted(seen)[len(seen) // 2]), 1)


def _write(output: Path, report: TrainReport, shown: Sequence[MaskItem], before: Any, after: Any, clock: Clock) -> None:
    write_pictures(output / PICTURE, shown, before, after)
    with atomic_path(output / CURVES_PICTURE) as path:
        draw_curves(read_curves(output), SEGMENTER_PANELS).save(path, format="PNG")
    write_bytes(output / PAGE, as_markdown(report).encode())
    write_json(output / REPORT, report.model_dump(mode="json") | {"started": clock.started, "seconds": clock.seconds})
