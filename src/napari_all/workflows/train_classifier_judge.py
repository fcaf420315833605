"""From a trained network's outputs to probabilities, thresholds and a status: what its card will hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_all.classification.calibration import fit_temperature, review_threshold, softmax
from napari_all.classification.predictor import Judgement
from napari_all.classification.unfamiliarity import Familiar, fit_familiar
from napari_all.types import Status
from napari_all.workflows.train_classifier_data import ShownPart

__all__ = ["Judged", "Judgement", "Outputs", "fit_judgement", "judge"]


@dataclass(frozen=True)
class Outputs:
    """Features (N, F) and logits (N, C) of N images."""

    features: NDArray[np.float32]
    logits: NDArray[np.float32]


@dataclass(frozen=True)
class Judged:
    """What a user would be told of N images.

    `probabilities` (N, C), `predicted` (N,) classes, `unfamiliarity` (N,) distances, `status` of each.
    """

    probabilities: NDArray[np.float64]
    predicted: NDArray[np.int64]
    unfamiliarity: NDArray[np.float64]
    status: tuple[Status, ...]


def fit_judgement(
    parts: Mapping[str, ShownPart], outputs: Mapping[str, Outputs], accuracy: float, familiar_share: float
) -> tuple[Judgement, Familiar]:
    """Fit temperature, review threshold and familiar distance on the validation part.

    Parameters
    ----------
    parts, outputs
        With `train` and `validation`.
    accuracy
        Wanted share of right predictions among the confident.
    familiar_share
        Share of the validation images that is to count as familiar.
    """
    labels, told = parts["validation"].labels, outputs["validation"]
    temperature = fit_temperature(told.logits, labels)
    threshold, _ = review_threshold(softmax(told.logits, temperature), labels, accuracy)
    familiar = fit_familiar(outputs["train"].features, parts["train"].looks)
    scale = float(np.quantile(familiar.distance(told.features, parts["validation"].looks), familiar_share))
    judgement = Judgement(temperature=temperature, review_below=threshold, familiar_distance=scale)
    return judgement, Familiar(familiar.mean, familiar.directions, familiar.points, scale)


def judge(part: ShownPart, outputs: Outputs, judgement: Judgement, familiar: Familiar) -> Judged:
    """Return what a user would be told."""
    probabilities = softmax(outputs.logits, judgement.temperature)
    distances = familiar.distance(outputs.features, part.looks)
    status = tuple(judgement.status(float(p.max()), float(d)) for p, d in zip(probabilities, distances, strict=True))
    return Judged(probabilities, probabilities.argmax(axis=1), distances, status)
