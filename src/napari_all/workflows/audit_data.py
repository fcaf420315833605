"""The audit's look at a data set: descriptors and quality of every image, and what a quick classifier makes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from napari_all.classes import SUBTYPES
from napari_all.data.dataset import LabelledImage
from napari_all.data.split import Split, grouped_folds, random_folds
from napari_all.errors import ImageError, UsageError
from napari_all.evaluation.audit_descriptors import DESCRIPTORS, describe
from napari_all.evaluation.audit_report import Failure, Share
from napari_all.evaluation.quality import Quality, measure_quality
from napari_all.evaluation.shortcuts import Part, ShortcutScore, block_parts, shortcut_score
from napari_all.io.images import read_image
from napari_all.monitor import Monitor
from napari_all.workflows.segment import SegmentConfig, segment_image

FOLDS = 5
_FEWEST = 2 * FOLDS


@dataclass(frozen=True)
class Described:
    """The readable images of a data set, each with its descriptors (N, D) by name and its quality."""

    images: list[LabelledImage]
    values: Mapping[str, NDArray[np.float32]]
    quality: list[Quality]
    failed: list[Failure] = field(default_factory=list)


def describe_images(images: Sequence[LabelledImage], config: SegmentConfig, monitor: Monitor) -> Described:
    """Read every image once; one that cannot be read is recorded and left out.

    Raises
    ------
    UsageError
        No image can be read.
    Cancelled
        The monitor asks to stop.
    """
    kept, rows, quality, failed = [], [], [], []
    for done, image in enumerate(images):
        monitor.raise_if_cancelled()
        monitor.report("images", done, len(images))
        try:
            rgb = read_image(image.path)[1]
        except ImageError as error:
            failed.append(Failure(image=image.key, error=str(error)))
            continue
        cells = segment_image(rgb, config).labels > 0
        kept.append(image)
        rows.append(describe(rgb, cells, tuple(DESCRIPTORS)))
        quality.append(measure_quality(rgb, cells))
    monitor.report("images", len(images), len(images))
    if not kept:
        raise UsageError(
            f"none of the {len(images)} images can be read ({failed[0].error}); give the data set's folder"
        )
    values = {name: np.stack([row[name] for row in rows]) for name in DESCRIPTORS}
    return Described(kept, values, quality, failed)


def score_shortcuts(
    described: Described, splits: Mapping[str, Sequence[Part]], keep: Sequence[int], trees: int, monitor: Monitor
) -> list[ShortcutScore]:
    """Return the score of every descriptor under every split of the images at the positions `keep`."""
    labels = np.array([described.images[i].label for i in keep], np.int64)
    jobs = [(name, split) for name in DESCRIPTORS for split in splits]
    scores = []
    for done, (name, split) in enumerate(jobs):
        monitor.raise_if_cancelled()
        monitor.report("shortcuts", done, len(jobs))
        descriptor = (name, DESCRIPTORS[name].title, DESCRIPTORS[name].sees_cells)
        values = described.values[name][list(keep)]
        scores.append(shortcut_score(descriptor, split, values, labels, splits[split], trees=trees))
    monitor.report("shortcuts", len(jobs), len(jobs))
    return scores


def judged(images: Sequence[LabelledImage], notes: list[str]) -> list[int]:
    """Return the positions of the images of classes large enough to be scored; what is left out is noted."""
    counts = np.bincount([image.label for image in images], minlength=len(SUBTYPES))
    for label in np.flatnonzero((counts > 0) & (counts < _FEWEST)):
        notes.append(
            f"{SUBTYPES.names[label]} has {counts[label]} images, under {_FEWEST}: left out of the shortcut table."
        )
    if (counts >= _FEWEST).sum() < 2:
        notes.append(f"No shortcut table: it needs two classes of at least {_FEWEST} images each.")
        return []
    return [i for i, image in enumerate(images) if counts[image.label] >= _FEWEST]


def shortcut_splits(images: Sequence[LabelledImage], seed: int, notes: list[str]) -> dict[str, list[Part]]:
    """Return the random folds, the blocks of file order and, where there are groups, the folds of whole groups.

    Parameters
    ----------
    images
        In file order within each class; those that `judged` left out are not among them.
    seed
        Seed of the random folds.
    notes
        Gets a line where there are no folds of groups.
    """
    labels = np.array([image.label for image in images], np.int64)
    splits = {"random": _parts(random_folds(images, FOLDS, seed)), "blocks": block_parts(labels, FOLDS)}
    try:
        splits["clusters"] = _parts(grouped_folds(images, FOLDS))
    except UsageError as error:
        notes.append(f"Nothing is said of held-out groups: {error}.")
    return splits


def leak(what: str, images: Sequence[LabelledImage], parts: Sequence[Part]) -> Share:
    """Return how many tested images overlap an image that was learned from."""
    tested = sum(len(test) for _, test in parts)
    overlapping = 0
    for train, test in parts:
        learned = {images[i].overlap_group for i in train} - {None}
        overlapping += sum(images[i].overlap_group in learned for i in test)
    return Share.of(what, overlapping, tested)


def part_of(split: Split) -> Part:
    """Return what a split learns from (training and validation images) and tests on."""
    return np.array(sorted((*split.train, *split.validation)), np.int64), np.array(split.test, np.int64)


def by_class(images: Sequence[LabelledImage], counts: Callable[[int], bool]) -> dict[str, int]:
    """Return how many images of each class there are at whose position `counts` holds."""
    labels = sorted({image.label for image in images})
    return {
        SUBTYPES.names[label]: sum(counts(i) for i, image in enumerate(images) if image.label == label)
        for label in labels
    }


def _parts(splits: Sequence[Split]) -> list[Part]:
    return [part_of(split) for split in splits]
