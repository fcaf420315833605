"""Parts of a dataset to train and to test on, without the leaks that this kind of data has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from napari_all.data.dataset import LabelledImage
from napari_all.errors import DependencyError, UsageError


@dataclass(frozen=True)
class Fold:
    """Positions of the images to train and to test on.

    `dropped` are in neither part: they overlap an image of the test part.
    """

    train: tuple[int, ...]
    test: tuple[int, ...]
    dropped: tuple[int, ...] = ()


def grouped_folds(images: Sequence[LabelledImage], folds: int = 5) -> list[Fold]:
    """Hold whole appearance clusters out, and keep from training whatever overlaps a held-out image.

    Scikit-learn's `StratifiedGroupKFold` without shuffling, so that there is no seed to choose.

    Raises
    ------
    UsageError
        The images have no appearance clusters.
    DependencyError
        Scikit-learn is not installed.
    """
    if not all(image.cluster for image in images):
        raise UsageError("grouped folds need an appearance cluster for every image; add overlap_groups.csv")
    _require_sklearn()
    from sklearn.model_selection import StratifiedGroupKFold

    labels = np.array([image.label for image in images])
    clusters = np.array([image.cluster for image in images])
    splitter = StratifiedGroupKFold(n_splits=folds)
    return [_without_overlap(images, test) for _, test in splitter.split(labels, labels, clusters)]


def random_folds(images: Sequence[LabelledImage], folds: int = 5, seed: int = 0) -> list[Fold]:
    """Draw stratified folds at random.

    Such folds leak: parts of one field and fields of one session lie on both sides, so a high accuracy proves little.

    Raises
    ------
    DependencyError
        Scikit-learn is not installed.
    """
    _require_sklearn()
    from sklearn.model_selection import StratifiedKFold

    labels = np.array([image.label for image in images])
    splitter = StratifiedKFold(n_splits=folds, shuffle=True, random_state=seed)
    return [Fold(tuple(train.tolist()), tuple(test.tolist())) for train, test in splitter.split(labels, labels)]


def _without_overlap(images: Sequence[LabelledImage], test: Sequence[int]) -> Fold:
    held_out = {int(i) for i in test}
    groups = {images[i].overlap_group for i in held_out} - {None}
    others = [i for i in range(len(images)) if i not in held_out]
    dropped = tuple(i for i in others if images[i].overlap_group in groups)
    train = tuple(i for i in others if images[i].overlap_group not in groups)
    return Fold(train, tuple(sorted(held_out)), dropped)


def _require_sklearn() -> None:
    try:
        import sklearn  # noqa: F401
    except ImportError as error:
        raise DependencyError(
            "splitting a dataset needs scikit-learn; install it: pip install 'napari-all[train]'"
        ) from error
