"""The card of a model: what its weights are, how to rebuild the network, and on what terms it may be used."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias

from pydantic import Field

from napari_all.config import Settings
from napari_all.errors import CheckpointError, UsageError

Task: TypeAlias = Literal["segmentation", "classification"]

FORMAT_VERSION = 1
"""Version of the card's layout that this program writes; it reads this one and older ones."""

MAX_CARD_BYTES = 1_000_000
"""A card is a page of text; a larger file is none, and is not read into memory."""

TENSORS_SUFFIX, CARD_SUFFIX = ".safetensors", ".json"


class InputInfo(Settings):
    """How an RGB uint8 image becomes the network's input: `(rgb / 255 - mean) / std`."""

    size_px: int | None = Field(None, ge=1, description="Side of the square input; none = any size")
    mean: tuple[float, float, float] = Field((0.0, 0.0, 0.0), description="Per channel R, G, B, on 0..1")
    std: tuple[float, float, float] = Field((1.0, 1.0, 1.0), description="Per channel R, G, B, on 0..1")

    def per_channel(self, channels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return mean and std of every channel: repeated for each R, G, B; what is left over is a mask on 0..1."""
        images, masks = divmod(channels, 3)
        return self.mean * images + (0.0,) * masks, self.std * images + (1.0,) * masks


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


def pair(path: Path) -> tuple[Path, Path]:
    """Return the paths of weights and card, given either or their common stem."""
    stem = path.name.removesuffix(TENSORS_SUFFIX).removesuffix(CARD_SUFFIX)
    return path.with_name(stem + TENSORS_SUFFIX), path.with_name(stem + CARD_SUFFIX)


def read_card(path: Path) -> tuple[ModelCard, str]:
    """Return the card in a file and the SHA-256 (hex) that it gives for its weights.

    Raises
    ------
    CheckpointError
        The file is missing, too large, no card, or of a newer format.
    """
    described = _read_json(path)
    version = described.get("format_version", 1)
    if not isinstance(version, int) or version > FORMAT_VERSION:  # before anything else is judged
        raise CheckpointError(
            f"the model card {path} has format version {version!r}; this napari-all reads up to "
            f"{FORMAT_VERSION}: update napari-all"
        )
    sha256 = str(described.pop("sha256", None))
    try:
        return ModelCard.parse(described), sha256
    except UsageError as error:
        raise CheckpointError(f"the model card {path} cannot be used: {error}") from error


def card_text(card: ModelCard, sha256: str) -> str:
    """Return what the card's file holds."""
    described: Mapping[str, Any] = {**card.model_dump(mode="json"), "sha256": sha256}
    return json.dumps(described, indent=2, ensure_ascii=False) + "\n"


def _read_json(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_CARD_BYTES + 1)
    except OSError as error:
        raise CheckpointError(f"cannot read the model card {path}: {error.strerror}; copy the model again") from error
    if len(content) > MAX_CARD_BYTES:
        raise CheckpointError(
            f"{path} is larger than {MAX_CARD_BYTES // 1_000_000} MB, so it is no model card; copy the model again"
        )
    try:
        described = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"the model card {path} is not valid JSON ({error}); copy the model again") from error
    if not isinstance(described, dict):
        raise CheckpointError(f"the model card {path} does not hold a description; copy the model again")
    return described
