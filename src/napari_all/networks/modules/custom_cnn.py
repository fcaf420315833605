"""The custom CNN of the paper, layer by layer."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from napari_all.networks.modules.classifier import Classifier

_FILTERS = (200, 150, 100, 50)
_DENSE = 256


class CustomCNN(Classifier):
    """Four 3x3 convolutions with ReLU, max pooling after the first two, a dense layer.

    Reza et al. 2025, doi 10.11591/ijeecs.v38.i2.pp950-959.

    Parameters
    ----------
    classes, channels
        Number of outputs and of input channels.
    size_px
        Side of the square input.
    dropout
        Share dropped after the first and the third convolution and before the head.
    padding
        Of the convolutions.
    """

    def __init__(
        self, classes: int, channels: int, size_px: int, dropout: float, padding: Literal["same", "valid"]
    ) -> None:
        super().__init__()
        one, two, three, four = _FILTERS
        self.maps = nn.Sequential(
            nn.Conv2d(channels, one, 3, padding=padding),
            nn.ReLU(),
            nn.MaxPool2d(4),
            nn.Dropout(dropout),
            nn.Conv2d(one, two, 3, padding=padding),
            nn.ReLU(),
            nn.MaxPool2d(4),
            nn.Conv2d(two, three, 3, padding=padding),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Conv2d(three, four, 3, padding=padding),
            nn.ReLU(),
        )
        side = _side(size_px, 0 if padding == "same" else 2)
        self.dense = nn.Sequential(
            nn.Flatten(), nn.Linear(four * side**2, _DENSE), nn.ReLU(), nn.BatchNorm1d(_DENSE), nn.Dropout(dropout)
        )
        self.head = nn.Linear(_DENSE, classes)

    def features(self, x: Tensor) -> Tensor:
        """Map (N, channels, size_px, size_px) to (N, 256)."""
        return torch.as_tensor(self.dense(self.maps(x)))

    def cam_layer(self) -> nn.Module:
        """Return the last convolution with its ReLU."""
        return self.maps


def _side(size_px: int, lost: int) -> int:
    """Return the side of the last maps, where each convolution loses so many pixels."""
    return ((size_px - lost) // 4 - lost) // 4 - 2 * lost
