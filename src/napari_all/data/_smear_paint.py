"""Painters of synthetic smears: each draws one kind of object on a canvas of optical density."""

from __future__ import annotations

import numpy as np

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


class Canvas:
    """A smear while it is being painted: optical density above the empty slide, and the truth about it.

    Attributes
    ----------
    density
        (Y, X, 3) float32 optical density.
    labels, classes, smudges
        (Y, X) int32, uint8 and bool: white cells in the order painted, their parts, and smudge cells.
    """

    def __init__(
        self, shape: tuple[int, int], stain: Stain, rng: np.random.Generator, diameter: float
    ) -> None:
        self.shape = shape
        self.stain = stain
        self.rng = rng
        self.diameter = diameter
        self.noise = Noise(
            rng,
            {"fine": diameter / 55, "grain": diameter / 26, "clump": diameter / 13, "broad": diameter / 4},
        )
        self.density = np.zeros((*shape, 3), np.float32)
        self.labels = np.zeros(shape, np.int32)
        self.classes = np.zeros(shape, np.uint8)
        self.smudges = np.zeros(shape, np.bool_)
        self._nearest = np.full(shape, np.inf, np.float32)

    def blend(self, patch: Patch, alpha: Field, density: Field) -> None:
        """Lay `density` (Y, X, 3) over the patch with opacity `alpha` (Y, X)."""
        view = self.density[patch.window]
        view += alpha[..., None] * (density - view)

    def claim(self, patch: Patch, rho: Field, edge: float) -> Field:
        """Give the next label to the pixels where `rho` < 1 and no earlier white cell is nearer; return its opacity.

        `edge` is the cell's radius in pixels. Two cells that meet flatten against each other.
        """
        nearest = self._nearest[patch.window]
        share = soft_step((nearest - rho) * edge * 0.5)
        own = (rho < 1) & (rho < nearest)
        self.labels[patch.window][own] = self.labels.max() + 1
        self.classes[patch.window][own] = CYTOPLASM
        nearest[own] = rho[own]
        return soft_step((1 - rho) * edge) * share


def paint_red_cell(canvas: Canvas, outline: Outline) -> None:
    """Add a red cell: a biconcave disc (profile of Evans and Fung 1972) whose density adds up where cells overlap."""
    patch = patch_around(canvas.shape, outline.y, outline.x, outline.radius * 1.5)
    if patch is None:
        return
    rng, pallor = canvas.rng, float(np.clip(canvas.stain.pallor + canvas.rng.normal(0, 0.2), 0, 1))
    rho = outline.rho(patch.dy, patch.dx)
    disc = soft_step((1 - rho) * outline.radius, 1.5)
    tilt_y, tilt_x = rng.normal(0, 0.08, 2)
    inner = np.hypot(patch.dy / outline.radius - tilt_y, patch.dx / outline.radius - tilt_x)
    inner = np.minimum(np.maximum(inner, 0.5 * rho), 1).astype(np.float32)
    biconcave = np.sqrt(np.maximum(1.05 - inner**2, 0)) * (0.207 + 2.003 * inner**2 - 1.123 * inner**4) / 0.72
    thickness = (1 - pallor) * 0.85 + pallor * biconcave
    rim = 0.22 * np.exp(-(((rho - 0.96) * outline.radius / 1.3) ** 2))
    halo = -0.06 * np.exp(-(((rho - 1.08) * outline.radius / 1.5) ** 2))
    amount = (
        rng.uniform(0.75, 1.15)
        * (disc * (thickness + 0.03 * canvas.noise.cut("clump", rho.shape)) + rim * disc)
        + halo
    )
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
    """Add a white cell: cytoplasm with granules and vacuoles, nucleus with chromatin; sets its label and classes.

    `kind` is one of `WHITE_CELLS`.
    """
    patch = patch_around(canvas.shape, outline.y, outline.x, outline.radius * 1.6)
    if patch is None:
        return
    rng, stain, noise = canvas.rng, canvas.stain, canvas.noise
    rho = outline.rho(patch.dy, patch.dx) + 0.012 * noise.cut("clump", patch.dy.shape)
    alpha = canvas.claim(patch, rho, outline.radius)
    mine = canvas.labels[patch.window] == canvas.labels.max()
    inside = nucleus_depth(canvas, patch, outline, kind) * outline.radius
    nucleus = np.where(rho < 0.97, soft_step(inside, 1.4), 0).astype(np.float32)
    canvas.classes[patch.window][mine & (nucleus > 0.5)] = NUCLEUS

    pale = {"lobed": 0.62, "indented": 0.8}.get(kind, 1.0) * rng.uniform(0.85, 1.15)
    body = pale * (0.72 + 0.4 * np.clip(rho, 0, 1) ** 3) + 0.07 * noise.cut("grain", rho.shape)
    density = body[..., None] * stain.density("cytoplasm")
    if kind == "lobed":
        grains = soft_step(noise.cut("fine", rho.shape) - 0.6, 0.8) * np.float32(0.5)
        density = density + grains[..., None] * (stain.density("granule") - density)
    elif rng.random() < 0.3:
        vacuoles = soft_step(noise.cut("clump", rho.shape) - 1.9, 0.5)
        density = density * (1 - 0.7 * vacuoles[..., None])

    chromatin = (
        0.12 * noise.cut("grain", rho.shape)
        + 0.1 * noise.cut("clump", rho.shape)
        + 0.06 * noise.cut("fine", rho.shape)
    )
    membrane = 0.14 * np.exp(-((inside / max(1.0, 0.05 * outline.radius)) ** 2))
    nucleolus = 0.22 * soft_step(noise.cut("clump", rho.shape) - 2.1, 0.6) if kind == "blast" else 0.0
    depth = {"blast": 0.95, "lymphocyte": 1.35, "lobed": 1.15, "indented": 0.95}[kind] * rng.uniform(
        0.85, 1.15
    )
    core = (depth * (1 + chromatin) + membrane - nucleolus)[..., None] * stain.density("nucleus")
    canvas.blend(patch, alpha, density + nucleus[..., None] * (core - density))


