"""Train a classifier: build or begin from weights, fit with Lightning, give back the weights that count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from napari_all.errors import CheckpointError, UsageError
from napari_all.monitor import Monitor
from napari_all.networks.backbones import BACKBONES
from napari_all.networks.checkpoint import InputInfo
from napari_all.training.batch_norm import IMAGES, RecalibratedNorms, recalibrate
from napari_all.training.callbacks import Choice
from napari_all.training.classifier_loader import ExampleLoader, Examples, WholeLoader
from napari_all.training.classifier_module import TEST, VALIDATION, ClassifierModule
from napari_all.training.classifier_settings import ClassifierTraining
from napari_all.training.curves import CLASSIFIER
from napari_all.training.run import Fitted, Measures, begin, check_processes, run_training

RATE_FROM_SCRATCH, RATE_FINE_TUNING = 1e-3, 3e-4
_CHOICES = {"macro_f1": Choice("val_macro_f1"), "loss": Choice("val_loss", "min"), "last": None}


@dataclass(frozen=True)
class ClassifierSpec:
    """What is trained.

    Attributes
    ----------
    backbone, options
        Name in the registry and all its options.
    classes
        Names of the outputs.
    channels
        Of the input.
    input
        How the input is scaled.
    weights
        By parameter name, to begin from; those that are missing (a new head) are random. None = all are random.
    """

    backbone: str
    options: Mapping[str, Any]
    classes: tuple[str, ...]
    channels: int
    input: InputInfo
    weights: Mapping[str, Tensor] | None = None


@dataclass(frozen=True)
class ClassifierParts:
    """Examples to train on; to choose the epoch by, if any; to follow without choosing anything, if any."""

    train: Examples
    validation: Examples | None = None
    test: Examples | None = None


def check_settings(spec: ClassifierSpec, parts: ClassifierParts, settings: ClassifierTraining) -> None:
    """Raise `UsageError` for what cannot be trained, before anything is written."""
    build(spec)
    if settings.choose_by != "last" and not parts.validation:
        raise UsageError(
            f"choose_by = {settings.choose_by!r} needs validation images; give a split that has some, or choose_by=last"
        )
    if len(parts.train) < 2:
        raise UsageError(f"{len(parts.train)} images to train on; give at least 2, better hundreds")
    if settings.variation.exchange and parts.train.apart is None:
        raise UsageError(
            f"exchange = {settings.variation.exchange} needs to know where the white cells are; choose a view with a "
            "mask (balanced+mask), or exchange=0"
        )
    check_processes(settings)


def fit_classifier(
    spec: ClassifierSpec,
    parts: ClassifierParts,
    settings: ClassifierTraining,
    folder: Path,
    monitor: Monitor,
    *,
    resume: bool = False,
) -> Fitted:
    """Train a classifier; see `run_training` for stopping, resuming, the files in `folder` and what is raised.

    The settings have passed `check_settings`. Where dropout comes before batch norm, or that is asked for, its
    statistics are measured anew before each validation, and so in the weights that are given back.
    """
    begin(settings.seed)
    network = build(spec)
    train = ExampleLoader(parts.train, settings)
    looked_at = {VALIDATION: parts.validation, TEST: parts.test if settings.test_curve else None}
    loaders = {name: WholeLoader(examples) for name, examples in looked_at.items() if examples}
    entry = BACKBONES[spec.backbone]
    shifted = settings.recalibrate
    if shifted is None:
        shifted = entry.recalibrate(entry.options.parse(dict(spec.options)))
    rate = settings.learning_rate or (RATE_FROM_SCRATCH if spec.weights is None else RATE_FINE_TUNING)
    scaling = spec.input.per_channel(spec.channels)
    module = ClassifierModule(network, len(spec.classes), scaling, settings, rate, tuple(loaders))
    fitted = run_training(
        module,
        train,
        list(loaders.values()) or None,
        settings,
        Measures(CLASSIFIER, _CHOICES[settings.choose_by]),
        folder,
        monitor,
        resume=resume,
        callbacks=[RecalibratedNorms(train)] if shifted else [],
    )
    if shifted and not loaders:  # no validation has done it
        network.load_state_dict(fitted.tensors)
        recalibrate(module.cpu(), train.typical(IMAGES))
        fitted.tensors.update(network.state_dict())
    return fitted


def build(spec: ClassifierSpec) -> torch.nn.Module:
    """Return the network with the weights to begin from (float32, CPU).

    Raises
    ------
    CheckpointError
        The weights are of another network.
    """
    network = BACKBONES[spec.backbone].build(**spec.options)
    if spec.weights is not None:
        try:
            missing, unknown = network.load_state_dict(dict(spec.weights), strict=False)
        except RuntimeError as error:
            raise CheckpointError(f"the weights to begin from do not fit {spec.backbone!r} ({error})") from error
        if unknown or any(not name.startswith("head.") for name in missing if "num_batches_tracked" not in name):
            raise CheckpointError(
                f"the weights to begin from are not of {spec.backbone!r}: they lack {missing[:3]}, and {unknown[:3]} "
                "are unknown; choose the backbone that they are of"
            )
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
