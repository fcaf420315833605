"""Honest probabilities: a temperature, and the confidence below which a person should look."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

Probabilities = NDArray[np.float64]


def softmax(logits: NDArray[np.floating], temperature: float = 1.0) -> Probabilities:
    """Turn (N, C) logits, divided by a temperature, into (N, C) probabilities whose rows sum to 1."""
    scaled = np.asarray(logits, dtype=np.float64) / temperature
    raised = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def fit_temperature(logits: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
    """Return the temperature that makes the probabilities of held-out images most likely.

    Guo et al. 2017, On Calibration of Modern Neural Networks (ICML, PMLR 70:1321). Looked for between 0.05 and 20.

    Parameters
    ----------
    logits
        (N, C), of images that the network was not trained on.
    labels
        (N,) true classes.
    """
    rows = np.arange(len(labels))

    def loss(log_temperature: float) -> float:
        chances = softmax(logits, float(np.exp(log_temperature)))[rows, labels]
        return float(-np.log(np.maximum(chances, 1e-12)).mean())

    return float(np.exp(minimize_scalar(loss, bounds=np.log((0.05, 20.0)), method="bounded").x))


def review_threshold(probabilities: Probabilities, labels: NDArray[np.integer], accuracy: float) -> tuple[float, float]:
    """Return the lowest confidence from which on held-out predictions are right as often as wanted.

    Parameters
    ----------
    probabilities
        (N, C) calibrated, of held-out images.
    labels
        (N,) true classes.
    accuracy
        Wanted share of right predictions among the confident, 0..1.

    Returns
    -------
    The threshold, and the share of images at or above it; 1 and 0 where no threshold is good enough.
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    order = np.argsort(-confidence, kind="stable")
    share_right = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    good = np.flatnonzero(share_right >= accuracy)
    if not len(good):
        return 1.0, 0.0
    last = int(good[-1])
    return float(confidence[order[last]]), (last + 1) / len(order)
