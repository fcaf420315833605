"""A network with the softmax behind it, for programs that want probabilities and not logits."""

from __future__ import annotations

from torch import Tensor, nn


class Probabilities(nn.Module):
    """A network whose logits become probabilities.

    Parameters
    ----------
    network
        Maps its input to logits (N, classes, …).
    temperature
        What logits are divided by before the softmax.
    """

    def __init__(self, network: nn.Module, temperature: float) -> None:
        super().__init__()
        self.network = network
        self._temperature = temperature

    def forward(self, image: Tensor) -> Tensor:
        """Return (N, classes, …) that add up to one over the classes."""
        logits: Tensor = self.network(image)
        return (logits if self._temperature == 1.0 else logits / self._temperature).softmax(1)
