"""Small projects of images that are made in no time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from napari_all.io.sidecar import Sidecar
from napari_all.project.change import Change, diff_planes
from napari_all.project.planes import Pixels

SHAPE = (24, 32)
IMAGES = ("a.png", "b.png", "sub/c.png")


def write_images(folder: Path, names: tuple[str, ...] = IMAGES) -> None:
    """Write images that differ from each other."""
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((*SHAPE, 3), 200 + number, np.uint8)).save(folder / name)


def cells(*boxes: tuple[int, int, int]) -> Pixels:
    """Return planes with a square cell for each (label, top, left)."""
    labels = np.zeros(SHAPE, np.int32)
    for label, top, left in boxes:
        labels[top : top + 6, left : left + 6] = label
    return Pixels.of(labels)


PREDICTED = cells((1, 2, 2), (2, 2, 12), (3, 12, 4))
SIDECAR = Sidecar(method="unet", model="net", model_sha256="ab" * 32, parts="nucleus+cytoplasm", uncertainty=0.25)


def painted(pixels: Pixels, label: int, top: int, left: int, size: int = 4) -> Change:
    """Return the change that paints a square, and paint it."""
    before = pixels.copy()
    where = (slice(top, top + size), slice(left, left + size))
    pixels.labels[where], pixels.classes[where] = label, np.where(label, 2, 0)
    return Change("paint", diff_planes(before, pixels), cell=label)
