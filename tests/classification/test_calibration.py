"""Temperature, threshold and unfamiliarity do what their names say."""

from __future__ import annotations

import numpy as np
import pytest

from napari_all.classification.calibration import fit_temperature, review_threshold, softmax
from napari_all.classification.unfamiliarity import Familiar, fit_familiar
from napari_all.errors import CheckpointError


def drawn(temperature: float) -> tuple[np.ndarray, np.ndarray]:
    """Draw labels from the probabilities of logits, then make the logits too sure by a factor."""
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(4000, 4)) * 2
    chances = softmax(logits).cumsum(axis=1)
    labels = np.minimum((rng.random((4000, 1)) > chances).sum(axis=1), 3)
    return logits * temperature, labels


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_undoes_too_much_or_too_little_confidence(temperature):
    assert fit_temperature(*drawn(temperature)) == pytest.approx(temperature, rel=0.1)


def test_probabilities_sum_to_one_for_extreme_logits():
    assert softmax(np.array([[1e4, 0.0, -1e4, 3.0]])).sum() == pytest.approx(1.0)


def test_the_threshold_keeps_the_wanted_accuracy_for_most_images():
    confidence = np.linspace(1.0, 0.5, 100)
    probabilities = np.stack([confidence, 1 - confidence], axis=1)
    labels = np.where(np.arange(100) < 60, 0, np.arange(100) % 2)
    threshold, share = review_threshold(probabilities, labels, 0.9)
    sure = confidence >= threshold
    assert sure.mean() == pytest.approx(share)
    assert (labels[sure] == 0).mean() >= 0.9
    assert share > 0.6
    assert review_threshold(probabilities, np.ones(100, int), 0.99) == (1.0, 0.0)


def test_distance_grows_away_from_the_training_images_and_survives_a_checkpoint():
    rng = np.random.default_rng(1)
    features, looks = (rng.normal(size=(300, n)).astype(np.float32) for n in (20, 14))
    familiar = fit_familiar(features, looks)
    near = familiar.distance(features[:50], looks[:50])
    assert (familiar.distance(features[:50], looks[:50] + 6) > 2 * near.max()).all()
    assert (familiar.distance(features[:50] + 6, looks[:50]) > near.max()).all()
    again = Familiar.from_tensors(familiar.tensors(), scale=2.0)
    assert again.distance(features[:50], looks[:50]) == pytest.approx(near / 2)
    with pytest.raises(CheckpointError, match=r"familiar\.points"):
        Familiar.from_tensors({k: v for k, v in familiar.tensors().items() if "points" not in k}, 1.0)
