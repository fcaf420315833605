"""Models on this machine: list them, show one, take one into the user's own folder."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from napari_all.config import Settings
from napari_all.data.synthetic import make_smear
from napari_all.errors import CheckpointError, DependencyError, FileExistsRefused, NapariAllError
from napari_all.monitor import Monitor, NullMonitor
from napari_all.networks.card import ModelCard, Task, pair, read_card
from napari_all.networks.checkpoint import Checkpoint, load_checkpoint, write_checkpoint
from napari_all.networks.model_formats import MODEL_FORMATS
from napari_all.networks.zoo import Source, find_weights, installed_models, source_of, user_folder, valid_name
from napari_all.workflows.segment import SegmentConfig, segment_image

_PROBE_CELL_PX = 24.0


class ModelInfo(Settings):
    """One model: `--json` of `models show` and `models import`."""

    schema_version: Literal[1] = Field(1, description="Version of this layout")
    name: str = Field(description="What --model takes: a name, or the path of a file that is not installed")
    source: Source = Field(description="Ships with napari-all, was imported, or is just a file")
    file: str = Field(description="Path of the weights on this machine")
    weights_bytes: int = Field(description="Size of the weights' file")
    sha256: str = Field(description="SHA-256 of the weights' file: the identity of the model")
    card: ModelCard = Field(description="What the model says of itself")


class UnusableFile(Settings):
    """A file in the model folder that is no model."""

    file: str = Field(description="Name of the file")
    error: str = Field(description="What is wrong with it, and the remedy")


class ModelList(Settings):
    """`--json` of `models list`."""

    schema_version: Literal[1] = Field(1, description="Version of this layout")
    folder: str = Field(description="Folder of imported models on this machine")
    models: tuple[ModelInfo, ...] = Field(description="Bundled models, then imported ones, by name")
    unusable: tuple[UnusableFile, ...] = Field(description="Files in the folder that are no models")


def find_models(task: Task | None = None) -> ModelList:
    """Return the models on this machine, of one task or of all, from their cards alone."""
    models, unusable = installed_models(task)
    return ModelList(
        folder=str(user_folder()),
        models=tuple(_info(m.name, m.source, m.weights, m.sha256, m.card) for m in models),
        unusable=tuple(UnusableFile(file=u.file.name, error=u.error) for u in unusable),
    )


def describe_model(model: str | Path) -> ModelInfo:
    """Return what a model is, given by name or path, after checking its weights against its card.

    Raises
    ------
    CheckpointError
        There is no such model, or it is damaged.
    """
    weights = find_weights(model)
    checkpoint = load_checkpoint(weights)
    source = source_of(weights)
    name = str(model) if source == "file" else weights.stem
    return _info(name, source, weights, checkpoint.sha256, checkpoint.card)


def import_model(
    path: Path, name: str | None = None, *, overwrite: bool = False, monitor: Monitor | None = None
) -> ModelInfo:
    """Copy a model into the user's folder, after it was read whole, rebuilt and run once.

    Parameters
    ----------
    path
        The `.safetensors` file, its card, or their common stem; or a file that `export_model` wrote.
    name
        What it will be called; None = the name on its card.
    overwrite
        Replace an imported model of this name.

    Raises
    ------
    CheckpointError
        The files are no model, damaged, or the network cannot be rebuilt from them.
    DependencyError
        A library that reads this format is missing.
    UsageError
        The name is a bundled model's, or cannot be a file's.
    FileExistsRefused
        An imported model has this name.
    SaveError
        The disk refuses; what stood there before is untouched.
    """
    with _weights_of(path) as weights:
        return _take_in(weights, name, overwrite, monitor or NullMonitor())


@contextmanager
def _weights_of(path: Path) -> Iterator[Path]:
    """Give the path of the weights; those inside a file of another format lie in a folder that is removed again."""
    format_of_file = next((f for f in MODEL_FORMATS.values() if f.recognises(path)), None)
    if format_of_file is None:
        yield find_weights(path.absolute())
        return
    contents = format_of_file.read(path)
    with tempfile.TemporaryDirectory(prefix="napari-all-") as folder:
        files = pair(Path(folder) / path.stem)
        for file, content in zip(files, contents, strict=True):
            file.write_bytes(content)
        yield files[0]


def _take_in(weights: Path, name: str | None, overwrite: bool, monitor: Monitor) -> ModelInfo:
    _, card_path = pair(weights)
    wanted = valid_name(read_card(card_path)[0].name if name is None else name)
    target, target_card = pair(user_folder() / wanted)
    if (target.exists() or target_card.exists()) and not overwrite:
        raise FileExistsRefused(
            f"there is already a model {wanted!r}; give another name (--name), or replace it (--overwrite)"
        )
    monitor.report("checking the model", 0, 2)
    checkpoint = load_checkpoint(weights)
    monitor.raise_if_cancelled()
    monitor.report("checking the model", 1, 2)
    _try(checkpoint, weights)
    monitor.raise_if_cancelled()
    monitor.report("checking the model", 2, 2)
    content = weights.read_bytes()
    if hashlib.sha256(content).hexdigest() != checkpoint.sha256:
        raise CheckpointError(f"{weights.name} changed while it was checked; import it again")
    card = checkpoint.card.updated(name=wanted)
    write_checkpoint(target, content, card)
    return _info(wanted, "imported", target, checkpoint.sha256, card)


def _info(name: str, source: Source, weights: Path, sha256: str, card: ModelCard) -> ModelInfo:
    return ModelInfo(
        name=name,
        source=source,
        file=str(weights),
        weights_bytes=weights.stat().st_size,
        sha256=sha256,
        card=card,
    )


def _try(checkpoint: Checkpoint, weights: Path) -> None:
    """Rebuild the network, fill in its weights and run it on a small synthetic smear, as every later use will."""
    bad = [n for n, t in checkpoint.tensors.items() if t.dtype.kind == "f" and not np.isfinite(t).all()]
    if bad:
        raise CheckpointError(f"{weights.name} holds values that are no numbers in {bad[0]!r}; train the model again")
    rgb = make_smear(0, (96, 96), _PROBE_CELL_PX).rgb
    try:
        if checkpoint.card.task == "segmentation":
            settings_of_method = {"model": str(weights), "device": "cpu", "diameter_px": _PROBE_CELL_PX}
            segment_image(rgb, SegmentConfig.parse({"method": "unet", "settings": settings_of_method}))
        else:
            from napari_all.classification.predictor import load_predictor

            load_predictor(weights, "cpu").predict(rgb)
    except (CheckpointError, DependencyError):
        raise
    except (NapariAllError, RuntimeError, MemoryError, LookupError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"the network of {weights.name} cannot be rebuilt or run ({type(error).__name__}: {error}); "
            f"update napari-all if a newer one made it, else train or copy the model again"
        ) from error
