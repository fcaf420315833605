"""Images with soft targets, ready to cut training patches from.

A target has six channels, each 0..255: background, cytoplasm, nucleus, 'cell' (cytoplasm or nucleus, not parted),
smudge, and whether the pixel counts. All interpolate, so edges stay sub-pixel at every scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_all.data.synthetic import STAINS, make_smear
from napari_all.types import BoolMask, RGBImage

BACKGROUND, CYTOPLASM, NUCLEUS, CELL, SMUDGE, COUNTS = range(6)
"""Codes of a mask of codes (the first five), and channels of a target."""
CODE_NAMES = ("background", "cytoplasm", "nucleus", "cell", "smudge")


@dataclass(frozen=True)
class MaskItem:
    """One image with its target, at full, half and quarter resolution.

    Attributes
    ----------
    name
        For people and for the split.
    images, targets
        (Y, X, 3) and (Y, X, 6) uint8 per level.
    diameter_px
        Typical cell diameter at full resolution; None for an image without cells.
    """

    name: str
    images: tuple[NDArray[np.uint8], ...]
    targets: tuple[NDArray[np.uint8], ...]
    diameter_px: float | None

    @property
    def rgb(self) -> RGBImage:
        """The image at full resolution."""
        return self.images[0]

    @property
    def codes(self) -> NDArray[np.uint8]:
        """(Y, X) uint8 codes at full resolution."""
        return np.asarray(self.targets[0][..., :COUNTS].argmax(axis=-1), dtype=np.uint8)

    @property
    def ignore(self) -> BoolMask:
        """(Y, X) bool, pixels that do not count."""
        return np.asarray(self.targets[0][..., COUNTS] == 0)


def make_item(
    name: str, rgb: RGBImage, codes: NDArray[np.uint8], ignore: BoolMask, diameter_px: float | None = None
) -> MaskItem:
    """Make an item from an image, its (Y, X) codes and a mask of what does not count.

    Without `diameter_px` the diameter is measured on the codes.
    """
    target = np.stack([codes == code for code in range(COUNTS)] + [~ignore], axis=-1).astype(np.uint8) * np.uint8(255)
    if diameter_px is None:
        diameter_px = typical_diameter((codes == CYTOPLASM) | (codes == NUCLEUS) | (codes == CELL))
    return MaskItem(name, _pyramid(rgb), _pyramid(target), diameter_px)


def typical_diameter(cells: NDArray[np.integer] | BoolMask) -> float | None:
    """Return the area-weighted median diameter (px) of the cells of a (Y, X) label image or mask; None without any.

    In a mask, touching cells count as one; the diameter of such a clump is that of its largest inscribed disc.
    """
    if cells.dtype == bool:
        _, labels = cv2.connectedComponents(cells.astype(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    else:
        labels = np.unique(cells, return_inverse=True)[1].reshape(cells.shape).astype(np.int32)  # numbers have gaps
        labels += int(cells.min() > 0)
    areas = np.bincount(labels.ravel())[1:].astype(float)
    if not areas.any():
        return None
    padded = np.pad(labels > 0, 1).astype(np.uint8)
    inside = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    radius = np.zeros(len(areas) + 1)
    np.maximum.at(radius, np.asarray(labels, np.intp).ravel(), inside.ravel())
    diameters = np.minimum(2.0 * np.sqrt(areas / np.pi), 2.4 * radius[1:])
    order = np.argsort(diameters)
    reached = np.cumsum(areas[order])
    return float(diameters[order][np.searchsorted(reached, reached[-1] / 2)])


def painted_items(count: int) -> list[MaskItem]:
    """Paint synthetic smears in every stain, with smudges; the same ones for the same count."""
    items = []
    for seed in range(count):
        diameter = float(np.random.default_rng((7, seed)).uniform(24.0, 64.0))
        smear = make_smear(seed, (320, 320), diameter, stain=sorted(STAINS)[seed % len(STAINS)])
        codes = np.where(smear.smudges & (smear.classes == 0), np.uint8(SMUDGE), smear.classes)
        items.append(make_item(f"synthetic {seed}", smear.rgb, codes, np.zeros(codes.shape, bool), diameter))
    return items


def codes_present(items: Sequence[MaskItem]) -> set[int]:
    """Return the codes that occur in any item."""
    return {code for item in items for code in np.unique(item.codes).tolist()}


def resized(array: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Resize (Y, X, C) uint8, C a multiple of three, to `size` (width, height); averages where it shrinks."""
    how = cv2.INTER_AREA if size[0] < array.shape[1] else cv2.INTER_LINEAR
    # OpenCV resizes four channels at most
    threes = [np.ascontiguousarray(array[..., i : i + 3]) for i in range(0, array.shape[2], 3)]
    return np.concatenate([np.asarray(cv2.resize(t, size, interpolation=how), dtype=np.uint8) for t in threes], axis=-1)


def _pyramid(array: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], ...]:
    levels = [array]
    for _ in range(2):
        size = (max(1, levels[-1].shape[1] // 2), max(1, levels[-1].shape[0] // 2))
        levels.append(resized(levels[-1], size))
    return tuple(levels)
