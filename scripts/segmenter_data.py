"""Training patches for `train_segmenter.py`: items with soft targets, geometric and colour augmentation.

A target has four channels, background, cytoplasm, nucleus and 'cell' (cytoplasm or nucleus, not parted), plus a
fifth that is one where the pixel counts; all interpolate, so edges stay sub-pixel at every scale.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_all.data.synthetic import STAINS, make_smear

BACKGROUND, CYTOPLASM, NUCLEUS, CELL, COUNTS = range(5)


@dataclass(frozen=True)
class Item:
    """One image with its target, at full, half and quarter resolution (uint8)."""

    name: str
    images: tuple[NDArray[np.uint8], ...]
    targets: tuple[NDArray[np.uint8], ...]
    diameter_px: float


def make_item(
    name: str, rgb: NDArray[np.uint8], codes: NDArray[np.uint8], ignore: NDArray[np.bool_], diameter_px: float
) -> Item:
    """Make an item from codes 0..3 (background, cytoplasm, nucleus, cell) and a mask of what does not count."""
    target = np.stack([codes == c for c in range(4)] + [~ignore], axis=-1).astype(np.uint8) * 255
    return Item(name, _pyramid(rgb), _pyramid(target), diameter_px)


def _pyramid(array: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], ...]:
    levels = [array]
    for _ in range(2):
        size = (max(1, levels[-1].shape[1] // 2), max(1, levels[-1].shape[0] // 2))
        levels.append(cv2.resize(levels[-1], size, interpolation=cv2.INTER_AREA))
    return tuple(levels)


def read_rgb(path: Path) -> NDArray[np.uint8]:
    return cv2.cvtColor(cv2.imread(str(path), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def load_zheng(folder: Path, folds: Sequence[int]) -> list[Item]:
    """Load wbc-zheng/datasetN; the fold of an image is its index by sorted file name, modulo 5."""
    items = []
    for index, path in enumerate(sorted((folder / "images").iterdir())):
        if index % 5 not in folds:
            continue
        rgb = read_rgb(path)
        codes = cv2.imread(str(folder / "masks" / path.name), cv2.IMREAD_GRAYSCALE)
        diameter = 2.0 * float(np.sqrt((codes > 0).sum() / np.pi))
        items.append(make_item(path.stem, rgb, codes, unlabelled_cells(rgb, codes, diameter), diameter))
    return items


def unlabelled_cells(rgb: NDArray[np.uint8], codes: NDArray[np.uint8], diameter_px: float) -> NDArray[np.bool_]:
    """Find white cells cut by the border, which wbc-zheng leaves out of its masks, with a wide margin.

    They have the colour of the labelled nucleus, touch the border and lie apart from the labelled cell.
    """
    lab = cv2.cvtColor(cv2.GaussianBlur(rgb, (0, 0), 1.0), cv2.COLOR_RGB2LAB).astype(np.float32)
    nucleus = np.median(lab[codes == 2], axis=0)
    ring = cv2.dilate((codes > 0).astype(np.uint8), np.ones((7, 7), np.uint8)) == 0
    limit = 0.33 * np.linalg.norm(nucleus - np.median(lab[ring], axis=0))
    like = (np.linalg.norm(lab - nucleus, axis=-1) < limit) & ring
    _, labels, stats, _ = cv2.connectedComponentsWithStats(like.astype(np.uint8))
    height, width = codes.shape
    found = np.zeros(codes.shape, np.uint8)
    for i, (x, y, w, h, area) in enumerate(stats):
        touches = x == 0 or y == 0 or x + w == width or y + h == height
        if i > 0 and touches and area > 0.01 * diameter_px**2:
            found[labels == i] = 1
    reach = 2 * int(0.3 * diameter_px) + 1
    grown = cv2.dilate(found, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))) > 0
    return grown & (codes == 0)


def load_whole_cells(images: Path, masks: Path) -> list[Item]:
    """Load fields with whole-cell label images `<stem>.tif|.png` and, beside them, `<stem>_ignore.png`."""
    items = []
    for path in sorted(p for p in masks.iterdir() if p.suffix in (".tif", ".png") and "_ignore" not in p.stem):
        stem = path.stem.removesuffix("_labels")
        found = next(iter(images.rglob(f"{stem}.jpg")))
        labels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        ignore_path = masks / f"{stem}_ignore.png"
        ignore = (
            cv2.imread(str(ignore_path), cv2.IMREAD_GRAYSCALE) > 0
            if ignore_path.exists()
            else np.zeros(labels.shape, bool)
        )
        areas = np.bincount(labels.ravel())[1:]
        if not (areas > 0).any():
            continue
        diameter = 2.0 * float(np.sqrt(np.median(areas[areas > 0]) / np.pi))
        codes = np.where(labels > 0, CELL, BACKGROUND).astype(np.uint8)
        items.append(make_item(stem, read_rgb(found), codes, ignore, diameter))
    return items


def paint_smears(count: int) -> list[Item]:
    """Paint synthetic smears in every stain; smudges do not count."""
    items = []
    for seed in range(count):
        diameter = float(np.random.default_rng((7, seed)).uniform(24.0, 64.0))
        smear = make_smear(seed, (320, 320), diameter, stain=sorted(STAINS)[seed % len(STAINS)])
        items.append(make_item(f"synthetic {seed}", smear.rgb, smear.classes, smear.smudges, diameter))
    return items


def fields_apart_from(reference: Path, groups_csv: Path) -> set[str]:
    """Return the stems of all fields that share no overlap group with a field of `reference`."""
    with groups_csv.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    scored = {path.stem for path in (reference / "images").iterdir()}
    taken = {row["overlap_group"] for row in rows if Path(row["file"]).stem in scored}
    return {Path(row["file"]).stem for row in rows if row["overlap_group"] not in taken}


def patch(
    item: Item, rng: np.random.Generator, size: int, cell_px: float, scales: tuple[float, float]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Cut a rotated, flipped, rescaled patch; return image (size, size, 3) and target (size, size, 5)."""
    spread = rng.uniform(*np.log(scales)) if rng.random() < 0.35 else rng.normal(0.0, 0.2)
    scale = float(np.clip(np.exp(spread), *scales)) * cell_px / item.diameter_px
    level = int(np.clip(np.floor(-np.log2(scale)), 0, 2))
    image, target = item.images[level], item.targets[level]
    scale *= 2.0**level
    height, width = image.shape[:2]
    half = 0.35 * size / scale
    centre = [
        rng.uniform(min(half, 0.5 * n), max(n - half, 0.5 * n)) + rng.normal(0.0, 0.08 * size / scale)
        for n in (width, height)
    ]
    angle = rng.uniform(0.0, 2.0 * np.pi)
    stretch = np.exp(rng.normal(0.0, 0.05, 2))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = turn @ np.diag(scale * stretch * np.array([rng.choice([-1.0, 1.0]), 1.0]))
    shift = np.array([size / 2, size / 2]) - matrix @ np.array(centre)
    affine = np.hstack([matrix, shift[:, None]])
    how = cv2.INTER_CUBIC if scale > 1.2 and rng.random() < 0.5 else cv2.INTER_LINEAR
    flags = {"dsize": (size, size), "borderMode": cv2.BORDER_REFLECT_101}
    return (
        cv2.warpAffine(image, affine, flags=how, **flags),
        cv2.warpAffine(target, affine, flags=cv2.INTER_LINEAR, **flags),
    )


