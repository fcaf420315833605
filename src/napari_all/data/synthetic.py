"""Synthetic blood smears with known ground truth, for the demo, the sample data and the tests.

A smear is painted as optical density (what the stain absorbs), so overlapping red cells darken as they do under a
microscope, and then passes through simple optics: uneven light, blur, soft colour and noise. No real image is used.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_all.data._smear_paint import (
    WHITE_CELLS,
    Canvas,
    paint_platelet,
    paint_precipitate,
    paint_red_cell,
    paint_smudge,
    paint_white_cell,
)
from napari_all.data._smear_shapes import random_outline
from napari_all.data._smear_stains import FIELD_STAINS, STAINS
from napari_all.errors import UsageError, unknown_name
from napari_all.types import BoolMask, ClassesMap, LabelImage, RGBImage

RED_CELL_DIAMETER = 0.68
"""Diameter of a red cell as a share of a white cell's."""


@dataclass(frozen=True)
class SyntheticSmear:
    """A synthetic smear and the truth about it.

    Attributes
    ----------
    rgb
        (Y, X, 3) uint8.
    labels
        (Y, X) int32 whole white cells, 1..N in raster order of each cell's first pixel; smudges are not cells.
    classes
        (Y, X) uint8: 0 background, 1 cytoplasm, 2 nucleus; zero exactly where `labels` is zero.
    smudges
        (Y, X) bool: smudge cells, which a score should leave out.
    stain, seed
        What it was made with.
    """

    rgb: RGBImage
    labels: LabelImage
    classes: ClassesMap
    smudges: BoolMask
    stain: str
    seed: int


def make_smear(
    seed: int = 0,
    shape: tuple[int, int] = (512, 640),
    cell_diameter_px: float = 48.0,
    n_white: int | None = None,
    n_red: int | None = None,
    stain: str | None = None,
    *,
    touching: float = 0.35,
    n_smudges: int | None = None,
    n_platelets: int | None = None,
    n_precipitates: int | None = None,
    scale_bar: bool = True,
    blur_px: float | None = None,
    noise: float = 2.0,
    illumination: float | None = None,
) -> SyntheticSmear:
    """Paint a synthetic smear; the same arguments give the same smear.

    Parameters
    ----------
    seed
        Seed of everything that is drawn at random.
    shape
        (Y, X) in pixels, at least 32 each.
    cell_diameter_px
        Mean diameter of a white cell in pixels.
    n_white, n_red, n_smudges, n_platelets, n_precipitates
        How many of each; by default as many as suit the area. A single white cell stands in the middle.
    stain
        One of `STAINS`; by default the seed chooses one of `FIELD_STAINS` (seed 0: "purple-grey").
    touching
        Share of white cells placed against another one.
    scale_bar
        Whether a white box with a bar and its length in pixels covers the lower right corner (no cell is labelled
        there). Left out on images too small for it.
    blur_px, noise
        Standard deviation of the optical blur in pixels (by default in focus or slightly out of it) and of the
        noise in grey levels.
    illumination
        Fall of the light towards the corners, 0..1; by default slight.

    Raises
    ------
    UsageError
        Where the stain is unknown or the image is too small.
    """
    if min(shape) < 32 or cell_diameter_px < 8:
        raise UsageError(
            f"a smear of {shape[0]}x{shape[1]} px with cells of {cell_diameter_px:g} px cannot be painted; "
            f"use at least 32x32 px and cells of at least 8 px"
        )
    name = FIELD_STAINS[seed % len(FIELD_STAINS)] if stain is None else stain
    if name not in STAINS:
        raise unknown_name("stain", name, STAINS)
    rng = np.random.default_rng([seed, 20250])
    canvas = Canvas(shape, STAINS[name], rng, cell_diameter_px)
    per_cell = shape[0] * shape[1] / cell_diameter_px**2

    white = _place_white(rng, shape, cell_diameter_px, _count(n_white, per_cell, 0.06, rng), touching)
    for y, x in _place_red(rng, shape, cell_diameter_px, _count(n_red, per_cell, 0.75, rng), white):
        radius = cell_diameter_px * RED_CELL_DIAMETER / 2 * float(np.clip(rng.normal(1, 0.09), 0.7, 1.25))
        crenated = 0.05 if seed % 4 == 3 and rng.random() < 0.6 else 0.0
        paint_red_cell(canvas, random_outline(rng, y, x, radius, irregular=0.05, crenated=crenated))
    for y, x in _scatter(rng, shape, _count(n_smudges, per_cell, 0.01, rng)):
        paint_smudge(canvas, y, x, cell_diameter_px * rng.uniform(0.45, 0.85))
    for y, x in _scatter(rng, shape, _count(n_platelets, per_cell, 0.03, rng)):
        paint_platelet(canvas, y, x, cell_diameter_px * rng.uniform(0.05, 0.11))
    for y, x in _scatter(rng, shape, _count(n_precipitates, per_cell, 0.01, rng)):
        paint_precipitate(canvas, y, x, cell_diameter_px * rng.uniform(0.05, 0.3))
    kinds = rng.choice(list(WHITE_CELLS), len(white), p=list(WHITE_CELLS.values()))
    for (y, x, radius), kind in zip(white, kinds, strict=True):
        shrunk = radius * (0.78 if kind == "lymphocyte" else 1.0)
        paint_white_cell(canvas, random_outline(rng, y, x, shrunk, irregular=0.045), str(kind))

    rgb = _expose(canvas, blur_px, noise, illumination)
    return _finish(canvas, rgb, name, seed, scale_bar)


