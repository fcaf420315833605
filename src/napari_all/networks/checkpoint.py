"""Model weights on disk: one `.safetensors` file and one JSON card beside it, never pickle."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as dump_tensors

from napari_all.config import Settings
from napari_all.errors import CheckpointError, UsageError
from napari_all.files import atomic_path

Task: TypeAlias = Literal["segmentation", "classification"]

FORMAT_VERSION = 1
"""Version of the card's layout that this program writes; it reads this one and older ones."""

WEIGHTS_FOLDER = Path(__file__).with_name("weights")
"""Where the models that ship with the package lie."""

TENSORS_SUFFIX, CARD_SUFFIX = ".safetensors", ".json"


class InputInfo(Settings):
    """How an RGB uint8 image becomes the network's input: `(rgb / 255 - mean) / std`."""

    size_px: int | None = Field(None, ge=1, description="Side of the square input; none = any size")
    mean: tuple[float, float, float] = Field((0.0, 0.0, 0.0), description="Per channel R, G, B, on 0..1")
    std: tuple[float, float, float] = Field((1.0, 1.0, 1.0), description="Per channel R, G, B, on 0..1")


class ModelCard(Settings):
    """What a checkpoint is: enough to rebuild the network and to judge whether to use it."""

    name: str = Field(min_length=1, description="Unique name, also the file's stem")
    task: Task = Field(description="What the network does")
    backbone: str = Field(description="Name in the registry of backbones")
    options: dict[str, Any] = Field(default_factory=dict, description="Options of the backbone")
    input: InputInfo = Field(InputInfo.parse({}), description="How an image becomes the input")
    classes: tuple[str, ...] = Field(description="Names of the outputs, in order")
    extra: dict[str, Any] = Field(default_factory=dict, description="Further values that the task needs")
    summary: str = Field("", description="One sentence for people")
    metrics: dict[str, float] = Field(default_factory=dict, description="Measured figures")
    data: tuple[str, ...] = Field((), description="What it was trained on, with citations")
    licence: str = Field("", description="Terms of use of the weights")
    format_version: int = Field(FORMAT_VERSION, ge=1)


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
    weights_path, card_path = _pair(Path(path))
    content = dump_tensors({name: _as_array(value) for name, value in tensors.items()})
    described = {**card.model_dump(mode="json"), "sha256": hashlib.sha256(content).hexdigest()}
    # Both files are complete on the disk before either takes its name.
    with atomic_path(weights_path) as new_weights, atomic_path(card_path) as new_card:
        new_weights.write_bytes(content)
        new_card.write_text(json.dumps(described, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return weights_path


def load_checkpoint(model: str | Path, task: Task | None = None) -> Checkpoint:
    """Read a checkpoint that ships with the package (by name) or lies anywhere (by path).

    Parameters
    ----------
    model
        Name of a bundled model, or path of a `.safetensors` file or of its card.
    task
        Refuse a model of another task.

    Raises
    ------
    CheckpointError
        Missing, truncated or altered files, a card of a newer format or of another task.
    """
    weights_path, card_path = _resolve(model)
    described = _read_card(card_path)
    try:
        content = weights_path.read_bytes()
    except OSError as error:
        raise CheckpointError(
            f"cannot read the weights {weights_path}: {error.strerror}; both {TENSORS_SUFFIX} and "
            f"{CARD_SUFFIX} must lie side by side, so copy the model again with both"
        ) from error
    expected = described.pop("sha256", None)
    sha256 = hashlib.sha256(content).hexdigest()
    if sha256 != expected:
        raise CheckpointError(
            f"the weights {weights_path} do not match their card (SHA-256 {sha256[:12]}…, the card says "
            f"{str(expected)[:12]}…): the file is truncated or was changed; copy the model again"
        )
    card = _parse_card(card_path, described)
    if task is not None and card.task != task:
        raise CheckpointError(
            f"model {card.name!r} is for {card.task}, not for {task}; "
            f"choose one of {', '.join(map(repr, list_models(task)))}"
        )
    try:
        tensors = load_tensors(content)
    except (SafetensorError, ValueError) as error:
        raise CheckpointError(f"{weights_path} is not a safetensors file ({error}); copy the model again") from error
    return Checkpoint(tensors, card, sha256)


def list_models(task: Task | None = None) -> list[str]:
    """Return the names of the bundled models, of one task or of all, in alphabetical order."""
    cards = (_parse_card(path, _read_card(path)) for path in sorted(WEIGHTS_FOLDER.glob(f"*{CARD_SUFFIX}")))
    return [card.name for card in cards if task is None or card.task == task]


def _resolve(model: str | Path) -> tuple[Path, Path]:
    """Return the paths of weights and card for a bundled name or a path."""
    bundled = _pair(WEIGHTS_FOLDER / model)
    if isinstance(model, str) and Path(model).name == model and bundled[1].exists():
        return bundled
    pair = _pair(Path(model).expanduser())
    if not (pair[0].exists() or pair[1].exists()):
        raise CheckpointError(
            f"there is no model {str(model)!r}; give one of {', '.join(map(repr, list_models()))} "
            f"or the path of a {TENSORS_SUFFIX} file"
        )
    return pair


def _pair(path: Path) -> tuple[Path, Path]:
    stem = path.name.removesuffix(TENSORS_SUFFIX).removesuffix(CARD_SUFFIX)
    return path.with_name(stem + TENSORS_SUFFIX), path.with_name(stem + CARD_SUFFIX)


def _read_card(path: Path) -> dict[str, Any]:
    """Return a card's JSON, refusing newer formats before anything else is judged."""
    try:
        described = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CheckpointError(f"cannot read the model card {path}: {error.strerror}; copy the model again") from error
    except ValueError as error:
        raise CheckpointError(f"the model card {path} is not valid JSON ({error}); copy the model again") from error
    if not isinstance(described, dict):
        raise CheckpointError(f"the model card {path} does not hold a description; copy the model again")
    version = described.get("format_version", 1)
    if not isinstance(version, int) or version > FORMAT_VERSION:
        raise CheckpointError(
            f"the model card {path} has format version {version!r}; this napari-all reads up to "
            f"{FORMAT_VERSION}: update napari-all"
        )
    return described


def _parse_card(path: Path, described: Mapping[str, Any]) -> ModelCard:
    try:
        return ModelCard.parse({key: value for key, value in described.items() if key != "sha256"})
    except UsageError as error:
        raise CheckpointError(f"the model card {path} cannot be used: {error}") from error


def _as_array(value: Any) -> NDArray[Any]:
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    return np.ascontiguousarray(value)