def recolour(rgb: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Change stain, illumination, focus, noise and compression at random; uint8 in and out."""
    x = rgb.astype(np.float32) / 255.0
    strength = rng.choice([0.0, 0.35, 1.0], p=[0.15, 0.6, 0.25])
    if strength:
        if rng.random() < 0.6:  # stain: mix and scale optical densities
            density = -np.log(np.clip(x, 0.02, 1.0))
            mix = np.eye(3) + rng.normal(0.0, 0.10 * strength, (3, 3))
            gain = np.exp(rng.normal(0.0, 0.25 * strength, 3) + rng.normal(0.0, 0.15 * strength))
            x = np.exp(-np.clip(density @ (mix * gain).astype(np.float32), 0.0, 4.0))
        if rng.random() < 0.5:  # hue: turn about the grey axis
            x = x @ _hue_matrix(rng.normal(0.0, 0.35 * strength))
        gain = np.exp(rng.normal(0.0, 0.12 * strength, 3) + rng.normal(0.0, 0.10 * strength))
        gamma = np.exp(rng.normal(0.0, 0.2 * strength) + rng.normal(0.0, 0.06 * strength, 3))
        offset = rng.normal(0.0, 0.03 * strength, 3) + rng.normal(0.0, 0.04 * strength)
        x = np.clip(x * gain.astype(np.float32), 0.0, 1.0) ** gamma.astype(np.float32) + offset.astype(np.float32)
        if rng.random() < 0.3:  # uneven light
            size = x.shape[0]
            ramp = np.linspace(-1.0, 1.0, size, dtype=np.float32) * rng.normal(0.0, 0.08 * strength)
            x *= 1.0 + (ramp[:, None, None] if rng.random() < 0.5 else ramp[None, :, None])
    if rng.random() < 0.3:
        x = cv2.GaussianBlur(x, (0, 0), float(rng.uniform(0.4, 1.6)))
    elif rng.random() < 0.2:
        x = x + rng.uniform(0.2, 1.0) * (x - cv2.GaussianBlur(x, (0, 0), 1.2))
    if rng.random() < 0.3:
        x = x + rng.normal(0.0, rng.uniform(0.005, 0.03), x.shape).astype(np.float32)
    out = np.clip(x * 255.0 + 0.5, 0, 255).astype(np.uint8)
    if rng.random() < 0.15:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(40, 90))]
        out = cv2.imdecode(cv2.imencode(".jpg", out, quality)[1], cv2.IMREAD_COLOR)
    return out


def _hue_matrix(angle: float) -> NDArray[np.float32]:
    """Rotation of RGB about the grey axis (Rodrigues)."""
    cos, third = np.cos(angle), 1.0 / 3.0
    side = np.sqrt(third) * np.sin(angle)
    a, b, c = cos + third * (1 - cos), third * (1 - cos) - side, third * (1 - cos) + side
    return np.array([[a, b, c], [c, a, b], [b, c, a]], np.float32)