def sample_smears() -> dict[str, SyntheticSmear]:
    """Return the smears offered as sample data, by name."""
    return {
        "smear": make_smear(0),
        "crowded smear": make_smear(4, n_white=36, n_red=260, stain="blue", touching=0.7),
        "large cells": make_smear(8, cell_diameter_px=120, stain="pink", scale_bar=False),
        "small field": make_smear(3, (224, 224), 22.0, stain="purple-grey"),
    }


def _count(given: int | None, per_cell: float, share: float, rng: np.random.Generator) -> int:
    return given if given is not None else round(per_cell * share * rng.uniform(0.75, 1.25))


def _scatter(rng: np.random.Generator, shape: tuple[int, int], count: int) -> NDArray[np.float64]:
    return rng.uniform((0, 0), shape, (count, 2))


def _place_white(
    rng: np.random.Generator, shape: tuple[int, int], diameter: float, count: int, touching: float
) -> list[tuple[float, float, float]]:
    """Choose (y, x, radius) of the white cells: free places, or against an earlier cell."""
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
            if not (0 <= y < shape[0] and 0 <= x < shape[1]):
                continue
            if all(np.hypot(y - py, x - px) >= (radius + pr) * (1 + gap) for py, px, pr in placed):
                placed.append((float(y), float(x), float(radius)))
                break
    return placed


def _place_red(
    rng: np.random.Generator,
    shape: tuple[int, int],
    diameter: float,
    count: int,
    white: list[tuple[float, float, float]],
) -> list[tuple[float, float]]:
    """Choose (y, x) of the red cells: free places, overlaps now and then, and chains (rouleaux); not under white ones."""
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
                spot, closest = (
                    rng.uniform((-red / 2, -red / 2), (shape[0] + red / 2, shape[1] + red / 2)),
                    0.85,
                )
            clear = np.hypot(*(cells[:, :2] - spot).T) > cells[:, 2] + 0.38 * red
            apart = np.hypot(*(placed - spot).T) > closest * red
            if clear.all() and apart.all():
                placed = np.vstack([placed, spot])
                break
    return [(float(y), float(x)) for y, x in placed]


def _expose(canvas: Canvas, blur_px: float | None, noise: float, illumination: float | None) -> RGBImage:
    """Turn optical density into an image as a camera sees it."""
    rng, (height, width) = canvas.rng, canvas.shape
    fall = rng.uniform(0.02, 0.1) if illumination is None else illumination
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    cy, cx = rng.uniform(0.3, 0.7, 2)
    far = ((y / height - cy) ** 2 + (x / width - cx) ** 2) / 0.5
    light = np.asarray(canvas.stain.background, np.float32) * rng.uniform(0.985, 1.02, 3).astype(np.float32)
    image = light * np.exp(-canvas.density) * (1 - np.float32(fall) * far)[..., None]
    image += 1.2 * canvas.noise.cut("broad", canvas.shape)[..., None]
    sigma = (
        blur_px if blur_px is not None else 0.5 + canvas.diameter / 48 * float(rng.choice([0.15, 0.3, 0.8]))
    )
    if sigma > 0:
        image = cv2.GaussianBlur(image, (0, 0), sigma)
    grey = image.mean(-1, keepdims=True)
    colour = cv2.GaussianBlur(image - grey, (0, 0), 0.8)
    grain = cv2.GaussianBlur(rng.standard_normal((height, width), dtype=np.float32), (0, 0), 0.6) * 2
    result: RGBImage = np.clip(grey + colour + noise * grain[..., None] + 0.5, 0, 255).astype(np.uint8)
    return result


def _finish(canvas: Canvas, rgb: RGBImage, stain: str, seed: int, scale_bar: bool) -> SyntheticSmear:
    if scale_bar and min(canvas.shape) >= 128:
        box = _draw_scale_bar(rgb, (190, 30, 40) if seed % 3 == 1 else (20, 20, 20))
        for truth in (canvas.labels, canvas.classes, canvas.smudges):
            truth[box] = 0
    canvas.smudges[canvas.labels > 0] = False
    labels = _raster_order(canvas.labels)
    return SyntheticSmear(rgb, labels, canvas.classes, canvas.smudges, stain, seed)


def _draw_scale_bar(rgb: RGBImage, ink: tuple[int, int, int]) -> tuple[slice, slice]:
    """Draw a white box with a bar and its length in pixels; return the box."""
    height, width = rgb.shape[:2]
    tall, wide = max(12, height // 20), max(30, width // 8)
    top, left = height - tall - height // 60, width - wide - width // 50
    rgb[top : top + tall, left : left + wide] = 255
    base, length = top + int(tall * 0.86), int(wide * 0.84)
    start = left + (wide - length) // 2
    thick = max(1, height // 400)
    cv2.line(rgb, (start, base), (start + length, base), ink, thick)
    for end in (start, start + length):
        cv2.line(rgb, (end, base - tall // 6), (end, base), ink, thick)
    text = f"{length} px"
    size = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 1, 1)[0]
    scale = min(0.5 * tall / size[1], 0.8 * wide / size[0])
    origin = (left + int((wide - size[0] * scale) / 2), top + int(tall * 0.62))
    cv2.putText(rgb, text, origin, cv2.FONT_HERSHEY_SIMPLEX, scale, ink, thick, cv2.LINE_AA)
    return slice(top, top + tall), slice(left, left + wide)


def _raster_order(labels: LabelImage) -> LabelImage:
    """Renumber 1..N by each cell's first pixel, row by row."""
    values, first = np.unique(labels, return_index=True)
    order = values[np.argsort(first)]
    table = np.zeros(int(labels.max()) + 1, np.int32)
    table[order[order > 0]] = np.arange(1, np.count_nonzero(order) + 1)
    return table[labels]
