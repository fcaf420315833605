"""Model weights on disk: one `.safetensors` file and one JSON card beside it, never pickle."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as dump_tensors

from napari_all.errors import CheckpointError
from napari_all.files import atomic_path
from napari_all.networks.card import (
    CARD_SUFFIX,
    FORMAT_VERSION,
    TENSORS_SUFFIX,
    InputInfo,
    ModelCard,
    Task,
    card_text,
    pair,
    read_card,
)
from napari_all.networks.zoo import find_weights, list_models

__all__ = [
    "FORMAT_VERSION",
    "Checkpoint",
    "InputInfo",
    "ModelCard",
    "Task",
    "load_checkpoint",
    "save_checkpoint",
    "write_checkpoint",
]


@dataclass(frozen=True)
class Checkpoint:
    """Weights and their card.

    Attributes
    ----------
    tensors
        Arrays by parameter name, as stored (float16 or float32).
    card
        Description of the model.
    sha256
        Hash of the `.safetensors` file, lower-case hex; the identity of the weights.
    """

    tensors: Mapping[str, NDArray[Any]]
    card: ModelCard
    sha256: str


def save_checkpoint(path: str | Path, tensors: Mapping[str, Any], card: ModelCard) -> Path:
    """Write weights and card whole or not at all; return the path of the `.safetensors` file.

    Parameters
    ----------
    path
        Target with or without the `.safetensors` suffix; the card goes beside it as `.json`.
    tensors
        Numpy arrays or torch tensors by name (a `state_dict`).
    card
        Description; the hash of the weights is added to what is written.

    Raises
    ------
    SaveError
        The disk refuses; what stood there before is untouched.
    """
    content = dump_tensors({name: _as_array(value) for name, value in tensors.items()})
    return write_checkpoint(path, content, card)


def write_checkpoint(path: str | Path, content: bytes, card: ModelCard) -> Path:
    """Write a `.safetensors` file's content as it is, and its card; otherwise as `save_checkpoint`."""
    weights_path, card_path = pair(Path(path))
    # Both files are complete on the disk before either takes its name.
    with atomic_path(weights_path) as new_weights, atomic_path(card_path) as new_card:
        new_weights.write_bytes(content)
        new_card.write_text(card_text(card, hashlib.sha256(content).hexdigest()), encoding="utf-8")
    return weights_path


def load_checkpoint(model: str | Path, task: Task | None = None) -> Checkpoint:
    """Read a checkpoint that is installed (by name: bundled or imported) or lies anywhere (by path).

    Parameters
    ----------
    model
        Name of an installed model, or path of a `.safetensors` file or of its card.
    task
        Refuse a model of another task.

    Raises
    ------
    CheckpointError
        Missing, truncated or altered files, a card of a newer format or of another task.
    """
    weights_path, card_path = pair(find_weights(model))
    card, expected = read_card(card_path)
    try:
        content = weights_path.read_bytes()
    except OSError as error:
        raise CheckpointError(
            f"cannot read the weights {weights_path}: {error.strerror}; both {TENSORS_SUFFIX} and "
            f"{CARD_SUFFIX} must lie side by side, so copy the model again with both"
        ) from error
    sha256 = hashlib.sha256(content).hexdigest()
    if sha256 != expected:
        raise CheckpointError(
            f"the weights {weights_path} do not match their card (SHA-256 {sha256[:12]}…, the card says "
            f"{expected[:12]}…): the file is truncated or was changed; copy the model again"
        )
    if task is not None and card.task != task:
        raise CheckpointError(
            f"model {card.name!r} is for {card.task}, not for {task}; "
            f"choose one of {', '.join(map(repr, list_models(task)))}"
        )
    try:
        tensors = load_tensors(content)
    except (SafetensorError, ValueError) as error:
        raise CheckpointError(f"{weights_path} is not a safetensors file ({error}); copy the model again") from error
    except KeyError as error:  # a type of number that numpy lacks
        raise CheckpointError(f"{weights_path} holds {error} numbers; save it again as float16 or float32") from error
    return Checkpoint(tensors, card, sha256)


def _as_array(value: Any) -> NDArray[Any]:
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    return np.ascontiguousarray(value)
