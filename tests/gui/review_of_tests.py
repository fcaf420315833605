"""A small project of images that are made in no time, and a panel that has it open."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from napari_all.io.sidecar import Sidecar
from napari_all.project.create import create_project
from napari_all.project.planes import Pixels
from napari_all.project.predicting import take_prediction
from napari_all.project.project import Project

SHAPE = (64, 80)
IMAGES = ("a.png", "b.png", "c.png")
UNCERTAINTIES = {"a.png": 0.1, "b.png": 0.3}


def make_project(folder: Path) -> Path:
    """Make a project of three images; `a` has two cells, `b` has three and is the least certain, `c` has no labels."""
    (folder / "images").mkdir(parents=True)
    for number, name in enumerate(IMAGES):
        rgb = np.full((*SHAPE, 3), (240, 236, 240 - number), np.uint8)
        rgb[predicted(3).labels > 0] = (120, 60, 160)
        Image.fromarray(rgb).save(folder / "images" / name)
    create_project(folder / "project", folder / "images")
    with Project(folder / "project", "me", pause_s=0.01) as project:
        for cells, name in ((2, "a.png"), (3, "b.png")):
            sidecar = Sidecar(method="unet", parts="nucleus+cytoplasm", uncertainty=UNCERTAINTIES[name])
            take_prediction(project, name, predicted(cells), sidecar)
    return folder / "project"


def predicted(cells: int) -> Pixels:
    """Return planes with up to three cells: 1 and 2 touch, 3 is by itself."""
    labels = np.zeros(SHAPE, np.int32)
    labels[8:24, 8:24] = 1
    labels[8:24, 24:36] = 2 * (cells > 1)
    labels[40:56, 50:66] = 3 * (cells > 2)
    return Pixels.of(labels, np.where(labels > 0, 1 + (np.arange(SHAPE[1]) % 16 < 10), 0))
