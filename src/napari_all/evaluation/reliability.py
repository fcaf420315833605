"""Whether probabilities mean what they say: expected calibration error and the bins of a reliability plot."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from napari_all.config import Settings

BINS = 15


class ReliabilityBin(Settings):
    """The images whose confidence lies in one range."""

    low: float = Field(description="Least confidence of the bin")
    high: float = Field(description="Greatest confidence of the bin")
    images: int = Field(description="Images in the bin")
    confidence: float | None = Field(None, description="Their mean confidence; null in an empty bin")
    accuracy: float | None = Field(None, description="Share of them that are right; null in an empty bin")


class Calibration(Settings):
    """Confidence against accuracy over bins of equal width."""

    expected_calibration_error: float = Field(
        description="Mean distance of confidence and accuracy over 15 bins of equal width, weighted by images"
    )
    bins: list[ReliabilityBin] = Field(description="From low to high confidence")


def calibration_of(probabilities: NDArray[np.floating], labels: NDArray[np.integer], bins: int = BINS) -> Calibration:
    """Bin images by their confidence and compare it with their accuracy.

    Naeini et al. 2015 (AAAI, doi 10.1609/aaai.v29i1.9602) and Guo et al. 2017 (PMLR 70:1321): bins of equal width of
    the highest probability. The error is biased upwards where bins hold few images.

    Parameters
    ----------
    probabilities
        (N, C), rows that sum to 1.
    labels
        (N,) true classes.
    """
    confidence = np.asarray(probabilities, dtype=np.float64).max(axis=1)
    right = np.argmax(probabilities, axis=1) == labels
    which = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    images = np.bincount(which, minlength=bins)
    confidences = np.bincount(which, weights=confidence, minlength=bins)
    rights = np.bincount(which, weights=right, minlength=bins)
    return Calibration(
        expected_calibration_error=float(np.abs(confidences - rights).sum() / len(labels)),
        bins=[
            ReliabilityBin(
                low=k / bins,
                high=(k + 1) / bins,
                images=int(n),
                confidence=float(confidences[k] / n) if n else None,
                accuracy=float(rights[k] / n) if n else None,
            )
            for k, n in enumerate(images)
        ],
    )
