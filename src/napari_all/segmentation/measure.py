"""Measurements of cells, in pixels."""

from __future__ import annotations

import numpy as np
from skimage.measure import regionprops

from napari_all.classes import NUCLEUS
from napari_all.errors import MaskError
from napari_all.types import Cell, ClassesMap, LabelImage, Parts


def measure_cells(labels: LabelImage, classes: ClassesMap | None = None, parts: Parts = "cell") -> tuple[Cell, ...]:
    """Measure every cell, in the order of its label.

    Parameters
    ----------
    labels
        (Y, X) int32, 0 = background.
    classes
        (Y, X) uint8 classes map; needed for the nucleus measurements.
    parts
        With "nucleus+cytoplasm", nucleus area and nucleus/cell ratio (nucleus area / cell area) are given.

    Raises
    ------
    MaskError
        When `classes` has another shape than `labels`.
    """
    if classes is not None and classes.shape != labels.shape:
        raise MaskError(f"classes map is {classes.shape}, labels are {labels.shape}; give both of the same image")
    nuclei = classes == NUCLEUS if classes is not None and parts == "nucleus+cytoplasm" else None
    height, width = labels.shape
    cells = []
    for region in regionprops(labels):
        top, left, bottom, right = region.bbox
        area = int(region.area)
        nucleus = None
        if nuclei is not None:
            nucleus = int(np.count_nonzero(nuclei[region.slice] & region.image))
        cells.append(
            Cell(
                label=int(region.label),
                y=float(region.centroid[0]),
                x=float(region.centroid[1]),
                area_px=area,
                equivalent_diameter_px=float(region.equivalent_diameter_area),
                circularity=_circularity(area, float(region.perimeter_crofton)),
                eccentricity=float(region.eccentricity),
                solidity=float(region.solidity) if area > 2 else 1.0,
                nucleus_area_px=nucleus,
                nucleus_cell_ratio=None if nucleus is None else nucleus / area,
                touches_border=top == 0 or left == 0 or bottom == height or right == width,
            )
        )
    return tuple(cells)


def _circularity(area: int, perimeter: float) -> float:
    """4πA/P², 1 for a disc; the Crofton perimeter keeps small discs near 1 (pixel-edge counting does not)."""
    return min(1.0, 4 * np.pi * area / perimeter**2) if perimeter > 0 else 1.0
