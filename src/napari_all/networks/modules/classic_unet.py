"""The classic U-Net, as Reza et al. 2025 describe theirs.

Ronneberger et al. 2015 (doi 10.1007/978-3-319-24574-4_28): blocks of two 3x3 convolutions with ReLU, 2x2 max pooling,
transposed convolutions, skips that are concatenated, a 1x1 convolution. 'Same' padding, so that the output has
the input's size. Reza et al. (doi 10.11591/ijeecs.v38.i2.pp950-959) name neither depth nor widths; these are the
classic ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ClassicUNet(nn.Module):
    """U-Net without batch norm.

    Parameters
    ----------
    classes
        Number of outputs.
    widths
        Channels per level, from full resolution down.
    """

    def __init__(self, classes: int, widths: Sequence[int]) -> None:
        super().__init__()
        pairs = list(pairwise(widths))
        self.first = _block(3, widths[0])
        self.down = nn.ModuleList(_block(a, b) for a, b in pairs)
        self.up = nn.ModuleList(nn.ConvTranspose2d(b, a, 2, stride=2) for a, b in reversed(pairs))
        self.merge = nn.ModuleList(_block(2 * a, a) for a, _ in reversed(pairs))
        self.head = nn.Conv2d(widths[0], classes, 1)
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)) and module is not self.head:
                # Ronneberger et al., section 3: a Gaussian of variance 2 / inputs keeps the signal's strength
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, 3, Y, X) to logits (N, classes, Y, X); Y and X are multiples of 2 to the number of poolings."""
        skips = [self.first(x)]
        for down in self.down:
            skips.append(down(F.max_pool2d(skips[-1], 2)))
        x = skips.pop()
        for up, merge in zip(self.up, self.merge, strict=True):
            x = merge(torch.cat([skips.pop(), up(x)], 1))
        logits: Tensor = self.head(x)
        return logits


def _block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(outputs, outputs, 3, padding=1),
        nn.ReLU(inplace=True),
    )
