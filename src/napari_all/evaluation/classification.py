"""How well predicted subtypes fit the true ones: shares with intervals, curves, calibration, benign against malignant.

Pure functions on `labels` (N,) and `probabilities` (N, C); a prediction is the class of the highest probability.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from napari_all import __version__
from napari_all.classes import SUBTYPES, ClassScheme
from napari_all.config import Settings
from napari_all.errors import UsageError
from napari_all.evaluation.classification_curves import Curve, precision_recall_curve_of, roc_curve_of
from napari_all.evaluation.intervals import bootstrap_groups, wilson
from napari_all.evaluation.reliability import Calibration, calibration_of

BENIGN = "Benign"
Interval = tuple[float, float]


class Share(Settings):
    """So many of so many, with Wilson's 95 % interval; null where there is nothing to count."""

    hits: int = Field(description="How many")
    images: int = Field(description="Of how many")
    value: float | None = Field(None, description="hits / images")
    wilson_95: Interval | None = Field(None, description="Wilson's 95 % interval, which takes images for independent")


class Scores(Settings):
    """Precision, recall and F1, 0..1; null where not defined."""

    precision: float | None = Field(description="Share of the images predicted so that are so")
    recall: float | None = Field(description="Share of the images that are so that are predicted so")
    f1: float | None = Field(description="2·hits / (2·hits + missed + falsely predicted)")


class ClassReport(Scores):
    """One class against the rest."""

    name: str = Field(description="Name of the class")
    images: int = Field(description="Images that are of the class")
    recall_wilson_95: Interval | None = Field(None, description="Wilson's 95 % interval of the recall")
    roc: Curve | None = Field(None, description="ROC curve; null where all or none of the images are of the class")
    precision_recall: Curve | None = Field(None, description="Precision-recall curve; null as above")


class BenignMalignant(Settings):
    """All classes but Benign taken together as malignant, by the predicted subtype."""

    accuracy: Share
    sensitivity: Share = Field(description="Malignant images that are predicted a malignant subtype")
    specificity: Share = Field(description="Benign images that are predicted Benign")
    roc_area: float | None = Field(None, description="Area under the ROC curve of 1 − p(Benign)")


class GroupErrors(Settings):
    """A group (appearance cluster, patient) with wrong predictions."""

    group: str
    images: int
    wrong: int


class ClassificationReport(Settings):
    """All measures of one set of predictions."""

    schema_version: Literal[1] = Field(1, description="Version of this layout")
    software: str = Field(default_factory=lambda: f"napari-all {__version__}", description="Program that measured")
    classes: list[str] = Field(description="Names in the order of the confusion matrix")
    accuracy: Share
    groups: int | None = Field(None, description="Number of groups; null where not known")
    accuracy_groups_95: Interval | None = Field(
        None, description="95 % bootstrap interval of the accuracy with whole groups drawn again; null below 2 groups"
    )
    macro: Scores = Field(description="Means over the classes that have images")
    weighted: Scores = Field(description="Means over the classes, weighted by their images")
    roc_area_macro: float | None = Field(None, description="Mean area under the ROC curves, one class against the rest")
    average_precision_macro: float | None = Field(None, description="Mean average precision")
    per_class: list[ClassReport]
    confusion: list[list[int]] = Field(description="Images by true class (rows) and predicted class (columns)")
    calibration: Calibration
    benign_malignant: BenignMalignant | None = Field(None, description="Null where no class is Benign")
    group_errors: list[GroupErrors] = Field(default_factory=list, description="Groups with errors, most errors first")


def measure_classification(
    labels: NDArray[np.integer],
    probabilities: NDArray[np.floating],
    groups: Sequence[str] | None = None,
    scheme: ClassScheme = SUBTYPES,
) -> ClassificationReport:
    """Measure predictions against the truth.

    Parameters
    ----------
    labels
        (N,) true classes, 0..C-1; at least one image.
    probabilities
        (N, C), rows that sum to 1.
    groups
        Group of each image (appearance cluster, patient), which is drawn whole for the honest interval.
    scheme
        Names of the C classes.

    Raises
    ------
    UsageError
        The arrays do not fit each other or the scheme, or are not labels and probabilities.
    DependencyError
        Scikit-learn is not installed.
    """
    truth, chances = _checked(labels, probabilities, groups, scheme)
    predicted = chances.argmax(axis=1)
    right = predicted == truth
    confusion = np.zeros((len(scheme), len(scheme)), np.int64)
    np.add.at(confusion, (truth, predicted), 1)
    classes = [_class_report(k, truth, chances, confusion, scheme) for k in range(len(scheme))]
    several = groups is not None and len(set(groups)) > 1
    return ClassificationReport(
        classes=list(scheme.names),
        accuracy=share(int(right.sum()), len(right)),
        groups=None if groups is None else len(set(groups)),
        accuracy_groups_95=bootstrap_groups(right.tolist(), groups) if several and groups is not None else None,
        macro=_mean_scores(classes, [1.0 if c.images else 0.0 for c in classes]),
        weighted=_mean_scores(classes, [float(c.images) for c in classes]),
        roc_area_macro=_mean([c.roc.area for c in classes if c.roc]),
        average_precision_macro=_mean([c.precision_recall.area for c in classes if c.precision_recall]),
        per_class=classes,
        confusion=confusion.tolist(),
        calibration=calibration_of(chances, truth),
        benign_malignant=_benign_malignant(truth, chances, predicted, scheme),
        group_errors=[] if groups is None else _group_errors(right, groups),
    )


