"""Shapes and textures of synthetic smears: irregular outlines, patches of the canvas, chromatin noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Field = NDArray[np.float32]
"""(Y, X) float32."""


@dataclass(frozen=True)
class Outline:
    """A closed, slightly irregular outline round a centre (all lengths in pixels).

    The border, where the radial coordinate `rho` is 1, is an ellipse of `aspect` (long over short axis) turned by
    `angle` (radians), with waves given as (cycles per turn, relative amplitude, phase).
    """

    y: float
    x: float
    radius: float
    aspect: float = 1.0
    angle: float = 0.0
    waves: tuple[tuple[int, float, float], ...] = ()

    def rho(self, dy: Field, dx: Field) -> Field:
        """Return the radial coordinate at (dy, dx) from the centre: 0 in the centre, 1 on the border."""
        stretch = np.sqrt(self.aspect)
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        along = (dx * cos + dy * sin) / stretch
        across = (dy * cos - dx * sin) * stretch
        theta = np.arctan2(across, along)
        border = np.ones_like(dy)
        for cycles, amplitude, phase in self.waves:
            border += np.float32(amplitude) * np.cos(cycles * theta + np.float32(phase))
        rho: Field = np.hypot(along, across) / (self.radius * border)
        return rho


def random_outline(
    rng: np.random.Generator, y: float, x: float, radius: float, *, irregular: float, crenated: float = 0.0
) -> Outline:
    """Draw an outline: `irregular` scales the slow waves, `crenated` the spikes of a shrunken cell."""
    waves = [(k, float(rng.normal(0, irregular / k)), float(rng.uniform(0, 2 * np.pi))) for k in range(2, 7)]
    if crenated > 0:
        waves.append((int(rng.integers(9, 15)), crenated, float(rng.uniform(0, 2 * np.pi))))
    aspect = 1 + abs(float(rng.normal(0, 1.6 * irregular)))
    return Outline(y, x, radius, aspect, float(rng.uniform(0, np.pi)), tuple(waves))


@dataclass(frozen=True)
class Patch:
    """The part of a canvas that an object can reach, with coordinates relative to the object's centre."""

    window: tuple[slice, slice]
    dy: Field
    dx: Field


def patch_around(shape: tuple[int, int], y: float, x: float, reach: float) -> Patch | None:
    """Return the patch within `reach` pixels of (y, x), or None where it lies outside the canvas."""
    top, left = max(0, int(y - reach)), max(0, int(x - reach))
    bottom, right = min(shape[0], int(y + reach) + 2), min(shape[1], int(x + reach) + 2)
    if bottom <= top or right <= left:
        return None
    dy, dx = np.mgrid[top:bottom, left:right].astype(np.float32)
    return Patch((slice(top, bottom), slice(left, right)), dy - np.float32(y), dx - np.float32(x))


def soft_step(distance: NDArray[np.floating[Any]], width: float = 1.0) -> Field:
    """Return 0..1 across an edge: 0.5 at distance 0, 1 well inside (positive, pixels)."""
    return np.asarray(np.clip(distance / width + 0.5, 0, 1), np.float32)


class Noise:
    """Ready-made noise of zero mean and unit variance at several scales, cut from one repeating tile each.

    Parameters
    ----------
    rng
        Source of randomness.
    scales
        Standard deviation in pixels of the blur of each kind of noise, by name.
    """

    SIDE = 320

    def __init__(self, rng: np.random.Generator, scales: dict[str, float]) -> None:
        self._rng = rng
        self._tiles: dict[str, Field] = {}
        for name, sigma in scales.items():
            tile = rng.standard_normal((self.SIDE, self.SIDE), dtype=np.float32)
            tile = ndimage.gaussian_filter(tile, sigma, mode="wrap", truncate=3)
            self._tiles[name] = (tile - tile.mean()) / tile.std()

    def cut(self, name: str, shape: tuple[int, ...]) -> Field:
        """Return a piece of the named noise, (Y, X), at a random place of its tile."""
        oy, ox = self._rng.integers(0, self.SIDE, 2)
        rows = np.arange(oy, oy + shape[0]) % self.SIDE
        columns = np.arange(ox, ox + shape[1]) % self.SIDE
        piece: Field = self._tiles[name][rows[:, None], columns]
        return piece
