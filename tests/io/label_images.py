"""Random label images for the tests of formats: small, with gaps in the numbers, holes, pieces and single pixels."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray


def random_labels(seed: int, side: int = 24) -> NDArray[np.int32]:
    """Paint ellipses with holes, cut by noise, numbered with gaps."""
    rng = np.random.default_rng(seed)
    height, width = (int(n) for n in rng.integers(1, side, 2))
    labels = np.zeros((height, width), np.int32)
    y, x = np.indices(labels.shape)
    numbers = rng.permutation([1, 2, 3, 7, 11, 40, 255, 256, 300, 65535])[: int(rng.integers(0, 6))]
    for number in numbers:
        middle, radii = rng.uniform(0, (height, width)), rng.uniform(0.6, side / 3, 2)
        away = ((y - middle[0]) / radii[0]) ** 2 + ((x - middle[1]) / radii[1]) ** 2
        labels[(away <= 1) & (away >= rng.choice([0, 0, 0.2]))] = number
    if rng.random() < 0.5:
        labels[rng.random(labels.shape) < 0.15] = 0
    return labels


def random_classes(labels: NDArray[np.int32], seed: int) -> NDArray[np.uint8]:
    """Make part of each cell its nucleus."""
    rng = np.random.default_rng(seed + 1)
    return np.where(labels > 0, 1 + (rng.random(labels.shape) < 0.4), 0).astype(np.uint8)


label_images = st.integers(0, 2**32 - 1).map(random_labels)
