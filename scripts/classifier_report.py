"""Figures, calibration and checkpoint of the subtype classifier, from what its folds predicted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from napari_all.classes import SUBTYPES
from napari_all.classification.calibration import fit_temperature, review_threshold, softmax
from napari_all.classification.unfamiliarity import Familiar, fit_familiar
from napari_all.data.dataset import LabelledImage
from napari_all.data.split import Split
from napari_all.files import write_json
from napari_all.networks.checkpoint import InputInfo, ModelCard, save_checkpoint

CONFIDENT_ACCURACY = 0.98
"""Wanted share of right predictions among the confident, on grouped folds."""
FAMILIAR_SHARE = 0.99
"""Share of the held-out images of the grouped folds (other sessions of the same laboratory) that is familiar."""
TERMS = (
    "Weights for research use only. Trained on fields of the Taleqani ALL dataset; cite Int J "
    "Intell Syst 2022;37:5113 and doi 10.34740/KAGGLE/DSV/2175623. The images themselves may not be redistributed "
    "without the authors' permission and are not part of this file."
)


@dataclass(frozen=True)
class FoldResult:
    """What one network says of its fold.

    `trained` and `features` (N, F) of the images trained on and held out; `logits` (N, C) of the images held out by
    what was shown of them ("whole", "cells only", "without cells"); `exchanged` (M,) positions of the images shown on
    the background of another class, `changed` (M,) whether the prediction changed.
    """

    fold: Split
    trained: NDArray[np.float32]
    features: NDArray[np.float32]
    logits: Mapping[str, NDArray[np.float32]]
    exchanged: NDArray[np.intp]
    changed: NDArray[np.bool_]


@dataclass(frozen=True)
class Known:
    """What is known of the images: labels (N,), clusters (N,) and looks (N, L)."""

    labels: NDArray[np.int64]
    clusters: NDArray[np.str_]
    looks: NDArray[np.float32]


def write_fold_lists(folder: Path, images: Sequence[LabelledImage], protocols: Mapping[str, Sequence[Split]]) -> None:
    """Write the folds as file names, one JSON per protocol; whatever is in neither list is trained on."""
    for protocol, folds in protocols.items():
        lists = [
            {"test": [images[i].key for i in f.test], "dropped_from_training": [images[i].key for i in f.dropped]}
            for f in folds
        ]
        write_json(folder / f"{protocol}.json", lists)


def pooled(results: Sequence[FoldResult], shown: str = "whole") -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the positions of all held-out images and their logits."""
    positions = np.concatenate([np.array(r.fold.test) for r in results])
    return positions, np.concatenate([r.logits[shown] for r in results])


def protocol_figures(results: Sequence[FoldResult], known: Known) -> dict[str, Any]:
    """Return accuracy with intervals, confusion matrix and recalls of all held-out images together."""
    positions, logits = pooled(results)
    labels, predicted = known.labels[positions], logits.argmax(axis=1)
    right = predicted == labels
    confusion = np.zeros((len(SUBTYPES), len(SUBTYPES)), np.int64)
    np.add.at(confusion, (labels, predicted), 1)
    interval = binomtest(int(right.sum()), len(right)).proportion_ci(method="wilson")
    clusters = known.clusters[positions]
    hard = {str(c): [int((~right)[clusters == c].sum()), int((clusters == c).sum())] for c in np.unique(clusters)}
    return {
        "images": len(right),
        "accuracy": float(right.mean()),
        "wilson_95": [interval.low, interval.high],
        "cluster_bootstrap_95": list(cluster_bootstrap(right, clusters)),
        "fold_accuracy": [
            float((r.logits["whole"].argmax(1) == known.labels[list(r.fold.test)]).mean()) for r in results
        ],
        "dropped_from_training": [len(r.fold.dropped) for r in results],
        "recall": _by_class(confusion.diagonal() / confusion.sum(axis=1)),
        "precision": _by_class(confusion.diagonal() / np.maximum(confusion.sum(axis=0), 1)),
        "confusion_true_by_predicted": confusion.tolist(),
        "accuracy_by_what_is_shown": {
            shown: float((pooled(results, shown)[1].argmax(1) == labels).mean()) for shown in results[0].logits
        },
        "changed_on_background_of_another_class": float(np.concatenate([r.changed for r in results]).mean()),
        "clusters_that_change_of_all": _changes(results, known),
        "clusters_with_errors_wrong_of_all": {c: n for c, n in hard.items() if n[0]},
    }


def _changes(results: Sequence[FoldResult], known: Known) -> dict[str, list[int]]:
    """Return changed and all predictions of each cluster on other backgrounds, most changed first."""
    clusters = known.clusters[np.concatenate([r.exchanged for r in results])]
    changed = np.concatenate([r.changed for r in results])
    found = {str(c): [int(changed[clusters == c].sum()), int((clusters == c).sum())] for c in np.unique(clusters)}
    return dict(sorted(found.items(), key=lambda item: -item[1][0]))


