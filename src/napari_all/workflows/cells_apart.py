"""Images taken apart into their white cells and what lies under them: by the audit, and to train a classifier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_all.data.dataset import LabelledImage
from napari_all.data.transforms import resized
from napari_all.data.views import View
from napari_all.evaluation.exchange import without_cells
from napari_all.io.images import read_image
from napari_all.monitor import Monitor
from napari_all.types import BoolMask, RGBImage
from napari_all.workflows.segment import SegmentConfig, make_config, segment_image

if TYPE_CHECKING:
    from napari_all.training.background import CellsApart


@dataclass(frozen=True)
class Apart:
    """White cells (Y, X) bool of an image, itself without any (Y, X, 3) uint8, and the share that was filled."""

    cells: BoolMask
    emptied: RGBImage
    covered: float


def take_apart(rgb: RGBImage, config: SegmentConfig) -> Apart:
    """Segment and empty an image (Y, X, 3) uint8.

    What is removed is what the method calls a cell or a smudge cell, and what stands out by its colour (method `lab`):
    no nucleus may stay behind.
    """
    found = segment_image(rgb, config)
    cells = found.labels > 0
    gone = cells | (segment_image(rgb, make_config("lab")).labels > 0)
    if found.smudges is not None:
        gone |= found.smudges > 0
    return Apart(cells, without_cells(rgb, gone), float(gone.mean()))


def take_all_apart(images: Sequence[LabelledImage], view: View, size_px: int, monitor: Monitor) -> CellsApart:
    """Take images apart with the default method, as a network sees them through a view whose last channel is a mask.

    Raises
    ------
    ImageError
        A file cannot be read.
    Cancelled
        The monitor asks to stop; it takes some 0.5 s per image.
    """
    from napari_all.training.background import CellsApart

    cells = np.empty((len(images), size_px, size_px), np.uint8)
    emptied = np.empty((len(images), size_px, size_px, 3), np.uint8)
    covered = np.empty(len(images), np.float32)
    config = SegmentConfig()
    for i, image in enumerate(images):
        monitor.raise_if_cancelled()
        monitor.report("cells and backgrounds", i, len(images))
        apart = take_apart(read_image(image.path)[1], config)
        cells[i] = resized(apart.cells.astype(np.uint8) * 255, size_px)
        emptied[i] = view.make(apart.emptied, size_px)[..., :3]
        covered[i] = apart.covered
    monitor.report("cells and backgrounds", len(images), len(images))
    return CellsApart(cells, emptied, covered)