WHITE_CELLS = {"blast": 0.6, "lymphocyte": 0.15, "lobed": 0.15, "indented": 0.1}
"""Kinds of white cell with how often each comes."""


def nucleus_depth(canvas: Canvas, patch: Patch, outline: Outline, kind: str) -> Field:
    """Return how deep each pixel lies inside the nucleus, in cell radii (negative outside).

    The lobes of a lobed nucleus are blobs on an arc joined by thin bridges; an indented one lacks a bite.
    """
    rng = canvas.rng
    wobble = 0.03 * canvas.noise.cut("clump", patch.dy.shape)
    dy, dx = patch.dy / outline.radius, patch.dx / outline.radius
    if kind == "lobed":
        return _lobes(rng, dy, dx) + wobble
    size = {
        "blast": rng.uniform(0.8, 0.95),
        "lymphocyte": rng.uniform(0.82, 0.93),
        "indented": rng.uniform(0.72, 0.82),
    }[kind]
    shift = rng.normal(0, 0.35 * (0.97 - size), 2)
    tilt = random_outline(rng, 0, 0, size, irregular=0.05)
    depth = (1 - tilt.rho(dy - np.float32(shift[0]), dx - np.float32(shift[1]))) * size
    if kind == "indented":
        angle = rng.uniform(0, 2 * np.pi)
        bite = np.hypot(dy - 0.75 * np.sin(angle), dx - 0.75 * np.cos(angle)) - rng.uniform(0.35, 0.5)
        depth = np.minimum(depth, bite)
    result: Field = (depth + wobble).astype(np.float32)
    return result


def _lobes(rng: np.random.Generator, dy: Field, dx: Field) -> Field:
    count = int(rng.integers(2, 5))
    step, start = rng.uniform(0.9, 1.3) * (1.6 if count == 2 else 1.0), rng.uniform(0, 2 * np.pi)
    angles = start + step * np.arange(count)
    centres = np.stack([np.sin(angles), np.cos(angles)], 1) * rng.uniform(0.4, 0.48, (count, 1))
    depth = np.full(dy.shape, -9, np.float32)
    for cy, cx in centres:
        lobe = random_outline(rng, 0, 0, rng.uniform(0.3, 0.38), irregular=0.12)
        depth = np.maximum(depth, (1 - lobe.rho(dy - np.float32(cy), dx - np.float32(cx))) * lobe.radius)
    for (ay, ax), (by, bx) in zip(centres[:-1], centres[1:], strict=True):
        length2 = (by - ay) ** 2 + (bx - ax) ** 2
        along = np.clip(((dy - ay) * (by - ay) + (dx - ax) * (bx - ax)) / length2, 0, 1)
        bridge = 0.1 - np.hypot(dy - (ay + along * (by - ay)), dx - (ax + along * (bx - ax)))
        depth = np.maximum(depth, bridge)
    return depth.astype(np.float32)
