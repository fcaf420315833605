"""What a model format is; the registry of formats is `napari_all.networks.model_formats.MODEL_FORMATS`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_all.networks.card import ModelCard
from napari_all.networks.device import import_torch

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class ModelExport:
    """One model to be written in another format.

    Attributes
    ----------
    card, sha256
        Description and identity of the weights.
    weights
        Content of the model's `.safetensors` file.
    network
        The network itself, float32 on the CPU, in evaluation mode.
    sample
        (1, Y, X, C) uint8, an example of what the network is shown, before it is scaled as the card says.
    step
        The network takes any Y and X that are multiples of this; None = those of the sample only.
    temperature
        What logits are divided by before the softmax.
    """

    card: ModelCard
    sha256: str
    weights: bytes
    network: torch.nn.Module
    sample: NDArray[np.uint8]
    step: int | None
    temperature: float

    @cached_property
    def scaled(self) -> NDArray[np.float32]:
        """The sample as the network's input, (1, C, Y, X)."""
        mean, std = (np.array(v, np.float32) for v in self.card.input.per_channel(self.sample.shape[-1]))
        scaled = (self.sample.astype(np.float32) / np.float32(255.0) - mean) / std
        return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))

    @cached_property
    def probabilities(self) -> NDArray[np.float32]:
        """What the network itself says of the sample, (1, classes, …)."""
        torch = import_torch()
        with torch.inference_mode():
            logits = self.network(torch.from_numpy(self.scaled))
            return np.asarray((logits / self.temperature).softmax(1).numpy())


@dataclass(frozen=True)
class ModelFormat:
    """Entry of the registry of model formats.

    Attributes
    ----------
    name, title, summary
        Key, display name and one sentence for people.
    suffix
        What the files' names end with, dots included (".bioimageio.zip").
    write
        (path, model) writes the file whole or not at all, after it was found to give what the network gives.
    recognises
        (path) -> whether a file is of this format, as far as its name and first bytes tell; no two formats claim one.
    read
        (path) -> contents of the `.safetensors` file and of the card that were exported. Raises `CheckpointError`,
        also for files of this format that hold no model which napari-all can rebuild.
    """

    name: str
    title: str
    summary: str
    suffix: str
    write: Callable[[Path, ModelExport], None]
    recognises: Callable[[Path], bool]
    read: Callable[[Path], tuple[bytes, bytes]]
