"""Painters of synthetic smears: each draws one kind of object on a canvas of optical density."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from napari_all.classes import CYTOPLASM, NUCLEUS
from napari_all.data._smear_shapes import (
    Field,
    Noise,
    Outline,
    Patch,
    patch_around,
    random_outline,
    soft_step,
)
from napari_all.data._smear_stains import Stain
from napari_all.types import BoolMask


class Canvas:
    """A smear while it is being painted: optical density above the empty slide, and the truth about it.

    Attributes
    ----------
    density
        (Y, X, 3) float32 optical density.
    labels, classes, smudges
        (Y, X) int32, uint8 and bool: white cells in the order painted, their parts, and smudge cells.
    """

    def __init__(self, shape: tuple[int, int], stain: Stain, rng: np.random.Generator, diameter: float) -> None:
        self.shape = shape
        self.stain = stain
        self.rng = rng
        self.diameter = diameter
        self.noise = Noise(
            rng,
            {"fine": diameter / 75, "grain": diameter / 26, "clump": diameter / 13, "broad": diameter / 4},
        )
        self.density = np.zeros((*shape, 3), np.float32)
        self.labels = np.zeros(shape, np.int32)
        self.classes = np.zeros(shape, np.uint8)
        self.smudges = np.zeros(shape, np.bool_)
        self._painted = 0
        self._nearest = np.full(shape, np.inf, np.float32)

    def blend(self, patch: Patch, alpha: Field, density: Field) -> None:
        """Lay `density` (Y, X, 3) over the patch with opacity `alpha` (Y, X)."""
        view = self.density[patch.window]
        view += alpha[..., None] * (density - view)

    def claim(self, patch: Patch, rho: Field, radius: float) -> tuple[Field, BoolMask]:
        """Give the next label to the pixels with `rho` < 1 to which no earlier white cell is nearer.

        Returns the new cell's opacity and its pixels, both (Y, X) of the patch; `radius` is in pixels.
        """
        nearest = self._nearest[patch.window]
        own = (rho < 1) & (rho < nearest)
        alpha = soft_step((1 - rho) * radius) * soft_step((nearest - rho) * radius * 0.5)
        self.labels[patch.window][own] = self._painted = self._painted + 1
        self.classes[patch.window][own] = CYTOPLASM
        nearest[own] = rho[own]
        return alpha, own


def paint_red_cell(canvas: Canvas, outline: Outline) -> None:
    """Add a red cell: a biconcave disc (profile of Evans and Fung 1972); density adds up where cells overlap."""
    patch = patch_around(canvas.shape, outline.y, outline.x, outline.radius * 1.5)
    if patch is None:
        return
    rng, radius = canvas.rng, outline.radius
    pallor = float(np.clip(canvas.stain.pallor + rng.normal(0, 0.2), 0, 1))
    rho = outline.rho(patch.dy, patch.dx)
    tilt_y, tilt_x = rng.normal(0, 0.08, 2)
    inner = np.hypot(patch.dy / radius - tilt_y, patch.dx / radius - tilt_x)
    inner = np.minimum(np.maximum(inner, 0.5 * rho), 1)
    biconcave = np.sqrt(np.maximum(1.05 - inner**2, 0)) * (0.207 + 2.003 * inner**2 - 1.123 * inner**4) / 0.72
    thickness = (1 - pallor) * 0.85 + pallor * biconcave + 0.03 * canvas.noise.cut("clump", rho.shape)
    rim = 0.3 * np.exp(-(((rho - 0.94) * radius / (0.6 + 0.04 * radius)) ** 2))
    halo = 0.05 * np.exp(-(((rho - 1.08) * radius / 1.5) ** 2))
    amount = rng.uniform(0.75, 1.2) * soft_step((1 - rho) * radius, 1.2) * (thickness + rim) - halo
    view = canvas.density[patch.window]
    view += amount[..., None] * canvas.stain.density("red_cell") / (1 + 0.8 * view.mean(-1, keepdims=True))


def paint_smudge(canvas: Canvas, y: float, x: float, radius: float) -> None:
    """Add a smudge cell: a pale, ragged spill of nuclear material without a border."""
    patch = patch_around(canvas.shape, y, x, radius * 2.2)
    if patch is None:
        return
    rng = canvas.rng
    outline = random_outline(rng, y, x, radius, irregular=0.22)
    torn = canvas.noise.cut("clump", patch.dy.shape) * 0.07 + canvas.noise.cut("broad", patch.dy.shape) * 0.16
    rho = outline.rho(patch.dy, patch.dx) + torn
    alpha = soft_step((1 - rho) * radius, radius * rng.uniform(0.1, 0.35)) * np.float32(0.9)
    streaks = 1 + 0.16 * canvas.noise.cut("grain", rho.shape) + 0.15 * canvas.noise.cut("broad", rho.shape)
    density = streaks[..., None] * canvas.stain.density("smudge") * rng.uniform(0.8, 1.5)
    canvas.blend(patch, alpha, density)
    canvas.smudges[patch.window] |= alpha > 0.45


def paint_platelet(canvas: Canvas, y: float, x: float, radius: float) -> None:
    """Add a platelet: a small granular purple body."""
    patch = patch_around(canvas.shape, y, x, radius * 2)
    if patch is None:
        return
    outline = random_outline(canvas.rng, y, x, radius, irregular=0.2)
    alpha = soft_step((1 - outline.rho(patch.dy, patch.dx)) * radius, 1.6) * np.float32(0.8)
    grain = 0.9 + 0.3 * canvas.noise.cut("grain", patch.dy.shape)
    canvas.blend(patch, alpha, grain[..., None] * canvas.stain.density("platelet"))


def paint_precipitate(canvas: Canvas, y: float, x: float, spread: float) -> None:
    """Add a clump of stain precipitate: dark specks of a pixel or two."""
    rng = canvas.rng
    for _ in range(int(rng.integers(4, 26))):
        sy, sx = rng.normal((y, x), spread)
        radius = canvas.diameter * rng.uniform(0.012, 0.035)
        patch = patch_around(canvas.shape, sy, sx, radius * 2 + 2)
        if patch is None:
            continue
        alpha = soft_step(radius - np.hypot(patch.dy, patch.dx)) * np.float32(0.85)
        canvas.blend(patch, alpha, np.float32(1.25) * canvas.stain.density("nucleus"))


def paint_white_cell(canvas: Canvas, outline: Outline, kind: str) -> None:
    """Add a white cell of one of the `WHITE_CELLS`; sets its label and classes.

    Two cells that meet flatten against each other.
    """
    patch = patch_around(canvas.shape, outline.y, outline.x, outline.radius * 1.6)
    if patch is None:
        return
    rho = outline.rho(patch.dy, patch.dx) + 0.012 * canvas.noise.cut("clump", patch.dy.shape)
    alpha, own = canvas.claim(patch, rho, outline.radius)
    depth = nucleus_depth(canvas, patch, outline.radius, kind) * outline.radius
    nucleus = np.where(rho < 0.97, soft_step(depth, 1.4), 0)
    canvas.classes[patch.window][own & (nucleus > 0.5)] = NUCLEUS
    hue = canvas.rng.uniform(0.92, 1.08, 3).astype(np.float32)
    density = cytoplasm_density(canvas, rho, kind)
    density += nucleus[..., None] * (nucleus_density(canvas, depth, outline.radius, kind) - density)
    canvas.blend(patch, alpha, density * hue)


def cytoplasm_density(canvas: Canvas, rho: Field, kind: str) -> NDArray[np.float32]:
    """Return the density (Y, X, 3) of cytoplasm: darker at its border; with granules, or now and then vacuoles."""
    rng, stain, noise = canvas.rng, canvas.stain, canvas.noise
    pale = {"lobed": 0.62, "indented": 0.8}.get(kind, 1.0) * rng.uniform(0.85, 1.15)
    body = pale * (0.7 + 0.45 * np.clip(rho, 0, 1) ** 4) + 0.07 * noise.cut("grain", rho.shape)
    density = body[..., None] * stain.density("cytoplasm")
    if kind == "lobed":
        grains = soft_step(noise.cut("fine", rho.shape) - 0.7, 0.8) * 0.6
        density += grains[..., None] * (stain.density("granule") - density)
    elif rng.random() < 0.3:
        density *= 1 - 0.7 * soft_step(noise.cut("clump", rho.shape) - 1.9, 0.5)[..., None]
    return density.astype(np.float32)


def nucleus_density(canvas: Canvas, depth: Field, radius: float, kind: str) -> NDArray[np.float32]:
    """Return the density (Y, X, 3) of a nucleus: clumped chromatin, a darker membrane, nucleoli in blasts."""
    rng, noise, shape = canvas.rng, canvas.noise, depth.shape
    tone = {"blast": 0.85, "lymphocyte": 1.35, "lobed": 1.15, "indented": 0.9}[kind] * rng.uniform(0.82, 1.18)
    chromatin = 0.12 * noise.cut("grain", shape) + 0.1 * noise.cut("clump", shape)
    chromatin += 0.06 * noise.cut("fine", shape) + 0.05 * noise.cut("broad", shape)
    membrane = 0.16 * np.exp(-((depth / max(1.0, 0.06 * radius)) ** 2))
    nucleoli = 0.22 * soft_step(noise.cut("clump", shape) - 2.1, 0.6) if kind == "blast" else 0.0
    amount = tone * (1 + chromatin) + membrane - nucleoli
    return np.asarray(amount[..., None] * canvas.stain.density("nucleus"), np.float32)


WHITE_CELLS = {"blast": 0.6, "lymphocyte": 0.15, "lobed": 0.15, "indented": 0.1}
"""Kinds of white cell with how often each comes."""


def nucleus_depth(canvas: Canvas, patch: Patch, radius: float, kind: str) -> Field:
    """Return how deep each pixel lies inside the nucleus, in cell radii (negative outside)."""
    rng = canvas.rng
    dy, dx = patch.dy / np.float32(radius), patch.dx / np.float32(radius)
    if kind == "lobed":
        depth = _lobes(rng, dy, dx)
    else:
        low, high = {"blast": (0.8, 0.95), "lymphocyte": (0.82, 0.93), "indented": (0.74, 0.84)}[kind]
        size = rng.uniform(low, high)
        shift = rng.normal(0, 0.35 * (0.97 - size), 2)
        oval = random_outline(rng, float(shift[0]), float(shift[1]), size, irregular=0.06)
        depth = _inside(oval, dy, dx)
    if kind == "indented":
        angle, reach = rng.uniform(0, 2 * np.pi), rng.uniform(0.95, 1.15)
        bite = np.hypot(dy - reach * np.sin(angle), dx - reach * np.cos(angle)) - rng.uniform(0.5, 0.68)
        depth = -0.06 * np.logaddexp(-depth / 0.06, -bite / 0.06)
    return (depth + 0.03 * canvas.noise.cut("clump", dy.shape)).astype(np.float32)


def _inside(outline: Outline, dy: Field, dx: Field) -> Field:
    rho = outline.rho(dy - np.float32(outline.y), dx - np.float32(outline.x))
    return ((1 - rho) * outline.radius).astype(np.float32)


def _lobes(rng: np.random.Generator, dy: Field, dx: Field) -> Field:
    """Return the depth inside two to four blobs on an arc, joined by thin bridges."""
    count = int(rng.integers(2, 5))
    step, start = rng.uniform(0.9, 1.3) * (1.6 if count == 2 else 1.0), rng.uniform(0, 2 * np.pi)
    angles = start + step * np.arange(count)
    centres = np.stack([np.sin(angles), np.cos(angles)], 1) * rng.uniform(0.4, 0.48, (count, 1))
    depth = np.full(dy.shape, -9, np.float32)
    for y, x in centres:
        blob = random_outline(rng, float(y), float(x), rng.uniform(0.3, 0.38), irregular=0.12)
        depth = np.maximum(depth, _inside(blob, dy, dx))
    for (ay, ax), (by, bx) in pairwise(centres):
        along = ((dy - ay) * (by - ay) + (dx - ax) * (bx - ax)) / ((by - ay) ** 2 + (bx - ax) ** 2)
        along = np.clip(along, 0, 1)
        bridge = 0.1 - np.hypot(dy - (ay + along * (by - ay)), dx - (ax + along * (bx - ax)))
        depth = np.maximum(depth, bridge)
    return depth.astype(np.float32)
