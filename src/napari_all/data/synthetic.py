"""Synthetic blood smears with known ground truth, for the demo, the sample data and the tests.

A smear is painted as optical density (what the stain absorbs), so that overlapping red cells darken as they do under
a microscope; then it passes through simple optics: uneven light, blur, soft colour and noise. No real image is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_all.data._smear_layout import RED_CELL_DIAMETER, place_red, place_white, scatter
from napari_all.data._smear_optics import draw_scale_bar, expose, scale_bar_box
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

__all__ = ["SAMPLES", "STAINS", "SyntheticSmear", "make_smear", "sample_smear"]


@dataclass(frozen=True)
class SyntheticSmear:
    """A synthetic smear and the truth about it.

    Attributes
    ----------
    rgb
        (Y, X, 3) uint8.
    labels
        (Y, X) int32 whole white cells, 1..N in raster order of each first pixel; smudges are not cells.
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
    noise: float = 1.2,
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
        How many of each to place; by default as many as suit the area. Fewer white and red cells are painted where
        no more fit. A single white cell stands in the middle.
    stain
        One of `STAINS`; by default the seed chooses one of `FIELD_STAINS` (seed 0: "purple-grey").
    touching
        Share of white cells placed against another one.
    scale_bar
        Whether a white box with a bar and its length in pixels covers the lower right corner, where no cell is
        labelled then. Left out of images under 128 px.
    blur_px, noise
        Standard deviation of the optical blur in pixels (by default in focus or slightly out of it) and of
        the noise in grey levels.
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

    bar = scale_bar_box(shape) if scale_bar and min(shape) >= 128 else None
    corner = shape if bar is None else (bar[0].start, bar[1].start)
    n_white = _count(n_white, per_cell, 0.08, rng)
    white = place_white(rng, shape, cell_diameter_px, n_white, touching, corner)
    for y, x in place_red(rng, shape, cell_diameter_px, _count(n_red, per_cell, 0.95, rng), white):
        radius = cell_diameter_px * RED_CELL_DIAMETER / 2 * float(np.clip(rng.normal(1, 0.09), 0.7, 1.25))
        crenated = 0.05 if seed % 4 == 3 and rng.random() < 0.6 else 0.0
        paint_red_cell(canvas, random_outline(rng, y, x, radius, irregular=0.05, crenated=crenated))
    for y, x in scatter(rng, shape, _count(n_smudges, per_cell, 0.01, rng)):
        paint_smudge(canvas, y, x, cell_diameter_px * rng.uniform(0.45, 0.85))
    for y, x in scatter(rng, shape, _count(n_platelets, per_cell, 0.03, rng)):
        paint_platelet(canvas, y, x, cell_diameter_px * rng.uniform(0.05, 0.11))
    for y, x in scatter(rng, shape, _count(n_precipitates, per_cell, 0.01, rng)):
        paint_precipitate(canvas, y, x, cell_diameter_px * rng.uniform(0.05, 0.3))
    kinds = rng.choice(list(WHITE_CELLS), len(white), p=list(WHITE_CELLS.values()))
    for (y, x, radius), kind in zip(white, kinds, strict=True):
        shrunk = radius * (0.78 if kind == "lymphocyte" else 1.0)
        paint_white_cell(canvas, random_outline(rng, y, x, shrunk, irregular=0.055), str(kind))

    rgb = expose(canvas, blur_px, noise, illumination)
    if bar is not None:
        draw_scale_bar(rgb, bar, (190, 30, 40) if seed % 3 == 1 else (20, 20, 20))
        for truth in (canvas.labels, canvas.classes, canvas.smudges):
            truth[bar] = 0
    canvas.smudges[canvas.labels > 0] = False
    return SyntheticSmear(rgb, _raster_order(canvas.labels), canvas.classes, canvas.smudges, name, seed)


SAMPLES: dict[str, dict[str, Any]] = {
    "smear": {"seed": 0},
    "crowded smear": {"seed": 4, "n_white": 36, "n_red": 260, "stain": "blue", "touching": 0.7},
    "large cells": {
        "seed": 8,
        "cell_diameter_px": 112.0,
        "n_white": 7,
        "n_red": 24,
        "stain": "pink",
        "scale_bar": False,
    },
    "small field": {"seed": 3, "shape": (224, 224), "cell_diameter_px": 22.0, "stain": "purple-grey"},
}
"""Arguments of the smears offered as sample data, by name."""


def sample_smear(name: str = "smear") -> SyntheticSmear:
    """Paint one of the `SAMPLES`.

    Raises
    ------
    UsageError
        Where there is no sample of that name.
    """
    if name not in SAMPLES:
        raise unknown_name("sample", name, SAMPLES)
    return make_smear(**SAMPLES[name])


def _count(given: int | None, per_cell: float, share: float, rng: np.random.Generator) -> int:
    return given if given is not None else round(per_cell * share * rng.uniform(0.75, 1.25))


def _raster_order(labels: LabelImage) -> LabelImage:
    """Renumber 1..N by each cell's first pixel, row by row."""
    values, first = np.unique(labels, return_index=True)
    order = values[np.argsort(first)]
    table = np.zeros(int(labels.max()) + 1, np.int32)
    table[order[order > 0]] = np.arange(1, np.count_nonzero(order) + 1)
    return table[labels]
