"""Ways to split a dataset: as the paper did, at random, by whole groups."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from napari_all.classes import SUBTYPES
from napari_all.data.dataset import LabelledImage
from napari_all.data.split.parts import Split, clear_of, make_split
from napari_all.errors import UsageError, missing_scikit_learn

FOLDS = 5
_PUBLISHED = {(0, 504): (80, 101), (1, 985): (157, 197), (2, 963): (154, 193), (3, 804): (128, 160)}
"""(validation, test) images by (label, images) as Table 1 of Reza et al. 2025 prints them."""


def paper_split(images: Sequence[LabelledImage], seed: int = 0) -> Split:
    """Split each class at random in the proportions of Reza et al. 2025 (doi 10.11591/ijeecs.v38.i2.pp950-959).

    Of n images test = n − floor(0.8 n) and validation = floor(0.2 (n − test)). A dataset of exactly the paper's class
    sizes gets the printed counts, where Pro-B has 160 test and 516 training images and the rule says 161 and 515.
    Which images the paper tested on is not published: a test part drawn here is not the paper's. Such a split leaks
    (parts of one field and fields of one session lie on both sides), so a high accuracy proves little.

    Raises
    ------
    UsageError
        A class has fewer than 5 images.
    """
    labels = _labels(images)
    sizes = {(label, int(n)) for label, n in enumerate(np.bincount(labels, minlength=len(SUBTYPES))) if n}
    validation: list[int] = []
    test: list[int] = []
    for label, n in sorted(sizes):
        if n < 5:
            raise UsageError(f"{SUBTYPES.names[label]} has {n} images; the paper's rule needs at least 5 of each")
        by_rule = ((4 * n // 5) // 5, n - 4 * n // 5)
        n_validation, n_test = _PUBLISHED[label, n] if sizes == _PUBLISHED.keys() else by_rule
        order = np.random.default_rng((seed, label)).permutation(_by_key(images, labels, label))
        test += order[:n_test].tolist()
        validation += order[n_test : n_test + n_validation].tolist()
    return make_split(
        f"paper (seed {seed})",
        images,
        train=set(range(len(images))) - {*test, *validation},
        validation=validation,
        test=test,
    )


def random_folds(images: Sequence[LabelledImage], folds: int = FOLDS, seed: int = 0) -> list[Split]:
    """Draw stratified folds at random; a fifth of what is not tested on validates.

    Such folds leak: parts of one field and fields of one session lie on both sides, so a high accuracy proves little.

    Raises
    ------
    UsageError
        A class has too few images.
    DependencyError
        Scikit-learn is not installed.
    """
    _require_sklearn()
    from sklearn.model_selection import StratifiedKFold

    labels = _labels(images)
    fewest = _fewest(labels)
    if not 2 <= folds <= fewest or fewest < 4:
        raise UsageError(
            f"folds = {folds}: the smallest class has {fewest} images; at least 4, and a fold each, are needed"
        )
    splits = []
    for k, (rest, test) in enumerate(StratifiedKFold(folds, shuffle=True, random_state=seed).split(labels, labels)):
        inner = StratifiedKFold(min(FOLDS, _fewest(labels[rest])), shuffle=True, random_state=seed)
        train, validation = (rest[part] for part in next(inner.split(rest, labels[rest])))
        name = f"random fold {k} of {folds} (seed {seed})"
        splits.append(make_split(name, images, train=_ints(train), validation=_ints(validation), test=_ints(test)))
    return splits


def grouped_folds(images: Sequence[LabelledImage], folds: int = FOLDS, seed: int = 0) -> list[Split]:
    """Hold whole groups (appearance clusters, patients) out, for the test part and for the validation part.

    Images that overlap a test image are in no part; neither are training images that overlap a validation image.

    Parameters
    ----------
    images
        With a `cluster` each.
    folds
        Number of folds; every image is tested on once.
    seed
        0 takes the groups in scikit-learn's own order (`StratifiedGroupKFold` without shuffling); other seeds shuffle.

    Raises
    ------
    UsageError
        The images have no groups, or too few to fill three parts.
    DependencyError
        Scikit-learn is not installed.
    """
    if not all(image.cluster for image in images):
        raise UsageError(
            "grouped folds need a group (appearance cluster or patient) for every image; give a table of groups, "
            "or let 'napari-all audit' write overlap_groups.csv"
        )
    _require_sklearn()
    everything = range(len(images))
    splits = []
    for k, test in enumerate(_group_parts(images, everything, folds, seed)):
        rest = clear_of(images, test)
        validation = _most_even(images, rest, _group_parts(images, rest, folds, seed))
        train = clear_of(images, validation, among=rest)
        lacking = {image.label for image in images} - {images[i].label for i in train}
        if lacking:
            raise UsageError(
                f"fold {k} of {folds} leaves no training image of {_names(lacking)}: too few groups; "
                "choose another seed or number of folds, or a table that tells more groups apart"
            )
        name = f"grouped fold {k} of {folds} (seed {seed})"
        splits.append(make_split(name, images, train=train, validation=validation, test=test))
    return splits


def grouped_holdout(images: Sequence[LabelledImage], seed: int = 0) -> Split:
    """Hold about a fifth of the images out in whole groups: the most even of `grouped_folds`.

    Raises
    ------
    UsageError, DependencyError
        As `grouped_folds`.
    """
    splits = grouped_folds(images, FOLDS, seed)
    best = _most_even(images, range(len(images)), [split.test for split in splits])
    return next(split for split in splits if split.test == tuple(best))


def _group_parts(images: Sequence[LabelledImage], among: Sequence[int], folds: int, seed: int) -> list[tuple[int, ...]]:
    """Deal the groups of some images out into parts in which every class has about its share."""
    from sklearn.model_selection import StratifiedGroupKFold

    positions = np.array(among)
    labels = _labels([images[i] for i in among])
    groups = np.array([images[i].cluster for i in among])
    per_class = {label: len(np.unique(groups[labels == label])) for label in np.unique(labels)}
    if min(per_class.values()) < 2 or not 2 <= folds <= len(np.unique(groups)):
        fewest = min(per_class, key=per_class.__getitem__)
        raise UsageError(
            f"folds = {folds}: {SUBTYPES.names[fewest]} has {per_class[fewest]} groups left to hold out or train on; "
            "at least 3 groups of every class are needed, one for each of training, validation and test"
        )
    seeded = {"shuffle": True, "random_state": seed} if seed else {}
    splitter = StratifiedGroupKFold(folds, **seeded)
    return [tuple(positions[part].tolist()) for _, part in splitter.split(labels, labels, groups)]


def _most_even(images: Sequence[LabelledImage], among: Sequence[int], parts: Sequence[Sequence[int]]) -> Sequence[int]:
    """Return the part whose share of each class is nearest to 1 / number of parts, the first of equals."""
    sizes = np.bincount(_labels([images[i] for i in among]), minlength=len(SUBTYPES))

    def unevenness(part: Sequence[int]) -> float:
        share = np.bincount(_labels([images[i] for i in part]), minlength=len(sizes)) / np.maximum(sizes, 1)
        return float(np.abs(share - 1 / len(parts))[sizes > 0].max())

    return min(parts, key=unevenness)


def _fewest(labels: NDArray[np.int64]) -> int:
    return int(np.bincount(labels)[np.unique(labels)].min())


def _by_key(images: Sequence[LabelledImage], labels: NDArray[np.int64], label: int) -> list[int]:
    """Return the positions of a class in the order of their keys, so that a listing's order decides nothing."""
    return sorted(np.flatnonzero(labels == label).tolist(), key=lambda i: images[i].key)


def _labels(images: Sequence[LabelledImage]) -> NDArray[np.int64]:
    return np.array([image.label for image in images], dtype=np.int64)


def _ints(positions: Iterable[int]) -> list[int]:
    return [int(i) for i in positions]


def _names(labels: Iterable[int]) -> str:
    return ", ".join(SUBTYPES.names[i] for i in sorted(labels))


def _require_sklearn() -> None:
    try:
        import sklearn  # noqa: F401
    except ImportError as error:
        raise missing_scikit_learn("splitting a dataset") from error
