"""ROC and precision-recall curves of one class against the rest."""

from __future__ import annotations

from types import ModuleType

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from napari_all.config import Settings
from napari_all.errors import missing_scikit_learn

_POINTS = 200
_DIGITS = 5


class Curve(Settings):
    """Points of a curve, at most 200 of them."""

    x: list[float] = Field(description="False positive rate (ROC) or recall (precision-recall)")
    y: list[float] = Field(description="True positive rate (ROC) or precision (precision-recall)")
    area: float = Field(description="Area under the ROC curve, or average precision, from all points")


def roc_curve_of(is_class: NDArray[np.bool_], scores: NDArray[np.floating]) -> Curve | None:
    """Return the ROC curve of (N,) scores against (N,) truth; None where all or none of the images are of the class.

    Raises
    ------
    DependencyError
        Scikit-learn is not installed.
    """
    if is_class.all() or not is_class.any():
        return None
    metrics = scikit_learn_metrics()
    x, y, _ = metrics.roc_curve(is_class, scores)
    return _curve(x, y, metrics.roc_auc_score(is_class, scores))


def precision_recall_curve_of(is_class: NDArray[np.bool_], scores: NDArray[np.floating]) -> Curve | None:
    """Return the precision-recall curve, as `roc_curve_of`; its area is the average precision, no trapezoids."""
    if is_class.all() or not is_class.any():
        return None
    metrics = scikit_learn_metrics()
    precision, recall, _ = metrics.precision_recall_curve(is_class, scores, drop_intermediate=True)
    return _curve(recall[::-1], precision[::-1], metrics.average_precision_score(is_class, scores))


def _curve(x: NDArray[np.float64], y: NDArray[np.float64], area: float) -> Curve:
    keep = np.unique(np.linspace(0, len(x) - 1, min(len(x), _POINTS)).round().astype(np.int64))
    return Curve(x=x[keep].round(_DIGITS).tolist(), y=y[keep].round(_DIGITS).tolist(), area=float(area))


def scikit_learn_metrics() -> ModuleType:
    """Return `sklearn.metrics`.

    Raises
    ------
    DependencyError
        Scikit-learn is not installed.
    """
    try:
        import sklearn.metrics
    except ImportError as error:
        raise missing_scikit_learn("measuring a classifier") from error
    metrics: ModuleType = sklearn.metrics
    return metrics
