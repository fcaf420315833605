"""How well a quick classifier tells the classes from a few numbers per image: a shortcut shows by doing so too well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from napari_all.config import Settings
from napari_all.errors import missing_scikit_learn
from napari_all.evaluation.intervals import wilson

Labels: TypeAlias = NDArray[np.int64]
"""(N,) class of each image."""
Part: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Positions to learn from and positions to test on."""

TREES = 100
"""Of the quick classifier; scikit-learn's own default."""
_CLEAR_SKILL, _SLIGHT_SKILL = 0.5, 0.1
"""Share of the way from chance to all right from which on a descriptor tells the classes clearly, or somewhat."""


class ShortcutScore(Settings):
    """How often a quick classifier is right that sees one descriptor only."""

    descriptor: str = Field(description="What it sees; see `evaluation.audit_descriptors.DESCRIPTORS`")
    title: str = Field(description="The same in words")
    sees_cells: bool = Field(description="Whether the white cells are part of what it sees")
    split: str = Field(description="How the images tested on were held out")
    accuracy: float = Field(ge=0.0, le=1.0, description="Share of right answers on images not learned from")
    interval: tuple[float, float] = Field(description="Wilson 95 % interval; takes the images for independent")
    balanced_accuracy: float = Field(ge=0.0, le=1.0, description="Mean over the classes of their recall")
    chance: float = Field(ge=0.0, le=1.0, description="Accuracy of always naming the most frequent class")
    images: int = Field(ge=1, description="Images tested on, all parts together")
    parts: list[float] = Field(description="Accuracy of each part")

    @property
    def skill(self) -> float:
        """Where the accuracy lies between chance (0) and all right (1); below 0 when worse than chance."""
        return (self.accuracy - self.chance) / max(1.0 - self.chance, 1e-9)

    @property
    def level(self) -> str:
        """`clear`, `some` or `none`: how much is told, by `skill`, beyond what chance alone does.

        `none` also where the interval's lower end does not lie above chance.
        """
        if self.skill < _SLIGHT_SKILL or self.interval[0] <= self.chance:
            return "none"
        return "clear" if self.skill >= _CLEAR_SKILL else "some"


def score_descriptor(
    values: NDArray[np.float32], labels: Labels, parts: Sequence[Part], seed: int = 0, trees: int = TREES
) -> tuple[NDArray[np.bool_], list[float], float, float]:
    """Learn and test on each part with extremely randomised trees.

    Geurts et al. 2006 (doi 10.1007/s10994-006-6226-1), scikit-learn's defaults: no scaling needed, hardly any setting,
    quick.

    Parameters
    ----------
    values
        (N, D) numbers of each image.
    labels
        (N,) classes.
    parts
        Positions to learn from and to test on; a position may be tested on once.
    seed, trees
        Seed and number of the trees.

    Returns
    -------
    right
        Whether each tested image was told rightly, parts one after the other.
    accuracies
        Accuracy of each part.
    balanced
        Mean recall of the classes that were tested.
    chance
        Share of the most frequent class among the tested images.
    """
    try:
        from sklearn.ensemble import ExtraTreesClassifier
    except ImportError as error:
        raise missing_scikit_learn("looking for shortcuts") from error
    right = []
    for train, test in parts:
        model = ExtraTreesClassifier(trees, random_state=seed, n_jobs=1).fit(values[train], labels[train])
        right.append(model.predict(values[test]) == labels[test])
    hits, truth = np.concatenate(right), labels[np.concatenate([test for _, test in parts])]
    counts = np.bincount(truth)
    recalls = np.bincount(truth, weights=hits)[counts > 0] / counts[counts > 0]
    return hits, [float(r.mean()) for r in right], float(recalls.mean()), float(counts.max() / counts.sum())


def shortcut_score(
    descriptor: tuple[str, str, bool],
    split: str,
    values: NDArray[np.float32],
    labels: Labels,
    parts: Sequence[Part],
    seed: int = 0,
    trees: int = TREES,
) -> ShortcutScore:
    """Return the score of one descriptor (its name, title and whether it sees cells) under one split."""
    name, title, sees_cells = descriptor
    hits, accuracies, balanced, chance = score_descriptor(values, labels, parts, seed, trees)
    return ShortcutScore(
        descriptor=name,
        title=title,
        sees_cells=sees_cells,
        split=split,
        accuracy=float(hits.mean()),
        interval=wilson(int(hits.sum()), len(hits)),
        balanced_accuracy=balanced,
        chance=chance,
        images=len(hits),
        parts=accuracies,
    )


def block_parts(labels: Labels, blocks: int = 5) -> list[Part]:
    """Hold out contiguous blocks of file order, the n-th block of each class together.

    Files that were numbered as they were taken lie side by side, so a block holds sessions nearly whole; those at its
    two ends are parted.

    Parameters
    ----------
    labels
        (N,) classes, in the order of the files within each class.
    blocks
        How many; each class needs as many images.
    """
    block = np.zeros(len(labels), np.int64)
    for label in np.unique(labels):
        at = np.flatnonzero(labels == label)
        block[at] = np.arange(len(at)) * blocks // len(at)
    everything = np.arange(len(labels))
    return [(everything[block != b], everything[block == b]) for b in range(blocks)]
