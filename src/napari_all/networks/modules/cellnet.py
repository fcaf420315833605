"""A small residual network that pools its features over the white cells and over the rest."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from napari_all.networks.modules.classifier import Classifier


class _Block(nn.Module):
    """Two 3x3 convolutions with batch norm, added to a (projected) skip."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.skip = nn.Sequential(
            nn.AvgPool2d(stride) if stride > 1 else nn.Identity(),
            nn.Conv2d(inputs, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, Y, X) to (N, outputs, Y / stride, X / stride)."""
        y = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        return F.relu(y + self.skip(x))


def _statistics(values: Tensor, weight: Tensor) -> Tensor:
    """Return weighted mean and spread (N, 2 C) of (N, C, Y, X) with weights (N, 1, Y, X)."""
    # a little weight everywhere, so that an image without white cells has a mean too
    weight = (weight + 0.002) / (weight + 0.002).sum((2, 3), keepdim=True)
    mean = (values * weight).sum((2, 3), keepdim=True)
    spread = ((values - mean) ** 2 * weight).sum((2, 3), keepdim=True)
    return torch.cat([mean, (spread + 1e-4).sqrt()], dim=1).flatten(1)


class CellNet(Classifier):
    """Residual network that is told where the white cells are: input red, green, blue and a soft mask of the cells.

    Parameters
    ----------
    classes
        Number of outputs.
    widths
        Channels of the stem (half resolution) and of the blocks (quarter, eighth, eighth … resolution).
    dropout
        Share of pooled features dropped in training.
    """

    def __init__(self, classes: int, widths: Sequence[int], dropout: float) -> None:
        super().__init__()
        stem = widths[0]
        self.stem = nn.Sequential(
            nn.Conv2d(4, stem, 3, 2, 1, bias=False),
            nn.BatchNorm2d(stem),
            nn.ReLU(),
            nn.Conv2d(stem, stem, 3, 1, 1, bias=False),
            nn.BatchNorm2d(stem),
            nn.ReLU(),
        )
        self.blocks = nn.Sequential(*(_Block(a, b, 2 if i < 2 else 1) for i, (a, b) in enumerate(pairwise(widths))))
        self.dropout = nn.Dropout(dropout)
        pooled = 4 * (3 + widths[-1])
        self.norm = nn.BatchNorm1d(pooled)
        self.head = nn.Linear(pooled, classes)

    def features(self, x: Tensor) -> Tensor:
        """Map (N, 4, Y, X) on 0..1 to (N, F): statistics of colours and of the last block, of cells and of the rest."""
        colours, mask = x[:, :3], x[:, 3:]
        mapped = self.blocks(self.stem((x - 0.7) / 0.3))
        # pooling sums over thousands of pixels, too many for bfloat16
        with torch.autocast(x.device.type, enabled=False):
            coarse = F.adaptive_avg_pool2d(mask, mapped.shape[2:])
            parts = [(colours, mask), (colours, 1 - mask), (mapped.float(), coarse), (mapped.float(), 1 - coarse)]
            pooled = self.norm(torch.cat([_statistics(*part) for part in parts], dim=1))
        return torch.as_tensor(self.dropout(pooled))

    def cam_layer(self) -> nn.Module:
        """Return the blocks.

        Grad-CAM gives each of their maps one weight, though they are pooled over cells and over the rest apart; what
        the statistics of colours and of the mask add to the answer goes round them.
        """
        return self.blocks
