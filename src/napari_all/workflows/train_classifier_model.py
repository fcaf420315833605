"""The network of a classifier's training: what it begins from, what it says of images, and its checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from napari_all.classes import SUBTYPES
from napari_all.classification.predictor import run_network
from napari_all.classification.unfamiliarity import PREFIX, Familiar
from napari_all.errors import UsageError
from napari_all.monitor import Monitor
from napari_all.networks.checkpoint import InputInfo, ModelCard, load_checkpoint, save_checkpoint
from napari_all.networks.device import DeviceSetting, choose_device
from napari_all.networks.pretrained import load_pretrained
from napari_all.training.classifier_fit import ClassifierSpec, build
from napari_all.training.classifier_loader import AT_ONCE
from napari_all.training.run import Fitted
from napari_all.workflows.train_classifier_config import TrainClassifierConfig
from napari_all.workflows.train_classifier_data import ShownPart
from napari_all.workflows.train_classifier_judge import Outputs
from napari_all.workflows.train_classifier_report import TrainClassifierReport
from napari_all.workflows.training_folder import TERMS

_HEAD = "head."


@dataclass(frozen=True)
class Beginning:
    """What a training begins from: weights by name, and what the card tells of them; None = random weights."""

    weights: dict[str, torch.Tensor] | None = None
    told: dict[str, str | None] | None = None


def make_spec(config: TrainClassifierConfig) -> tuple[ClassifierSpec, Beginning]:
    """Return what is trained, and what it begins from.

    Raises
    ------
    UsageError
        The network cannot have these options, this size or this view, or the model to begin from is of another one.
    CheckpointError
        The weights to begin from cannot be used.
    """
    entry, channels = config.entry, config.shown.channels
    options = entry.options_for(len(SUBTYPES), channels, config.side, **config.options)
    info = InputInfo(size_px=config.side, mean=entry.mean, std=entry.std)
    begun = _beginning(config, options)
    return ClassifierSpec(config.backbone, options, SUBTYPES.names, channels, info, begun.weights), begun


def _beginning(config: TrainClassifierConfig, options: Mapping[str, Any]) -> Beginning:
    if config.init is not None:
        return _from_model(config.init, config.backbone)
    if config.pretrained is None:
        return Beginning()
    network = config.entry.build(**options)
    found = load_pretrained(network, config.entry, config.pretrained, config.pretrained_sha256)
    weights = {name: value for name, value in network.state_dict().items() if name not in found.left}
    return Beginning(weights, {"name": found.source, "sha256": found.sha256})


def _from_model(model: str, backbone: str) -> Beginning:
    init = load_checkpoint(model, "classification")
    if init.card.backbone != backbone:
        raise UsageError(f"init = {model!r} is a {init.card.backbone!r}; choose this backbone, or another model")
    same_head = init.card.classes == SUBTYPES.names
    weights = {
        name: torch.from_numpy(array.astype(np.float32))
        for name, array in init.tensors.items()
        if not name.startswith(PREFIX) and (same_head or not name.startswith(_HEAD))
    }
    return Beginning(weights, {"name": init.card.name, "sha256": init.sha256})


def stored(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the weights as a checkpoint keeps them: matrices in float16; vectors, which may span more, in float32."""
    return {
        name: value.half() if value.ndim > 1 else value.float()
        for name, value in tensors.items()
        if value.is_floating_point()
    }


def outputs_of(
    spec: ClassifierSpec, fitted: Fitted, parts: Mapping[str, ShownPart], device: DeviceSetting, monitor: Monitor
) -> dict[str, Outputs]:
    """Return what the stored weights say of every part."""
    network = build(spec)
    network.load_state_dict({name: value.float() for name, value in stored(fitted.tensors).items()}, strict=False)
    where = choose_device(device).name
    network.to(where).eval()
    total, done, found = sum(len(part) for part in parts.values()), 0, {}
    for name, part in parts.items():
        features: list[NDArray[np.float32]] = []
        logits: list[NDArray[np.float32]] = []
        for start in range(0, len(part), AT_ONCE):
            monitor.raise_if_cancelled()
            monitor.report("predict", done, total)
            batch = part.shown[start : start + AT_ONCE]
            for kept, values in zip((features, logits), run_network(network, batch, where, spec.input), strict=True):
                kept.append(values)
            done += len(batch)
        found[name] = Outputs(np.concatenate(features), np.concatenate(logits))
    monitor.report("predict", total, total)
    return found


def save_model(
    output: Path,
    config: TrainClassifierConfig,
    spec: ClassifierSpec,
    begun: Beginning,
    fitted: Fitted,
    familiar: Familiar,
    report: TrainClassifierReport,
) -> Path:
    """Write the checkpoint and its card."""
    data = report.data
    measured = {"validation": report.validation} | ({"test": report.test} if report.test else {})
    metrics = {f"{name}_accuracy": part.measures.accuracy.value or 0.0 for name, part in measured.items()}
    card = ModelCard(
        name=config.name,
        task="classification",
        backbone=spec.backbone,
        options=dict(spec.options),
        input=spec.input,
        classes=spec.classes,
        extra={
            **report.judgement.model_dump(mode="json"),
            "view": data.view,
            "split": {"name": data.split, "fingerprint": data.split_fingerprint},
            "data_fingerprint": report.data_fingerprint,
            "training": config.training.model_dump(mode="json"),
            "init": begun.told,
            "epoch": report.epoch,
        },
        summary=f"Predicted subtype of a smear field; trained on {sum(data.images['train'].values())} images.",
        metrics=metrics,
        data=(f"{sum(data.images['train'].values())} images of the user's own",),
        licence=TERMS,
    )
    return save_checkpoint(output / config.name, {**stored(fitted.tensors), **familiar.tensors()}, card)
