"""How sure a measured mean is, and how bad the worst fields are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def bootstrap_mean(
    values: Sequence[float], *, level: float = 0.95, draws: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of a mean over independent fields (Efron and Tibshirani 1993).

    Parameters
    ----------
    values
        One number per field, at least one.
    level
        Share of resampled means inside the interval.
    """
    sample = np.asarray(values, dtype=np.float64)
    picks = np.random.default_rng(seed).integers(0, len(sample), (draws, len(sample)))
    tail = (1 - level) / 2
    low, high = np.quantile(sample[picks].mean(axis=1), [tail, 1 - tail])
    return float(low), float(high)


def fifth_percentile(values: Sequence[float]) -> float:
    """Return the value that one field in twenty falls below (linear between fields); at least one value is needed."""
    return float(np.percentile(np.asarray(values, dtype=np.float64), 5))
