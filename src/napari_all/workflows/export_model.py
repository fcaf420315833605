"""Write a model in the format of other programs: the `models export` command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from napari_all.config import Settings
from napari_all.data.synthetic import make_smear
from napari_all.errors import FileExistsRefused, UsageError
from napari_all.files import sha256_file
from napari_all.monitor import Monitor, NullMonitor
from napari_all.networks.checkpoint import Checkpoint, load_checkpoint
from napari_all.networks.model_formats import MODEL_FORMATS, ModelExport
from napari_all.networks.zoo import find_weights

if TYPE_CHECKING:
    import torch

    _Parts: TypeAlias = tuple[torch.nn.Module, NDArray[np.uint8], int | None, float]

_SAMPLE_PX, _LEAST_STEPS = 256, 8
"""Side of the example for a network that takes any, and the steps of its stride that it has at least."""


class ExportedModel(Settings):
    """What `models export` wrote: its `--json`."""

    schema_version: Literal[1] = Field(1, description="Version of this layout")
    name: str = Field(description="Name of the model")
    format: str = Field(description="Name of the format")
    file: str = Field(description="Path of the file on this machine")
    bytes: int = Field(description="Size of the file")
    sha256: str = Field(description="SHA-256 of the file")
    weights_sha256: str = Field(description="SHA-256 of the weights that it was made from")


def export_model(
    model: str | Path,
    format_name: str,
    output: Path | None = None,
    *,
    overwrite: bool = False,
    monitor: Monitor | None = None,
) -> ExportedModel:
    """Write a model, after what is written was found to give the network's own probabilities on a synthetic smear.

    Parameters
    ----------
    model
        Name of an installed model, or path of its weights.
    format_name
        Name in `MODEL_FORMATS`.
    output
        The file, or a folder for it; None = the model's name in the working folder.
    overwrite
        Replace a file that is there.

    Raises
    ------
    UsageError
        There is no such format.
    CheckpointError
        There is no such model, it is damaged, or its network cannot be written in this format.
    DependencyError
        A library that the format needs is missing.
    FileExistsRefused
        The file is there and `overwrite` is False.
    SaveError
        The disk refuses; what stood there before is untouched.
    """
    monitor = monitor or NullMonitor()
    chosen = MODEL_FORMATS[format_name]
    weights = find_weights(model)
    target = output or Path.cwd()
    if target.is_dir():
        target = target / f"{weights.stem}{chosen.suffix}"
    ending = "." + chosen.suffix.rpartition(".")[2]
    if target.suffix.lower() != ending:
        raise UsageError(f"{target.name!r} is no name for {chosen.title}; end it with {ending}, or give a folder")
    if target.exists() and not overwrite:
        raise FileExistsRefused(f"{target.name} is already there; give --overwrite to replace it")
    monitor.report("exporting the model", 0, 2)
    prepared = prepare_export(weights)
    monitor.raise_if_cancelled()
    monitor.report("exporting the model", 1, 2)
    chosen.write(target, prepared)
    monitor.report("exporting the model", 2, 2)
    return ExportedModel(
        name=prepared.card.name,
        format=chosen.name,
        file=str(target),
        bytes=target.stat().st_size,
        sha256=sha256_file(target),
        weights_sha256=prepared.sha256,
    )


def prepare_export(model: str | Path) -> ModelExport:
    """Return a model with its network and an example of what that is shown; raises as `export_model`."""
    weights = find_weights(model)
    checkpoint = load_checkpoint(weights)
    segments = checkpoint.card.task == "segmentation"
    network, sample, step, temperature = _segmenter(weights, checkpoint) if segments else _classifier(checkpoint)
    return ModelExport(
        card=checkpoint.card,
        sha256=checkpoint.sha256,
        weights=weights.read_bytes(),
        network=network.eval(),
        sample=sample[None],
        step=step,
        temperature=temperature,
    )


def _segmenter(weights: Path, checkpoint: Checkpoint) -> _Parts:
    from napari_all.networks.rebuild import rebuild
    from napari_all.segmentation.inference import load_network

    loaded = load_network(str(weights), "cpu")
    side = loaded.align * max(_LEAST_STEPS, -(-_SAMPLE_PX // loaded.align))
    rgb = make_smear(0, (side, side), loaded.cell_px).rgb
    return rebuild(checkpoint), rgb, loaded.align, 1.0


def _classifier(checkpoint: Checkpoint) -> _Parts:
    from napari_all.classification.predictor import Judgement, Predictor

    predictor = Predictor(checkpoint, "cpu")
    shown = predictor.view.prepare(make_smear(0, (224, 224), 22.0).rgb, predictor.size_px).shown
    judgement = Judgement.of(checkpoint.card)
    return predictor.network, shown, None, 1.0 if judgement is None else judgement.temperature
