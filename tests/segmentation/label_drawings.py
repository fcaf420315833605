"""Label images for the tests of edits, rules and measurements."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

POINT = st.tuples(st.integers(0, 39), st.integers(0, 39))


def disc(shape: tuple[int, int], y: float, x: float, radius: float) -> np.ndarray:
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return (rows - y) ** 2 + (columns - x) ** 2 <= radius**2


def two_cells(gap: int = 2) -> np.ndarray:
    """Cells 1 (left) and 3 (right) side by side, and 7 far away; the numbers have gaps on purpose."""
    labels = np.zeros((40, 60), np.int32)
    labels[disc(labels.shape, 20, 15, 9)] = 1
    labels[disc(labels.shape, 20, 15 + 19 + gap - 1, 9)] = 3
    labels[2:8, 50:58] = 7
    return labels


@st.composite
def label_images(draw: st.DrawFn) -> np.ndarray:
    labels = np.zeros((40, 40), np.int32)
    for number, (y, x) in enumerate(draw(st.lists(POINT, min_size=1, max_size=5)), start=1):
        labels[disc(labels.shape, y, x, draw(st.integers(2, 9))) & (labels == 0)] = 2 * number
    return labels


def present(labels: np.ndarray) -> set[int]:
    return {int(number) for number in np.unique(labels)} - {0}


def pixel_of(labels: np.ndarray, draw_index: int) -> tuple[int, int]:
    """Some pixel of some cell."""
    y, x = np.nonzero(labels)
    return int(y[draw_index % len(y)]), int(x[draw_index % len(x)])
