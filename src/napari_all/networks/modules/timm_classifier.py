"""A network of timm (Wightman 2019, doi 10.5281/zenodo.4414861) with a linear head of our own."""

from __future__ import annotations

from typing import Any

import timm
import torch
from torch import Tensor, nn

from napari_all.networks.modules.classifier import Classifier


class TimmClassifier(Classifier):
    """A network of timm from random weights.

    Parameters
    ----------
    name
        Timm's name of the network.
    cam_layer
        Dotted name of the layer that Grad-CAM looks at.
    classes, channels
        Number of outputs and of input channels.
    dropout
        Share of the features dropped in training.
    **more
        What timm's network takes besides.
    """

    def __init__(self, name: str, cam_layer: str, classes: int, channels: int, dropout: float, **more: Any) -> None:
        super().__init__()
        self.body = timm.create_model(name, pretrained=False, num_classes=0, in_chans=channels, **more)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(self.body.head_hidden_size, classes)  # type: ignore[arg-type]
        self._cam_layer = cam_layer

    def features(self, x: Tensor) -> Tensor:
        """Map (N, channels, Y, X) to (N, F), pooled by the network's own rule."""
        return torch.as_tensor(self.dropout(self.body(x)))

    def cam_layer(self) -> nn.Module:
        """Return the last layer with places: maps of a convolutional network, normalised tokens of a transformer."""
        layer: nn.Module = self.body.get_submodule(self._cam_layer)
        return layer