def cluster_bootstrap(right: NDArray[np.bool_], clusters: NDArray[np.str_], draws: int = 4000) -> tuple[float, float]:
    """Return the 95 % interval of the accuracy when whole appearance clusters are drawn again."""
    names, which = np.unique(clusters, return_inverse=True)
    hits, sizes = np.bincount(which, weights=right), np.bincount(which)
    picks = np.random.default_rng(0).integers(0, len(names), (draws, len(names)))
    low, high = np.quantile(hits[picks].sum(1) / sizes[picks].sum(1), (0.025, 0.975))
    return float(low), float(high)


def held_out_distances(results: Sequence[FoldResult], known: Known) -> NDArray[np.float64]:
    """Return how far the held-out images are from the images trained on, in raw units."""
    return np.concatenate(
        [
            fit_familiar(r.trained, known.looks[list(r.fold.train)]).distance(
                r.features, known.looks[list(r.fold.test)]
            )
            for r in results
        ]
    )


def calibrate(results: Mapping[str, Sequence[FoldResult]], known: Known) -> tuple[dict[str, float], dict[str, Any]]:
    """Return the values that the card keeps for the predictor, and what they do on held-out images."""
    positions, logits = pooled(results["grouped"])
    labels = known.labels[positions]
    temperature = fit_temperature(logits, labels)
    probabilities = softmax(logits, temperature)
    threshold, _ = review_threshold(probabilities, labels, CONFIDENT_ACCURACY)
    distances = {protocol: held_out_distances(folds, known) for protocol, folds in results.items()}
    scale = float(np.quantile(distances["grouped"], FAMILIAR_SHARE))
    card = {"temperature": temperature, "review_below": threshold, "familiar_distance": scale}
    return card, {
        **card,
        "negative_log_likelihood": float(-np.log(probabilities[np.arange(len(labels)), labels]).mean()),
        "expected_calibration_error": {
            protocol: _calibration_error_of(folds, known, temperature) for protocol, folds in results.items()
        },
        "status": {p: status_figures(folds, known, distances[p], card) for p, folds in results.items()},
    }


def status_figures(
    results: Sequence[FoldResult], known: Known, distances: NDArray[np.float64], card: Mapping[str, float]
) -> dict[str, dict[str, float | None]]:
    """Return the share of held-out images with each status, and how many of these are right; `distances` (N,)."""
    positions, logits = pooled(results)
    probabilities = softmax(logits, card["temperature"])
    right = probabilities.argmax(axis=1) == known.labels[positions]
    familiar = distances <= card["familiar_distance"]
    sure = familiar & (probabilities.max(axis=1) >= card["review_below"])
    return {
        name: {"share": float(which.mean()), "right": float(right[which].mean()) if which.any() else None}
        for name, which in (("confident", sure), ("review", familiar & ~sure), ("unfamiliar", ~familiar))
    }


def _calibration_error_of(results: Sequence[FoldResult], known: Known, temperature: float) -> float:
    positions, logits = pooled(results)
    return calibration_error(softmax(logits, temperature), known.labels[positions])


def calibration_error(probabilities: NDArray[np.float64], labels: NDArray[np.int64], bins: int = 15) -> float:
    """Return the expected calibration error over equally wide bins of confidence (Guo et al. 2017)."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(which, weights=confidence - right, minlength=bins)
    return float(np.abs(gaps).sum() / len(labels))


def fit_and_report(
    results: Mapping[str, Sequence[FoldResult]], known: Known, plan: Mapping[str, Any], path: Path
) -> tuple[dict[str, float], dict[str, Any]]:
    """Write the figures of all protocols; return the calibration and the figures."""
    calibration, calibrated = calibrate(results, known)
    figures = {
        "plan": dict(plan),
        "classes": list(SUBTYPES.names),
        **{protocol: protocol_figures(folds, known) for protocol, folds in results.items()},
        "calibration": calibrated,
    }
    write_json(path, figures)
    return calibration, figures


def save_classifier(
    path: Path, weights: Mapping[str, Any], familiar: Familiar, calibration: Mapping[str, float],
    figures: Mapping[str, Any], backbone: tuple[str, Mapping[str, Any]],
) -> None:  # fmt: skip
    """Write the shipped checkpoint, weights in float16, with its card."""
    tensors: dict[str, Any] = {name: value.half() for name, value in weights.items() if value.is_floating_point()}
    card = ModelCard(
        name=path.name,
        task="classification",
        backbone=backbone[0],
        options=dict(backbone[1]),
        input=InputInfo(size_px=figures["plan"]["size_px"]),
        classes=SUBTYPES.names,
        extra={**calibration, "plan": dict(figures["plan"])},
        summary="Predicted subtype of a smear field of the Taleqani kind.",
        metrics={
            "grouped_accuracy": figures["grouped"]["accuracy"],
            "grouped_accuracy_low": figures["grouped"]["cluster_bootstrap_95"][0],
            "grouped_accuracy_high": figures["grouped"]["cluster_bootstrap_95"][1],
            "random_accuracy": figures["random"]["accuracy"],
        },
        data=("All 2,605 fields of the Taleqani ALL dataset at hand (doi 10.34740/KAGGLE/DSV/2175623)",),
        licence=TERMS,
    )
    save_checkpoint(path, {**tensors, **familiar.tensors()}, card)


def _by_class(values: NDArray[np.float64]) -> dict[str, float]:
    return {name: float(value) for name, value in zip(SUBTYPES.names, values, strict=True)}
