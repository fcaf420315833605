"""What every network that classifies images offers."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor, nn


class Classifier(nn.Module):
    """Base of the classifiers: features, a linear head on them, and the layer that Grad-CAM looks at."""

    head: nn.Module

    @abstractmethod
    def features(self, x: Tensor) -> Tensor:
        """Map (N, C, Y, X), scaled as the model's card says, to the (N, F) that the head takes."""

    @abstractmethod
    def cam_layer(self) -> nn.Module:
        """Return the module whose output Grad-CAM weighs: (N, K, Y, X) maps, or (N, T, K) tokens of square patches."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, Y, X), scaled as the model's card says, to (N, classes) logits."""
        return torch.as_tensor(self.head(self.features(x)))
