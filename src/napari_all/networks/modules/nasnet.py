"""NASNet-A, from the cells of Zoph et al. 2018 (doi 10.1109/CVPR.2018.00907, figure 4 and appendix A).

A cell sees the output of the cell before it (`current`) and of the one before that (`previous`). Batch norm forgets
at torch's usual rate instead of the published 0.0003 per step, which needs far longer trainings than a few hundred
images allow; drop-path is left out.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from napari_all.networks.modules.classifier import Classifier

_EPSILON = 1e-3


class _SeparableTwice(nn.Sequential):
    """ReLU, separable convolution, batch norm, twice; the first has the stride."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__(
            *_separable(inputs, outputs, kernel, stride),
            *_separable(outputs, outputs, kernel, 1),
        )


def _separable(inputs: int, outputs: int, kernel: int, stride: int) -> tuple[nn.Module, ...]:
    return (
        nn.ReLU(),
        nn.Conv2d(inputs, inputs, kernel, stride, kernel // 2, groups=inputs, bias=False),
        nn.Conv2d(inputs, outputs, 1, bias=False),
        nn.BatchNorm2d(outputs, eps=_EPSILON),
    )


class _Pointwise(nn.Sequential):
    """ReLU, 1x1 convolution, batch norm."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(nn.ReLU(), nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs, eps=_EPSILON))


class _Halve(nn.Module):
    """ReLU, then half the size without losing every second pixel: two 1x1 convolutions, one shifted by a pixel."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.even = nn.Conv2d(inputs, outputs // 2, 1, 2, bias=False)
        self.odd = nn.Conv2d(inputs, outputs - outputs // 2, 1, 2, bias=False)
        self.norm = nn.BatchNorm2d(outputs, eps=_EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, Y, X) to (N, outputs, Y / 2, X / 2), sides rounded up."""
        x = F.relu(x)
        shifted = F.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]
        return torch.as_tensor(self.norm(torch.cat([self.even(x), self.odd(shifted)], dim=1)))


def _average(stride: int) -> nn.Module:
    return nn.AvgPool2d(3, stride, 1, count_include_pad=False)


def _fitted(inputs: int, outputs: int, halve: bool) -> nn.Module:
    """Return what brings the previous output to the cell's width and size."""
    if halve:
        return _Halve(inputs, outputs)
    return _Pointwise(inputs, outputs) if inputs != outputs else nn.Identity()


class _NormalCell(nn.Module):
    """Cell that keeps the size; its output is six times its width."""

    def __init__(self, current: int, previous: int, width: int, halve: bool) -> None:
        super().__init__()
        self.fit_previous = _fitted(previous, width, halve)
        self.fit_current = _Pointwise(current, width)
        self.left1, self.right1 = _SeparableTwice(width, width, 5), _SeparableTwice(width, width, 3)
        self.left2, self.right2 = _SeparableTwice(width, width, 5), _SeparableTwice(width, width, 3)
        self.left5 = _SeparableTwice(width, width, 3)
        self.average = _average(1)

    def forward(self, current: Tensor, previous: Tensor) -> Tensor:
        """Return (N, 6 width, Y, X) at the size of `current`."""
        h, p = self.fit_current(current), self.fit_previous(previous)
        blocks = (
            self.left1(h) + self.right1(p),
            self.left2(p) + self.right2(p),
            self.average(h) + p,
            2.0 * self.average(p),
            self.left5(h) + h,
        )
        return torch.cat([p, *blocks], dim=1)


class _ReductionCell(nn.Module):
    """Cell that halves the size; its output is four times its width."""

    def __init__(self, current: int, previous: int, width: int, halve: bool, fit: bool = True) -> None:
        super().__init__()
        self.fit_previous = _fitted(previous, width, halve) if fit else nn.Identity()
        self.fit_current = _Pointwise(current, width)
        given = width if fit else previous
        self.left1, self.right1 = _SeparableTwice(width, width, 5, 2), _SeparableTwice(given, width, 7, 2)
        self.right2, self.right3 = _SeparableTwice(given, width, 7, 2), _SeparableTwice(given, width, 5, 2)
        self.left5 = _SeparableTwice(width, width, 3)
        self.largest, self.average, self.smooth = nn.MaxPool2d(3, 2, 1), _average(2), _average(1)

    def forward(self, current: Tensor, previous: Tensor) -> Tensor:
        """Return (N, 4 width, Y / 2, X / 2), sides rounded up."""
        h, p = self.fit_current(current), self.fit_previous(previous)
        largest = self.largest(h)
        one = self.left1(h) + self.right1(p)
        two = largest + self.right2(p)
        three = self.average(h) + self.right3(p)
        four = self.smooth(one) + two
        five = self.left5(one) + largest
        return torch.cat([two, three, four, five], dim=1)


class NASNet(Classifier):
    """NASNet-A `repeats @ 24 width`; the defaults are the mobile one, 4 @ 1056.

    Parameters
    ----------
    classes, channels
        Number of outputs and of input channels.
    dropout
        Share of pooled features dropped in training.
    stem
        Filters of the first convolution.
    width
        Filters of the first normal cells; doubled at each of the two reductions.
    repeats
        Normal cells before, between and after the reductions.
    """

    def __init__(
        self, classes: int, channels: int, dropout: float, stem: int = 32, width: int = 44, repeats: int = 4
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(channels, stem, 3, 2, bias=False), nn.BatchNorm2d(stem, eps=_EPSILON))
        cells: list[nn.Module] = [
            _ReductionCell(stem, stem, width // 4, halve=False, fit=False),
            _ReductionCell(width, stem, width // 2, halve=True),
        ]
        current, previous = 2 * width, width
        for stage in range(3):
            filters = width * 2**stage
            for number in range(repeats + (stage > 0)):
                reduces = stage > 0 and number == 0
                halve = number == (1 if stage else 0)  # the output before a reduction is twice as large
                cell = _ReductionCell if reduces else _NormalCell
                cells.append(cell(current, previous, filters, halve))
                current, previous = (4 if reduces else 6) * filters, current
        self.cells = nn.ModuleList(cells)
        self.last = nn.ReLU()
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(current, classes)

    def features(self, x: Tensor) -> Tensor:
        """Map (N, channels, Y, X) to (N, 24 width); sides of 32 px and more."""
        current = previous = self.stem(x)
        for cell in self.cells:
            current, previous = cell(current, previous), current
        return torch.as_tensor(self.dropout(self.last(current).mean((2, 3))))

    def cam_layer(self) -> nn.Module:
        """Return the ReLU after the last cell."""
        return self.last
