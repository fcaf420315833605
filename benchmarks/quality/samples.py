"""The images that methods are scored on, with their masks, and the contenders' common form."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_all.io.images import read_image
from napari_all.segmentation.instances import components
from napari_all.segmentation.method import PostprocessSettings
from napari_all.segmentation.postprocess import clean
from napari_all.types import BoolMask, ClassesMap, LabelImage, Parts, RGBImage

REFERENCE, ZHENG = "reference_masks", ("zheng_dataset1", "zheng_dataset2")
FOLDS = 5
ALL = "_all"
"""Ending of the name of a set of wbc-zheng with all its folds."""


@dataclass(frozen=True)
class Sample:
    """An image with its truth: instances on the reference masks, classes on wbc-zheng."""

    name: str
    group: str
    rgb: RGBImage
    truth: NDArray[np.integer]
    ignore: BoolMask | None = None


@dataclass(frozen=True)
class Result:
    """What a method gives: see `napari_all.types.Segmentation`."""

    labels: LabelImage
    classes: ClassesMap
    parts: Parts


Runner = Callable[[RGBImage], dict[str, Result]]
"""Gives the result by the cleaning it got: ours has one, a peer several, of which the best on a set is reported."""


@dataclass(frozen=True)
class Contender:
    """A method under test.

    Attributes
    ----------
    title
        As the table names it.
    runner
        Name of a set -> runner for it.
    trained
        Whether it learned from images, so that it can be scored on held-out ones only.
    about
        What a reader must know of how it was made (the model, the scribbles).
    """

    title: str
    runner: Callable[[str], Runner]
    trained: bool = False
    about: Callable[[], dict[str, object]] = dict


def cleaned_or_not(segment: Callable[[RGBImage], ClassesMap], parts: Parts) -> Runner:
    """Return a peer with the cleaning that our methods get, and as it is."""

    def run(rgb: RGBImage) -> dict[str, Result]:
        classes = segment(rgb)
        cleaned = clean(classes, parts, PostprocessSettings())
        return {
            "shared": Result(cleaned.labels, cleaned.classes, parts),
            "none": Result(components(classes > 0), classes, parts),
        }

    return run


def plane(path: Path) -> NDArray[np.integer]:
    """Read a mask as it is stored."""
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED))


def reference_samples(folder: Path) -> list[Sample]:
    """Return the 21 reference fields, in the order of `fields.csv`."""
    found = []
    for row in csv.DictReader((folder / "fields.csv").open()):
        file = f"{row['name']}.png"
        truth, ignore = plane(folder / "labels" / file).astype(np.int32), plane(folder / "ignore" / file) > 0
        found.append(Sample(row["name"], row["class"], read_image(folder / "images" / file)[1], truth, ignore))
    return found


def zheng_samples(folder: Path, folds: set[int]) -> list[Sample]:
    """Return the images of some of the five folds: index of the sorted file names, modulo 5."""
    paths = [p for i, p in enumerate(sorted((folder / "images").iterdir())) if i % FOLDS in folds]
    return [Sample(p.stem, folder.name, read_image(p)[1], plane(folder / "masks" / p.name)) for p in paths]
