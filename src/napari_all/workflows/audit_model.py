"""The audit's look at a model: what its predictions do when something changes that it must not look at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_all.classes import SUBTYPES
from napari_all.data.dataset import LabelledImage
from napari_all.evaluation.audit_figures import Composite
from napari_all.evaluation.audit_report import SAME_CLASS, BackgroundChange, Share
from napari_all.evaluation.audit_verdict import OTHER_CLASS
from napari_all.evaluation.exchange import MOST_COVERED, cells_only, on_background
from napari_all.evaluation.scale_bars import BARS, with_bar, with_bar_of, without_bar
from napari_all.io.images import read_image
from napari_all.monitor import Monitor
from napari_all.types import BoolMask, Prediction, RGBImage
from napari_all.workflows.cells_apart import take_apart
from napari_all.workflows.segment import SegmentConfig

Light = Literal["as photographed", "relit"]
LIGHTS: tuple[Light, ...] = ("as photographed", "relit")
_AT_ONCE = 32
_SHOWN = 6


class Predicts(Protocol):
    """What the audit needs of a classifier."""

    def predict_batch(self, images: Sequence[RGBImage]) -> list[Prediction]:
        """Predict the subtype of each image."""


@dataclass(frozen=True)
class Sampled:
    """An image to try changes on, with its white cells and itself without any."""

    image: LabelledImage
    rgb: RGBImage
    cells: BoolMask
    emptied: RGBImage
    covered: float


def predict(model: Predicts, images: Sequence[RGBImage], monitor: Monitor, stage: str) -> NDArray[np.int64]:
    """Return the predicted class of each image."""
    found: list[int] = []
    for start in range(0, len(images), _AT_ONCE):
        monitor.raise_if_cancelled()
        monitor.report(stage, start, len(images))
        found += [SUBTYPES.index(p.predicted) for p in model.predict_batch(images[start : start + _AT_ONCE])]
    monitor.report(stage, len(images), len(images))
    return np.array(found, np.int64)


def predict_files(model: Predicts, images: Sequence[LabelledImage], monitor: Monitor) -> NDArray[np.int64]:
    """Return the predicted class of each file."""
    found: list[int] = []
    for start in range(0, len(images), _AT_ONCE):
        monitor.raise_if_cancelled()
        monitor.report("predictions", start, len(images))
        read = [read_image(image.path)[1] for image in images[start : start + _AT_ONCE]]
        found += [SUBTYPES.index(p.predicted) for p in model.predict_batch(read)]
    monitor.report("predictions", len(images), len(images))
    return np.array(found, np.int64)


def sample_images(images: Sequence[LabelledImage], per_class: int, seed: int) -> list[LabelledImage]:
    """Draw images of each class, its clusters in turn, so that a large session does not stand for all."""
    rng = np.random.default_rng(seed)
    chosen: list[LabelledImage] = []
    for label in sorted({image.label for image in images}):
        turns: dict[str, int] = {}
        ranked: list[tuple[int, int, LabelledImage]] = []
        for position in rng.permutation([i for i, image in enumerate(images) if image.label == label]):
            turn = turns[images[position].cluster] = turns.get(images[position].cluster, -1) + 1
            ranked.append((turn, len(ranked), images[position]))
        chosen += [image for *_, image in sorted(ranked, key=lambda r: r[:2])[:per_class]]
    return chosen


def prepare_sample(images: Iterable[LabelledImage], config: SegmentConfig, monitor: Monitor) -> list[Sampled]:
    """Read the images to try changes on, and take them apart."""
    images, sample = list(images), []
    for done, image in enumerate(images):
        monitor.raise_if_cancelled()
        monitor.report("sample", done, len(images))
        rgb = read_image(image.path)[1]
        apart = take_apart(rgb, config)
        sample.append(Sampled(image, rgb, apart.cells, apart.emptied, apart.covered))
    monitor.report("sample", len(images), len(images))
    return sample


def blanked(model: Predicts, sample: Sequence[Sampled], whole: NDArray[np.int64], monitor: Monitor) -> list[Share]:
    """Return how often the model is right on the sample as it is, on white cells alone and without white cells."""
    labels = np.array([s.image.label for s in sample])
    shown = {
        "white cells alone": [cells_only(s.rgb, s.cells) for s in sample],
        "without white cells": [s.emptied for s in sample],
    }
    answers = {"whole": whole, **{what: predict(model, images, monitor, what) for what, images in shown.items()}}
    return [Share.of(what, int((found == labels).sum()), len(sample)) for what, found in answers.items()]


def bar_changes(model: Predicts, sample: Sequence[Sampled], whole: NDArray[np.int64], monitor: Monitor) -> list[Share]:
    """Return how many predictions change when a scale bar is removed, added or exchanged."""
    rng = np.random.default_rng(0)
    others = [_of_another_class(sample, s, rng) for s in sample]
    variants: dict[str, list[tuple[int, RGBImage]]] = {
        "removed": [(i, rgb) for i, s in enumerate(sample) for rgb, bar in [without_bar(s.rgb)] if bar.any()]
    }
    for kind in BARS:
        variants[f"added or exchanged: {kind}"] = [(i, with_bar(s.rgb, kind)) for i, s in enumerate(sample)]
    pairs = zip(sample, others, strict=True)
    exchanged = [(i, with_bar_of(s.rgb, o.rgb)) for i, (s, o) in enumerate(pairs) if o is not None]
    variants["exchanged with that of another class"] = [(i, rgb) for i, rgb in exchanged if rgb is not None]
    return [
        Share.of(
            what, int((predict(model, [rgb for _, rgb in made], monitor, what) != whole[_at(made)]).sum()), len(made)
        )
        for what, made in variants.items()
        if made
    ]


def background_changes(
    model: Predicts, sample: Sequence[Sampled], whole: NDArray[np.int64], seed: int, monitor: Monitor
) -> tuple[list[BackgroundChange], list[Composite]]:
    """Return how many predictions change on other backgrounds, and some of the composites.

    Every image gets one background of each other class, and one of another image of its own class (of another cluster
    where there is one), which tells what the pasting alone changes.
    """
    pairs = _pairs(sample, np.random.default_rng(seed))
    changes: list[BackgroundChange] = []
    shown: list[Composite] = []
    for light in LIGHTS if pairs else ():
        made = [on_background(sample[i].rgb, sample[i].cells, d.emptied, relit=light == "relit") for i, d in pairs]
        after = predict(model, made, monitor, f"backgrounds, {light}")
        changes += _counted(sample, pairs, whole, after, light)
        if light == LIGHTS[0]:
            shown = _to_look_at(sample, pairs, made, whole, after)
    return changes, shown


def _to_look_at(
    sample: Sequence[Sampled],
    pairs: Sequence[tuple[int, Sampled]],
    made: Sequence[RGBImage],
    whole: NDArray[np.int64],
    after: NDArray[np.int64],
) -> list[Composite]:
    """Choose composites of other classes' backgrounds: half of them such as changed the prediction, the rest spread."""
    other = [k for k, (i, donor) in enumerate(pairs) if donor.image.label != sample[i].image.label]
    changed = [k for k in other if after[k] != whole[pairs[k][0]]][: _SHOWN // 2]
    rest = [k for k in other if after[k] == whole[pairs[k][0]]]
    spread = np.linspace(0, len(rest) - 1, min(len(rest), _SHOWN - len(changed))).round().astype(int)
    names = SUBTYPES.names
    composites = []
    for k in [*changed, *(rest[at] for at in spread)]:
        i, donor = pairs[k]
        kept = sample[i]
        composites.append(
            Composite(
                kept.rgb,
                f"{kept.image.key}\npredicted {names[whole[i]]}",
                donor.rgb,
                f"background of {names[donor.image.label]}\n{donor.image.key}",
                made[k],
                f"composite\npredicted {names[after[k]]}",
            )
        )
    return composites


def _counted(
    sample: Sequence[Sampled],
    pairs: Sequence[tuple[int, Sampled]],
    whole: NDArray[np.int64],
    after: NDArray[np.int64],
    light: Light,
) -> list[BackgroundChange]:
    own = np.array([sample[i].image.label for i, _ in pairs])
    donors = np.array([donor.image.label for _, donor in pairs])
    changed = after != whole[[i for i, _ in pairs]]
    towards = changed & (after == donors)
    groups: Mapping[str, NDArray[np.bool_]] = {
        OTHER_CLASS: own != donors,
        SAME_CLASS: own == donors,
        **{SUBTYPES.names[c]: (own != donors) & (donors == c) for c in np.unique(donors)},
    }
    return [
        BackgroundChange(
            **Share.of(f"background of {origin}", int(changed[at].sum()), int(at.sum())).model_dump(),
            light=light,
            origin=origin,
            towards=int(towards[at].sum()),
        )
        for origin, at in groups.items()
        if at.any()
    ]


def _pairs(sample: Sequence[Sampled], rng: np.random.Generator) -> list[tuple[int, Sampled]]:
    """Return (position, donor of a background) of every composite to make."""
    donors = [s for s in sample if s.covered <= MOST_COVERED]
    pairs = []
    for i, s in enumerate(sample):
        if not s.cells.any():
            continue
        for label in sorted({d.image.label for d in donors}):
            of_label = [d for d in donors if d.image.label == label and d is not s]
            if label == s.image.label:
                of_label = [d for d in of_label if d.image.cluster != s.image.cluster] or of_label
            if of_label:
                pairs.append((i, of_label[rng.integers(len(of_label))]))
    return pairs


def _of_another_class(sample: Sequence[Sampled], one: Sampled, rng: np.random.Generator) -> Sampled | None:
    others = [s for s in sample if s.image.label != one.image.label]
    return others[rng.integers(len(others))] if others else None


def _at(made: Sequence[tuple[int, RGBImage]]) -> list[int]:
    return [i for i, _ in made]