def share(hits: int, images: int) -> Share:
    """Return a share with its interval."""
    if not images:
        return Share(hits=hits, images=images)
    return Share(hits=hits, images=images, value=hits / images, wilson_95=wilson(hits, images))


def _checked(
    labels: NDArray[np.integer],
    probabilities: NDArray[np.floating],
    groups: Sequence[str] | None,
    scheme: ClassScheme,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    truth, chances = np.asarray(labels), np.asarray(probabilities, dtype=np.float64)
    if not len(truth) or chances.shape != (len(truth), len(scheme)) or truth.ndim != 1:
        raise UsageError(
            f"labels are {truth.shape} and probabilities {chances.shape}; needed are (N,) and (N, {len(scheme)}) "
            "of at least one image"
        )
    if truth.min() < 0 or truth.max() >= len(scheme):
        raise UsageError(f"labels run from {truth.min()} to {truth.max()}; valid are 0 to {len(scheme) - 1}")
    if not (np.isfinite(chances).all() and (chances >= 0).all() and np.allclose(chances.sum(axis=1), 1, atol=1e-3)):
        raise UsageError("probabilities must be 0 to 1 and sum to 1 in every row; give them after softmax")
    if groups is not None and len(groups) != len(truth):
        raise UsageError(f"there are {len(groups)} groups for {len(truth)} images; give one for each, or none")
    return truth.astype(np.int64), chances


def _class_report(
    k: int,
    truth: NDArray[np.int64],
    chances: NDArray[np.float64],
    confusion: NDArray[np.int64],
    scheme: ClassScheme,
) -> ClassReport:
    hits, images, named = (int(n) for n in (confusion[k, k], confusion[k].sum(), confusion[:, k].sum()))
    return ClassReport(
        name=scheme.names[k],
        images=images,
        # a class that is never predicted has no right prediction: 0, as scikit-learn counts it
        precision=(hits / named if named else 0.0) if images or named else None,
        recall=hits / images if images else None,
        f1=2 * hits / (images + named) if images else None,
        recall_wilson_95=wilson(hits, images) if images else None,
        roc=roc_curve_of(truth == k, chances[:, k]),
        precision_recall=precision_recall_curve_of(truth == k, chances[:, k]),
    )


def _mean_scores(classes: Sequence[ClassReport], weights: Sequence[float]) -> Scores:
    def mean(name: str) -> float:
        values = [(getattr(c, name), w) for c, w in zip(classes, weights, strict=True) if w]
        return float(sum(v * w for v, w in values) / sum(weights))

    return Scores(precision=mean("precision"), recall=mean("recall"), f1=mean("f1"))


def _benign_malignant(
    truth: NDArray[np.int64], chances: NDArray[np.float64], predicted: NDArray[np.int64], scheme: ClassScheme
) -> BenignMalignant | None:
    if BENIGN not in scheme.names:
        return None
    benign = scheme.names.index(BENIGN)
    malignant, called = truth != benign, predicted != benign
    roc = roc_curve_of(malignant, 1 - chances[:, benign])
    return BenignMalignant(
        accuracy=share(int((malignant == called).sum()), len(truth)),
        sensitivity=share(int((malignant & called).sum()), int(malignant.sum())),
        specificity=share(int((~malignant & ~called).sum()), int((~malignant).sum())),
        roc_area=roc.area if roc else None,
    )


def _group_errors(right: NDArray[np.bool_], groups: Sequence[str]) -> list[GroupErrors]:
    names, which = np.unique(np.asarray(groups), return_inverse=True)
    sizes, wrong = np.bincount(which), np.bincount(which, weights=~right)
    rows = [
        GroupErrors(group=str(name), images=int(n), wrong=int(w))
        for name, n, w in zip(names, sizes, wrong, strict=True)
        if w
    ]
    return sorted(rows, key=lambda row: -row.wrong)


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
