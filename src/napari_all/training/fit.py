"""Train a segmentation network: build or begin from a checkpoint, fit with Lightning, give back the best weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.callbacks import Callback

from napari_all.data.mask_items import MaskItem
from napari_all.errors import UsageError
from napari_all.monitor import Monitor
from napari_all.networks.backbones import BACKBONES
from napari_all.networks.checkpoint import Checkpoint, InputInfo
from napari_all.networks.rebuild import rebuild
from napari_all.training.callbacks import Choice
from napari_all.training.curves import SEGMENTER
from napari_all.training.loader import ImageLoader, ItemSource, PatchLoader
from napari_all.training.losses import balanced_weights
from napari_all.training.module import SCORE, SegmenterModule
from napari_all.training.run import Fitted, Measures, begin, check_processes, run_training
from napari_all.training.settings import TrainingSettings

RATE_FROM_SCRATCH, RATE_FINE_TUNING = 2e-3, 5e-4
_LEAST_STEPS = 20


@dataclass(frozen=True)
class NetworkSpec:
    """What is trained: a backbone with its options, the names of its outputs, how RGB becomes its input."""

    backbone: str
    options: dict[str, Any]
    classes: tuple[str, ...]
    input: InputInfo
    init: Checkpoint | None = None


def check_settings(spec: NetworkSpec, settings: TrainingSettings) -> None:
    """Raise `UsageError` for a device that is not there, or a network, patches or class weights that cannot be."""
    _network(spec)
    if settings.patch_px % (stride := _stride(spec)):
        raise UsageError(f"patch_px = {settings.patch_px}; patches of this network are multiples of {stride}")
    given, classes = settings.class_weights, spec.classes
    if given is not None and given != "balanced" and (len(given) != len(classes) or min(given) < 0 or not sum(given)):
        raise UsageError(
            f"class_weights = {given}; give {len(classes)} numbers of 0 or more, not all 0, for {', '.join(classes)}"
        )
    check_processes(settings)


def fit(
    spec: NetworkSpec,
    sources: Sequence[ItemSource],
    validation: Sequence[MaskItem],
    settings: TrainingSettings,
    folder: Path,
    monitor: Monitor,
    *,
    resume: bool = False,
    callbacks: Sequence[Callback] = (),
) -> Fitted:
    """Train a segmenter; see `run_training` for stopping, resuming and what is raised.

    The settings have passed `check_settings`.

    Parameters
    ----------
    spec
        The network.
    sources
        What is trained on.
    validation
        Images to validate on, never trained on; at least one.
    callbacks
        More that Lightning is to call, as what measures more than the curves tell; a step's output holds the logits.
    """
    begin(settings.seed)
    weights = settings.class_weights
    if weights == "balanced":
        weights = balanced_weights([item for source in sources for item in source.items], spec.classes)
    return run_training(
        SegmenterModule(_network(spec), spec.classes, spec.input, settings, _rate(spec, settings), weights),
        PatchLoader(sources, settings, settings.steps_per_epoch or _steps(sources, settings)),
        ImageLoader(validation, settings, _stride(spec)),
        settings,
        Measures(SEGMENTER, Choice(SCORE)),
        folder,
        monitor,
        resume=resume,
        callbacks=callbacks,
    )


def _network(spec: NetworkSpec) -> torch.nn.Module:
    network = rebuild(spec.init) if spec.init is not None else BACKBONES[spec.backbone].build(**spec.options)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def _stride(spec: NetworkSpec) -> int:
    entry = BACKBONES[spec.backbone]
    return entry.stride(entry.options.parse(spec.options))


def _rate(spec: NetworkSpec, settings: TrainingSettings) -> float:
    return settings.learning_rate or (RATE_FINE_TUNING if spec.init else RATE_FROM_SCRATCH)


def _steps(sources: Sequence[ItemSource], settings: TrainingSettings) -> int:
    images = sum(len(source.items) for source in sources)
    return max(_LEAST_STEPS, -(-4 * images // (settings.batch_size * settings.processes)))
