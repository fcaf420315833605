"""Measurements of cells, in pixels: of all, or only of those that an edit touched."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.measure import grid_points_in_poly, perimeter_crofton

from napari_all.classes import NUCLEUS
from napari_all.errors import MaskError
from napari_all.segmentation.editing.index import CellIndex
from napari_all.segmentation.editing.windows import Window, touches_border
from napari_all.segmentation.instances import components, split_touching
from napari_all.segmentation.measure_image import certainty_of, colour_of, texture_of
from napari_all.types import BoolMask, Cell, ClassesMap, LabelImage, Parts, RGBImage

_LOBE_DEPTH = 0.12
"""Waist between two lobes, as a share of the smaller one's radius: as deep as that between two cells."""
_LOBE_SHARE = 0.08
"""A piece of the nucleus smaller than this share of it is no lobe."""


@dataclass(frozen=True)
class Measured:
    """What the cells of one image are measured on.

    Attributes
    ----------
    labels
        (Y, X) int32, 0 = background.
    classes
        (Y, X) uint8 classes map; needed for the measurements of nuclei.
    parts
        With "nucleus+cytoplasm", nuclei are measured.
    rgb
        (Y, X, 3) uint8; needed for colour and texture.
    uncertainty
        (Y, X) uint8, a network's doubt as in `Segmentation.uncertainty_map`; needed for the certainty.
    """

    labels: LabelImage
    classes: ClassesMap | None = None
    parts: Parts = "cell"
    rgb: RGBImage | None = None
    uncertainty: NDArray[np.uint8] | None = None

    def __post_init__(self) -> None:
        for name, plane in (("classes map", self.classes), ("image", self.rgb), ("uncertainty", self.uncertainty)):
            if plane is not None and plane.shape[:2] != self.labels.shape:
                raise MaskError(f"{name} is {plane.shape}, labels are {self.labels.shape}; give both of the same image")


def measure_cells(
    labels: LabelImage,
    classes: ClassesMap | None = None,
    parts: Parts = "cell",
    rgb: RGBImage | None = None,
    uncertainty: NDArray[np.uint8] | None = None,
) -> tuple[Cell, ...]:
    """Measure every cell, in the order of its label; the parameters are those of `Measured`.

    Raises
    ------
    MaskError
        When the arrays are of different shapes.
    """
    image = Measured(labels, classes, parts, rgb, uncertainty)
    cells = CellIndex(labels)
    return tuple(measure_cell(image, label, cells.window(label)) for label in cells)


def remeasured(
    known: Mapping[int, Cell], touched: Collection[int], image: Measured, cells: CellIndex
) -> dict[int, Cell]:
    """Return the cells of an image after an edit, by label in ascending order; only those it touched are measured.

    Parameters
    ----------
    known
        The cells before the edit, by label.
    touched
        The labels that it changed, made or ended, see `editing.touched`; a class that a person gave stays with its
        label.
    image, cells
        As they are after the edit.
    """
    result = {label: cell for label, cell in known.items() if label not in touched}
    for label in touched:
        if label in cells:
            fresh = measure_cell(image, label, cells.window(label))
            old = known.get(label)
            result[label] = fresh if old is None else replace(fresh, cell_class=old.cell_class)
    return dict(sorted(result.items()))


def with_classes(cells: Iterable[Cell], classes: Mapping[int, str]) -> tuple[Cell, ...]:
    """Return cells with the class that a person gave to each label; None where nobody did."""
    return tuple(replace(cell, cell_class=classes.get(cell.label)) for cell in cells)


def measure_cell(image: Measured, label: int, window: Window) -> Cell:
    """Measure one cell, given its bounding box."""
    mask = np.asarray(image.labels[window] == label)
    area, (y, x), eccentricity = _ellipse(mask)
    perimeter = float(perimeter_crofton(mask))
    nucleus, lobes = None, None
    if image.classes is not None and image.parts == "nucleus+cytoplasm":
        inside = (image.classes[window] == NUCLEUS) & mask
        nucleus, lobes = int(np.count_nonzero(inside)), _lobes(inside)
    rows, columns = window
    return Cell(
        label=label,
        y=y + rows.start,
        x=x + columns.start,
        area_px=area,
        equivalent_diameter_px=(4 * area / np.pi) ** 0.5,
        circularity=_circularity(area, perimeter),
        eccentricity=eccentricity,
        solidity=area / _hull_area(mask) if area > 2 else 1.0,
        nucleus_area_px=nucleus,
        nucleus_cell_ratio=None if nucleus is None else nucleus / area,
        touches_border=touches_border(window, image.labels.shape),
        perimeter_px=perimeter,
        nucleus_lobes=lobes,
        certainty=None if image.uncertainty is None else certainty_of(image.uncertainty[window], mask),
        **({} if image.rgb is None else _look(image.rgb[window], mask)),
    )


def _ellipse(mask: BoolMask) -> tuple[int, tuple[float, float], float]:
    """Return area, centroid (y, x) and the eccentricity of the ellipse of the same second moments.

    As `skimage.measure.regionprops`, in whole numbers and a tenth of its time: a batch waits for this.
    """
    y, x = np.nonzero(mask)
    area, down, right = y.size, int(y.sum()), int(x.sum())
    yy, xx, xy = (area * int(v @ w) - int(v.sum()) * int(w.sum()) for v, w in ((y, y), (x, x), (x, y)))
    apart = float(np.hypot(yy - xx, 2 * xy))
    eccentricity = (2 * apart / (yy + xx + apart)) ** 0.5 if yy + xx else 0.0
    return area, (down / area, right / area), eccentricity


def _hull_area(mask: BoolMask) -> int:
    """Return the area of the convex hull, as `skimage.morphology.convex_hull_image` has it: pixels are diamonds."""
    rows = np.flatnonzero(mask.any(axis=1))
    found = mask[rows]
    ends = np.concatenate([found.argmax(axis=1), mask.shape[1] - 1 - found[:, ::-1].argmax(axis=1)])
    middles = 2 * np.stack([np.tile(rows, 2), ends], axis=1).astype(np.int32)
    corners = np.concatenate([middles + step for step in np.array([(1, 0), (-1, 0), (0, 1), (0, -1)], np.int32)])
    return int(np.count_nonzero(grid_points_in_poly(mask.shape, cv2.convexHull(corners)[:, 0] / 2)))


def _look(rgb: RGBImage, mask: BoolMask) -> dict[str, Any]:
    return {**colour_of(rgb, mask), **texture_of(rgb, mask)}


def _circularity(area: int, perimeter: float) -> float:
    """4πA/P², 1 for a disc; the Crofton perimeter keeps small discs near 1 (pixel-edge counting does not)."""
    return min(1.0, 4 * np.pi * area / perimeter**2) if perimeter > 0 else 1.0


def _lobes(nucleus: BoolMask) -> int:
    """Count the pieces of a nucleus, parted at its waists; 0 without one."""
    area = np.count_nonzero(nucleus)
    if area == 0:
        return 0
    parts = split_touching(components(np.pad(nucleus, 1)), _LOBE_DEPTH, _LOBE_SHARE * area)
    return int(np.count_nonzero(np.bincount(parts.ravel())[1:] >= _LOBE_SHARE * area))
