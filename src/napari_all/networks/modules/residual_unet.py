"""A small residual U-Net with additive skips, fast on a CPU."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ResidualUNet(nn.Module):
    """U-Net (Ronneberger et al. 2015, arXiv 1505.04597) with residual blocks and added, not joined, skips.

    Adding the skips halves the decoder's work; batch norm is folded into the convolutions for inference by
    `folded`, so a pixel's result does not depend on the rest of its tile beyond the receptive field.

    Parameters
    ----------
    classes
        Number of outputs.
    widths
        Channels per level, from the full resolution down; each level halves the resolution.

    Notes
    -----
    Input (N, 3, H, W), float, H and W multiples of `2 ** (len(widths) - 1)`; output logits (N, classes, H, W).
    """

    def __init__(self, classes: int = 3, widths: Sequence[int] = (16, 32, 64, 128, 192)) -> None:
        super().__init__()
        self.stem = nn.Sequential(_conv(3, widths[0]), _conv(widths[0], widths[0]))
        pairs = list(itertools.pairwise(widths))
        self.down = nn.ModuleList(nn.Sequential(_conv(a, b, stride=2), _Residual(b)) for a, b in pairs)
        self.squeeze = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in reversed(pairs))
        self.merge = nn.ModuleList(_conv(a, a) for a, _ in reversed(pairs))
        self.head = nn.Conv2d(widths[0], classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (N, classes, H, W)."""
        x = self.stem(x)
        skips = []
        for down in self.down:
            skips.append(x)
            x = down(x)
        for squeeze, merge in zip(self.squeeze, self.merge, strict=True):
            x = F.interpolate(squeeze(x), scale_factor=2.0, mode="bilinear", align_corners=False)
            x = merge(x + skips.pop())
        logits: Tensor = self.head(x)
        return logits


class _Residual(nn.Module):
    """Two 3x3 convolutions with a shortcut (He et al. 2016, arXiv 1512.03385)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _conv(width, width)
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.second(self.first(x)))


def _conv(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def folded(model: nn.Module) -> nn.Module:
    """Fold every batch norm that follows a convolution into it, in place; for evaluation only."""
    for module in model.modules():
        if isinstance(module, nn.Sequential):
            for i in range(len(module) - 1):
                conv, norm = module[i], module[i + 1]
                if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                    module[i] = nn.utils.fuse_conv_bn_eval(conv.eval(), norm.eval())
                    module[i + 1] = nn.Identity()
    return model.eval()
