"""Batches of images to train a classifier on, and to look at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_all.training.background import Backgrounds, CellsApart
from napari_all.training.classifier_settings import ClassifierTraining
from napari_all.training.loader import StepLoader
from napari_all.training.variation import vary

AT_ONCE = 32
_LEAST_STEPS = 20
_TINY_GROUP = 4.0
"""A tiny group (duplicates of one field, mostly) counts at most this often per image, relative to the median image."""


@dataclass(frozen=True)
class Examples:
    """Labelled images as a network sees them.

    Attributes
    ----------
    shown
        (N, S, S, C) uint8.
    labels
        (N,) int64.
    groups
        (N,) names of their groups; empty where not known.
    blank
        (C,) what a pixel without anything looks like, if that is the same in every image (see `vary`).
    apart
        The same images taken apart into white cells and background, for `variation.exchange`.
    """

    shown: NDArray[np.uint8]
    labels: NDArray[np.int64]
    groups: Sequence[str]
    blank: tuple[int, ...] | None = None
    apart: CellsApart | None = None

    def __len__(self) -> int:
        return len(self.labels)


def sampling_weights(examples: Examples, *, classes: bool, groups: bool) -> NDArray[np.float64]:
    """Return the chance (N,) of each image to be drawn: classes alike, in a class groups by the root of their size."""
    names = np.array([group or f"/{i}" for i, group in enumerate(examples.groups)])  # an unknown group is its own
    weights = np.ones(len(examples))
    for label in np.unique(examples.labels):
        inside = examples.labels == label
        if groups:
            _, which, sizes = np.unique(names[inside], return_inverse=True, return_counts=True)
            each = 1.0 / np.sqrt(sizes[which])
            weights[inside] = np.minimum(each, _TINY_GROUP * np.median(each))
        weights[inside] /= weights[inside].sum()
        if not classes:
            weights[inside] *= inside.sum()
    return np.asarray(weights / weights.sum())


class ExampleLoader(StepLoader):
    """Gives batches to train on: (N, C, S, S) uint8 variants and (N,) labels."""

    def __init__(self, examples: Examples, settings: ClassifierTraining) -> None:
        share = settings.batch_size * settings.processes
        super().__init__(settings.steps_per_epoch or max(_LEAST_STEPS, len(examples) // share))
        self._examples, self._settings = examples, settings
        self._weights = sampling_weights(examples, classes=settings.balance_classes, groups=settings.balance_groups)
        self._backgrounds = None
        if settings.variation.exchange and examples.apart is not None:
            self._backgrounds = Backgrounds.of(examples.apart, examples.labels)

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Draw the images of a step and vary each."""
        settings, examples = self._settings, self._examples
        rng = np.random.default_rng((settings.seed, step, self.rank))
        chosen = rng.choice(len(examples), settings.batch_size, p=self._weights)
        varied = np.stack([vary(self._drawn(i, rng), rng, settings.variation, examples.blank) for i in chosen])
        return as_tensor(varied), torch.from_numpy(examples.labels[chosen])

    def _drawn(self, position: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return a training image, some on the background of another one."""
        shown: NDArray[np.uint8] = self._examples.shown[position]
        if self._backgrounds is None or rng.random() >= self._settings.variation.exchange:
            return shown
        return self._backgrounds.under(position, shown, rng)

    def typical(self, most: int) -> Iterator[Tensor]:
        """Give batches (N, C, S, S) of images drawn as in training but unchanged, the same ones each time."""
        count = min(most, len(self._examples))
        rng = np.random.default_rng(self._settings.seed)
        chosen = rng.choice(len(self._examples), count, p=self._weights)
        for start in range(0, count, AT_ONCE):
            yield as_tensor(self._examples.shown[chosen[start : start + AT_ONCE]])


class WholeLoader:
    """Gives all images once, in order and unchanged: (N, C, S, S) uint8 and (N,) labels."""

    def __init__(self, examples: Examples) -> None:
        self._examples = examples

    def __len__(self) -> int:
        return -(-len(self._examples) // AT_ONCE)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for start in range(0, len(self._examples), AT_ONCE):
            part = slice(start, start + AT_ONCE)
            yield as_tensor(self._examples.shown[part]), torch.from_numpy(self._examples.labels[part])


def as_tensor(shown: NDArray[np.uint8]) -> Tensor:
    """Return (N, C, S, S) uint8 of (N, S, S, C), channels last in memory."""
    return torch.from_numpy(shown).permute(0, 3, 1, 2)
