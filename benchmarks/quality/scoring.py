"""Scores of one method on one set: Dice with its tail and interval, cells, nucleus/cell ratio, where the errors lie."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy import ndimage

from napari_all.classes import CYTOPLASM, NUCLEUS
from napari_all.evaluation.intervals import bootstrap_mean, fifth_percentile
from napari_all.evaluation.masks import CellCounts, count_cells, dice, nucleus_cell_ratio_error
from napari_all.types import ClassesMap

from .samples import Result, Runner, Sample

EDGE_PX = 2.0
"""An error this near the true border may be a question of where to draw it."""
ERROR_PLACES = ("edge_missed", "edge_false", "inside_missed", "cytoplasm_false", "outside_false")


@dataclass(frozen=True)
class Field:
    """One image, what was found in it, and how well that fits (the score that ranks it)."""

    sample: Sample
    result: Result
    dice: float


@dataclass(frozen=True)
class Scored:
    """Scores of a set, ready for JSON, and its fields for pictures; `rank` is what the best cleaning is chosen by."""

    scores: dict[str, object]
    rank: float
    fields: list[Field] = field(repr=False)


def score_best(samples: Sequence[Sample], runner: Runner, measure: Callable[[list[Field]], Scored]) -> Scored:
    """Score every cleaning that a method has and return the best; what the others reach is told.

    Time is the processor's, all threads together, so that a busy machine does not count; the first image is run twice,
    so that loading a model does not either.
    """
    runner(samples[0].rgb)
    fields: dict[str, list[Field]] = {}
    costs = []
    for sample in samples:
        start = time.process_time()
        results = runner(sample.rgb)
        costs.append(1e9 * (time.process_time() - start) / sample.truth.size)
        for name, result in results.items():
            fit = dice(result.labels > 0, sample.truth > 0, sample.ignore)
            fields.setdefault(name, []).append(Field(sample, result, fit))
    scored = {name: measure(found) for name, found in fields.items()}
    name = max(scored, key=lambda name: scored[name].rank)
    head = {"images": len(samples), "cpu_ms_per_megapixel": round(float(np.median(costs))), "cleaning": name}
    if others := {other: round(found.rank, 4) for other, found in scored.items() if other != name}:
        head["dice_with_other_cleaning"] = others
    return replace(scored[name], scores=head | scored[name].scores)


def measure_reference(fields: list[Field]) -> Scored:
    """Score whole cells: Dice overall and per class, cells F1."""
    groups: dict[str, list[float]] = {}
    counts = CellCounts()
    for one in fields:
        groups.setdefault(one.sample.group, []).append(one.dice)
        counts += count_cells(one.result.labels, one.sample.truth, one.sample.ignore)
    scores = {
        "parts": fields[0].result.parts,
        **_summary([f.dice for f in fields]),
        "dice_per_class": {name: round(float(np.mean(values)), 4) for name, values in groups.items()},
        "cells_f1": round(counts.f1, 4),
        "cells": {"hits": counts.hits, "missed": counts.missed, "false": counts.false},
        "worst": _worst(fields),
    }
    return Scored(scores, float(np.mean([f.dice for f in fields])), fields)


def measure_zheng(fields: list[Field]) -> Scored:
    """Score nucleus and whole cell, the ratio of their areas, and where the nucleus' wrong pixels lie."""
    nuclei = [Field(f.sample, f.result, _nucleus_dice(f)) for f in fields]
    errors = sum(error_places(f.result.classes, f.sample.truth) for f in fields)
    nucleus_area = sum(np.count_nonzero(f.sample.truth == NUCLEUS) for f in fields)
    scores: dict[str, object] = {
        "parts": fields[0].result.parts,
        "nucleus": _summary([f.dice for f in nuclei]) | {"worst": _worst(nuclei)},
        "whole_cell": _summary([f.dice for f in fields]) | {"worst": _worst(fields)},
        "nucleus_errors": {
            "of_nucleus_area": round(float(errors.sum() / nucleus_area), 4),
            "within_2_px_of_border": round(float(errors[:2].sum() / max(errors.sum(), 1)), 4),
            **{name: round(float(e / max(errors.sum(), 1)), 4) for name, e in zip(ERROR_PLACES, errors, strict=True)},
        },
    }
    if fields[0].result.parts == "nucleus+cytoplasm":
        ratios = [nucleus_cell_ratio_error(f.result.classes, np.asarray(f.sample.truth, np.uint8)) for f in fields]
        scores["nucleus_cell_ratio"] = _summary([r for r in ratios if r is not None], "mean_absolute_error", tail=False)
    return Scored(scores, float(np.mean([f.dice for f in nuclei])), nuclei)


def _nucleus_dice(one: Field) -> float:
    return dice(one.result.classes == NUCLEUS, one.sample.truth == NUCLEUS)


def error_places(classes: ClassesMap, truth: np.ndarray) -> np.ndarray:
    """Count the wrong pixels of a nucleus by place.

    Parameters
    ----------
    classes, truth
        (Y, X) classes maps; the truth holds a nucleus.

    Returns
    -------
    (5,) int, in the order of `ERROR_PLACES`: missed and false within 2 px of the true border, missed further inside,
    false in the true cytoplasm, false elsewhere.
    """
    found, true = classes == NUCLEUS, truth == NUCLEUS
    near = from_border(true) <= EDGE_PX
    missed, false = true & ~found, found & ~true
    places = (
        missed & near,
        false & near,
        missed & ~near,
        false & ~near & (truth == CYTOPLASM),
        false & ~near & (truth != CYTOPLASM),
    )
    return np.array([np.count_nonzero(place) for place in places])


def from_border(mask: np.ndarray) -> np.ndarray:
    """Return the distance (Y, X) in pixels of each pixel's centre from the border of a mask."""
    # Distances between pixel centres are half a pixel longer than those to the line between the pixels.
    return np.where(mask, ndimage.distance_transform_edt(mask), ndimage.distance_transform_edt(~mask)) - 0.5


def _summary(values: list[float], name: str = "dice", tail: bool = True) -> dict[str, object]:
    low, high = bootstrap_mean(values)
    found: dict[str, object] = {
        name: round(float(np.mean(values)), 4),
        f"{name}_95": [round(low, 4), round(high, 4)],
    }
    return found | ({"p5": round(fifth_percentile(values), 4)} if tail else {})


def _worst(fields: list[Field]) -> dict[str, float]:
    return {f.sample.name: round(f.dice, 4) for f in sorted(fields, key=lambda f: f.dice)[:3]}
