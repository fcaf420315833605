"""How sure a measured mean is, and how bad the worst fields are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import binomtest


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


def wilson(hits: int, total: int, level: float = 0.95) -> tuple[float, float]:
    """Return Wilson's interval of a share of independent trials (Wilson 1927, doi 10.2307/2276774); total >= 1."""
    interval = binomtest(hits, total).proportion_ci(level, method="wilson")
    return float(interval.low), float(interval.high)


def clopper_pearson(hits: int, total: int, level: float = 0.95) -> tuple[float, float]:
    """Return the exact interval of a share of independent trials (Clopper and Pearson 1934, doi 10.2307/2331986).

    It covers the true share at least as often as `level` says; total >= 1.
    """
    interval = binomtest(hits, total).proportion_ci(level, method="exact")
    return float(interval.low), float(interval.high)


def bootstrap_groups(
    values: Sequence[float], groups: Sequence[str], *, level: float = 0.95, draws: int = 4000, seed: int = 0
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of a mean when whole groups are drawn again.

    Values of one group (fields of one person, session or stain) resemble each other, so an interval that takes them
    for independent is too narrow (Field and Welsh 2007, doi 10.1111/j.1467-9868.2007.00593.x).

    Parameters
    ----------
    values
        One number per image, at least one.
    groups
        Group of each image.
    level
        Share of resampled means inside the interval.
    """
    names, which = np.unique(np.asarray(groups), return_inverse=True)
    sums, sizes = np.bincount(which, weights=np.asarray(values, dtype=np.float64)), np.bincount(which)
    picks = np.random.default_rng(seed).integers(0, len(names), (draws, len(names)))
    tail = (1 - level) / 2
    low, high = np.quantile(sums[picks].sum(axis=1) / sizes[picks].sum(axis=1), [tail, 1 - tail])
    return float(low), float(high)
