"""The optimiser of every training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

CLIP = 5.0
"""Largest norm of a step's gradient; keeps a bad batch from throwing the weights away."""


def adamw(network: torch.nn.Module, rate: float, weight_decay: float, factor: Callable[[int], float]) -> dict[str, Any]:
    """Return what Lightning's `configure_optimizers` gives: AdamW whose rate follows a factor of the step.

    Norms and biases do not decay.

    Parameters
    ----------
    rate
        Highest learning rate.
    factor
        Of the step from 0; 1 at most.
    """
    groups = [
        {"params": [p for p in network.parameters() if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in network.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
