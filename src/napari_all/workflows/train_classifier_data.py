"""What the training of a classifier is fed with: a dataset, its split, and every image as the network sees it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_all.classes import SUBTYPES
from napari_all.config import Settings
from napari_all.data.dataset import LabelledImage, find_labelled_images
from napari_all.data.split import Split, grouped_folds, paper_split, random_folds, read_split
from napari_all.errors import UsageError
from napari_all.io.images import read_image
from napari_all.monitor import Monitor
from napari_all.workflows.train_classifier_config import SPLITS, TrainClassifierConfig

PARTS = ("train", "validation", "test")


class ClassifierDataSummary(Settings):
    """What a training would be fed with, for people to check before it starts."""

    split: str
    split_fingerprint: str
    images: dict[str, dict[str, int]]
    dropped: int
    groups: int
    leaks: bool
    view: str
    channels: int
    size_px: int

    def lines(self) -> list[str]:
        """Return it as lines of text."""
        said = [
            f"{part}: {sum(of.values())} images ({', '.join(f'{name} {n}' for name, n in of.items())})"
            for part, of in self.images.items()
        ]
        said.append(f"split: {self.split}, fingerprint {self.split_fingerprint[:12]}")
        if self.dropped:
            said.append(f"{self.dropped} images are left out because they overlap a held-out one")
        if self.leaks:
            said.append(
                "images of one group or field may lie on both sides, which flatters: a high accuracy proves little"
            )
        else:
            said.append(f"{self.groups} groups, none on both sides of training and test")
        said.append(f"the network sees {self.view!r}: {self.channels} channels, {self.size_px}×{self.size_px} px")
        return said


@dataclass(frozen=True)
class FoundData:
    """A dataset's images and their split; no image has been read."""

    images: Sequence[LabelledImage]
    split: Split
    summary: ClassifierDataSummary


@dataclass(frozen=True)
class ShownPart:
    """One part of the split as the network sees it.

    Attributes
    ----------
    images
        N images.
    shown
        (N, S, S, C) uint8.
    looks
        (N, L) float32, measures of the whole pictures.
    labels
        (N,) int64.
    groups
        (N,) names; empty where not known.
    """

    images: Sequence[LabelledImage]
    shown: NDArray[np.uint8]
    looks: NDArray[np.float32]
    labels: NDArray[np.int64]
    groups: Sequence[str]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class ShownData:
    """All parts in memory, and one hash of the files and their parts."""

    parts: dict[str, ShownPart]
    fingerprint: str


def find_data(folder: Path, config: TrainClassifierConfig) -> FoundData:
    """List and split a dataset without reading an image.

    Raises
    ------
    UsageError
        Folder, table of groups or split do not fit.
    DependencyError
        Scikit-learn is not installed.
    """
    images = find_labelled_images(folder, groups=config.groups, group_column=config.group_column)
    split = _split(images, config)
    counts = {
        part: {name: sum(images[i].label == k for i in split.parts[part]) for k, name in enumerate(SUBTYPES.names)}
        for part in PARTS
    }
    sides = [{images[i].cluster for i in split.parts[part]} for part in ("train", "test")]
    known = {image.cluster for image in images} - {""}
    summary = ClassifierDataSummary(
        split=split.name,
        split_fingerprint=split.fingerprint,
        images=counts,
        dropped=len(split.dropped),
        groups=len(known),
        leaks=bool(sides[0] & sides[1]) or not known,
        view=config.shown.name,
        channels=config.shown.channels,
        size_px=config.side,
    )
    return FoundData(images, split, summary)


def show_data(found: FoundData, config: TrainClassifierConfig, monitor: Monitor) -> ShownData:
    """Read every image of the parts, and make what the network sees of it.

    Raises
    ------
    ImageError
        A file cannot be read.
    Cancelled
        The monitor asks to stop.
    """
    lines: list[str] = []
    total, done = sum(len(found.split.parts[part]) for part in PARTS), 0
    parts = {}
    for part in PARTS:
        images = [found.images[i] for i in found.split.parts[part]]
        shown = np.empty((len(images), config.side, config.side, config.shown.channels), np.uint8)
        looks = []
        for row, image in enumerate(images):
            monitor.raise_if_cancelled()
            monitor.report("read", done, total)
            record, rgb = read_image(image.path)
            prepared = config.shown.prepare(rgb, config.side)
            shown[row] = prepared.shown
            looks.append(prepared.look)
            lines.append(f"{part} {image.label} {record.sha256}")
            done += 1
        labels = np.array([image.label for image in images], np.int64)
        parts[part] = ShownPart(images, shown, np.array(looks, np.float32), labels, [image.cluster for image in images])
    monitor.report("read", total, total)
    return ShownData(parts, hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest())


def _split(images: Sequence[LabelledImage], config: TrainClassifierConfig) -> Split:
    if config.split == "paper":
        return paper_split(images, config.split_seed)
    if config.split in SPLITS:
        if config.fold >= config.folds:
            raise UsageError(f"fold = {config.fold}: of {config.folds} folds, choose 0 to {config.folds - 1}")
        make = grouped_folds if config.split == "grouped" else random_folds
        return make(images, config.folds, config.split_seed)[config.fold]
    path = Path(config.split)
    if not path.is_file():
        raise UsageError(
            f"split {config.split!r} is no file and none of {', '.join(SPLITS)}; give one of these or a split.json"
        )
    return read_split(path, images)
