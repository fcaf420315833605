"""A checkpoint made into the network that it describes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_all.errors import CheckpointError
from napari_all.networks.backbones import BACKBONES
from napari_all.networks.checkpoint import Checkpoint
from napari_all.networks.device import import_torch

if TYPE_CHECKING:
    import torch


def rebuild(checkpoint: Checkpoint) -> torch.nn.Module:
    """Build the network of a checkpoint's card and fill in its weights (float32, CPU).

    Raises
    ------
    CheckpointError
        The weights do not fit the network.
    UsageError, DependencyError
        The card names an unknown network or option, or a library is missing.
    """
    torch = import_torch()
    card = checkpoint.card
    module = BACKBONES[card.backbone].build(**card.options)
    tensors = {name: torch.from_numpy(value).float() for name, value in checkpoint.tensors.items()}
    # counters of batches matter in training only and are not stored
    counters = {k: v for k, v in module.state_dict().items() if k.endswith("num_batches_tracked")}
    try:
        module.load_state_dict(counters | tensors)
    except RuntimeError as error:
        raise CheckpointError(
            f"the weights of {card.name!r} do not fit {card.backbone!r} with {card.options} ({error}); "
            f"copy the model again or take another"
        ) from error
    return module
