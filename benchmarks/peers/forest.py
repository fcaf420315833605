"""A random forest on hand-made features of each pixel, taught by a few scribbles: the way of ilastik and ConvPaint.

Each set gets a forest of its own, as each user would draw in the images at hand. Features: intensity, gradient and
eigenvalues of the Hessian of each colour, at five scales.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from quality.samples import FOLDS, REFERENCE, ZHENG, Sample, zheng_samples
from scipy import ndimage
from skimage.feature import multiscale_basic_features
from sklearn.ensemble import RandomForestClassifier

from napari_all.classes import BACKGROUND, NUCLEUS
from napari_all.io.images import read_image
from napari_all.types import BoolMask, ClassesMap, RGBImage
from napari_all.workflows.play_recipe import build_mask
from napari_all.workflows.recipe import read_recipe

from .scribbles import scribble

RECIPE = Path(__file__).resolve().parents[2] / "recipes" / "taleqani-masks.json"
IMAGES_PER_SET = 4


@dataclass(frozen=True)
class Lesson:
    """A training image with its scribbles: (Y, X) uint8, 0 = not labelled, else class + 1."""

    name: str
    rgb: RGBImage
    scribbles: NDArray[np.uint8]


class PixelForest:
    """A forest taught by some lessons; it is grown when first used."""

    def __init__(self, lessons: Callable[[], list[Lesson]]) -> None:
        self._make = lessons

    @cached_property
    def lessons(self) -> list[Lesson]:
        """The images and strokes."""
        return self._make()

    @cached_property
    def _forest(self) -> RandomForestClassifier:
        inputs = np.concatenate([features(one.rgb)[one.scribbles > 0] for one in self.lessons])
        targets = np.concatenate([one.scribbles[one.scribbles > 0] - 1 for one in self.lessons])
        return RandomForestClassifier(100, class_weight="balanced", min_samples_leaf=2, random_state=0).fit(
            inputs, targets
        )

    def __call__(self, rgb: RGBImage) -> ClassesMap:
        """Return the class of every pixel."""
        found = features(rgb)
        return self._forest.predict(found.reshape(-1, found.shape[-1])).reshape(rgb.shape[:2]).astype(np.uint8)

    def about(self) -> dict[str, object]:
        """Tell what the forest was taught by."""
        return {
            "images": [one.name for one in self.lessons],
            "labelled_pixels": int(sum(np.count_nonzero(one.scribbles) for one in self.lessons)),
            "share_of_pixels": round(float(np.mean([(one.scribbles > 0).mean() for one in self.lessons])), 4),
        }


def features(rgb: RGBImage) -> NDArray[np.float32]:
    """Return (Y, X, 60) features."""
    found = multiscale_basic_features(rgb, channel_axis=-1, sigma_min=0.7, sigma_max=11.2)
    return found.astype(np.float32, copy=False)


def forests(data: Path) -> dict[str, PixelForest]:
    """Return the forest of each set, taught by images that are not scored there.

    Parameters
    ----------
    data
        Folder with `taleqani-all` and `wbc-zheng`.
    """
    made = {REFERENCE: PixelForest(lambda: _taleqani(data / "taleqani-all"))}
    for name in ZHENG:
        folder = data / "wbc-zheng" / name.removeprefix("zheng_")
        made[name] = PixelForest(lambda folder=folder: _zheng(folder))
    return made


def _taleqani(folder: Path) -> list[Lesson]:
    """One field of each class: the first of the recipe's with at least three cells."""
    lessons: dict[str, Lesson] = {}
    for field in read_recipe(RECIPE).fields:
        group = field.image.split("/")[-2]
        if group in lessons:
            continue
        mask = build_mask(field, folder)
        if mask.labels.max(initial=0) < 3:
            continue
        truth = np.where(mask.labels > 0, np.uint8(NUCLEUS), np.uint8(0))
        strokes = scribble(truth, mask.ignore, seed=len(lessons))
        lessons[group] = Lesson(Path(field.image).stem, read_image(folder / field.image)[1], strokes)
    return list(lessons.values())


def _zheng(folder: Path) -> list[Lesson]:
    samples = zheng_samples(folder, set(range(1, FOLDS)))
    chosen = [samples[i] for i in np.linspace(0, len(samples) - 1, IMAGES_PER_SET).astype(int)]
    return [Lesson(s.name, s.rgb, scribble(s.truth, _cut_cells(s), seed)) for seed, s in enumerate(chosen)]


def _cut_cells(sample: Sample) -> BoolMask:
    """Find white cells cut off by the border, which the masks leave out; nobody would call them background."""
    lab = cv2.cvtColor(sample.rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    nucleus, rest = (np.median(lab[sample.truth == value], axis=0) for value in (NUCLEUS, BACKGROUND))
    like = np.linalg.norm(lab - nucleus, axis=-1) < 0.4 * np.linalg.norm(rest - nucleus)
    seeds = ndimage.binary_opening((sample.truth == BACKGROUND) & like, iterations=2)
    return np.asarray(ndimage.binary_dilation(seeds, iterations=15), np.bool_)
