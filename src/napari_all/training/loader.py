"""Batches of patches to train on, and whole images to validate on."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from napari_all.data.mask_items import MaskItem, resized
from napari_all.data.patches import cut_patch
from napari_all.training.settings import TrainingSettings

VALIDATION_PX = 768
"""A validation image is looked at in a window of this side at most, its middle, at the network's scale."""
_MULTIPLE = 32


@dataclass(frozen=True)
class ItemSource:
    """Items that are drawn together, and their share of the patches."""

    items: Sequence[MaskItem]
    share: float = 1.0


class StepLoader(ABC):
    """Gives the batches of one epoch; each follows from (seed, step, process) alone, so a resumed run goes on alike.

    The next batch is made in a thread while the network works.
    """

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self.epoch = self.rank = 0

    @abstractmethod
    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Make the batch of a step, counted from the beginning of the training, for this process."""

    def __len__(self) -> int:
        return self._steps

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        first = self.epoch * self._steps
        with ThreadPoolExecutor(1) as pool:
            ahead = pool.submit(self.batch, first)
            for step in range(first + 1, first + self._steps):
                made = ahead.result()
                ahead = pool.submit(self.batch, step)
                yield made
            yield ahead.result()


class PatchLoader(StepLoader):
    """Gives batches of patches: (N, 3, Y, X) images and (N, 6, Y, X) targets."""

    def __init__(self, sources: Sequence[ItemSource], settings: TrainingSettings, steps: int) -> None:
        super().__init__(steps)
        self._sources, self._settings = sources, settings

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Cut the patches of a step."""
        settings = self._settings
        rng = np.random.default_rng((settings.seed, step, self.rank))
        shares = np.array([source.share for source in self._sources])
        patches = []
        for which in rng.choice(len(shares), settings.batch_size, p=shares / shares.sum()):
            items = self._sources[which].items
            item = items[rng.integers(len(items))]
            patches.append(cut_patch(item, rng, settings.patch_px, settings.cell_px, settings.augment))
        images, targets = (torch.from_numpy(np.stack(a)).permute(0, 3, 1, 2) for a in zip(*patches, strict=True))
        return images, targets


class ImageLoader:
    """Gives validation images one by one at the network's scale, unchanged otherwise: (1, 3, Y, X) and (1, 6, Y, X).

    Y and X are multiples of 32, and of the network's stride.
    """

    def __init__(self, items: Sequence[MaskItem], settings: TrainingSettings, stride: int = 32) -> None:
        self._items, self._settings, self._multiple = items, settings, math.lcm(stride, _MULTIPLE)
        known = [item.diameter_px for item in items if item.diameter_px is not None]
        self._usual = float(np.median(known)) if known else None

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for item in self._items:
            size = self._scaled(item.rgb.shape[:2], item.diameter_px)
            planes = [_padded(_middle(resized(a[0], size)), self._multiple) for a in (item.images, item.targets)]
            image, target = (torch.from_numpy(plane).permute(2, 0, 1)[None] for plane in planes)
            yield image, target

    def _scaled(self, shape: tuple[int, int], diameter_px: float | None) -> tuple[int, int]:
        """Return (width, height) at the network's scale."""
        side, cell_px = self._settings.patch_px, self._settings.cell_px
        if cell_px is None:
            return side, side
        scale = cell_px / (diameter_px or self._usual or cell_px)
        return max(1, round(shape[1] * scale)), max(1, round(shape[0] * scale))


def _middle(array: np.ndarray) -> np.ndarray:
    tops = [max(0, (n - VALIDATION_PX) // 2) for n in array.shape[:2]]
    return array[tops[0] : tops[0] + VALIDATION_PX, tops[1] : tops[1] + VALIDATION_PX]


def _padded(array: np.ndarray, multiple: int) -> np.ndarray:
    """Extend to multiples of a number by repeating the edge; in a target the new pixels do not count."""
    down, right = (-n % multiple for n in array.shape[:2])
    mode = "edge" if array.shape[2] == 3 else "constant"
    return np.pad(array, ((0, down), (0, right), (0, 0)), mode)  # type: ignore[call-overload, no-any-return]
