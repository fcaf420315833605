"""Where the cells of a synthetic smear lie."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RED_CELL_DIAMETER = 0.68
"""Diameter of a red cell as a share of a white cell's."""


def scatter(rng: np.random.Generator, shape: tuple[int, int], count: int) -> NDArray[np.float64]:
    """Choose (y, x) anywhere, (count, 2)."""
    return rng.uniform((0, 0), shape, (count, 2))


def place_white(
    rng: np.random.Generator,
    shape: tuple[int, int],
    diameter: float,
    count: int,
    touching: float,
    corner: tuple[int, int],
) -> list[tuple[float, float, float]]:
    """Choose (y, x, radius) of the white cells: free places, or against an earlier cell.

    None is centred below and right of `corner` (y, x), where a scale bar would leave a sliver of it.
    """
    radii = diameter / 2 * np.clip(rng.normal(1, 0.1, count), 0.75, 1.3)
    if count == 1:
        return [(shape[0] / 2, shape[1] / 2, float(radii[0]))]
    placed: list[tuple[float, float, float]] = []
    for radius in radii:
        for _ in range(60):
            gap = 0.15
            if placed and rng.random() < touching:
                ny, nx, nr = placed[int(rng.integers(len(placed)))]
                angle, distance = rng.uniform(0, 2 * np.pi), (radius + nr) * rng.uniform(0.9, 0.98)
                y, x, gap = ny + distance * np.sin(angle), nx + distance * np.cos(angle), -0.12
            else:
                y, x = rng.uniform((0, 0), shape)
            hidden = y > corner[0] and x > corner[1]
            if hidden or not (0 <= y < shape[0] and 0 <= x < shape[1]):
                continue
            if all(np.hypot(y - py, x - px) >= (radius + pr) * (1 + gap) for py, px, pr in placed):
                placed.append((float(y), float(x), float(radius)))
                break
    return placed


def place_red(
    rng: np.random.Generator,
    shape: tuple[int, int],
    diameter: float,
    count: int,
    white: list[tuple[float, float, float]],
) -> list[tuple[float, float]]:
    """Choose (y, x) of the red cells: free places, overlaps and chains (rouleaux); not under white cells."""
    red = diameter * RED_CELL_DIAMETER
    placed = np.empty((0, 2))
    cells = np.array(white).reshape(-1, 3)
    chain = rng.uniform(0.1, 0.4)
    for _ in range(count):
        for _ in range(12):
            if len(placed) and rng.random() < chain:
                anchor = placed[rng.integers(max(0, len(placed) - 6), len(placed))]
                angle, reach, closest = rng.uniform(0, 2 * np.pi), red * rng.uniform(0.55, 0.95), 0.5
                spot = anchor + reach * np.array([np.sin(angle), np.cos(angle)])
            else:
                spot = rng.uniform((-red / 2, -red / 2), (shape[0] + red / 2, shape[1] + red / 2))
                closest = 0.85
            clear = np.hypot(*(cells[:, :2] - spot).T) > cells[:, 2] + 0.38 * red
            apart = np.hypot(*(placed - spot).T) > closest * red
            if clear.all() and apart.all():
                placed = np.vstack([placed, spot])
                break
    return [(float(y), float(x)) for y, x in placed]
