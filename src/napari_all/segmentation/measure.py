"""Measurements of cells, in pixels: of all, or only of those that an edit touched."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.measure import regionprops

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
    (region,) = regionprops(mask.astype(np.uint8))
    area, perimeter = int(region.area), float(region.perimeter_crofton)
    nucleus, lobes = None, None
    if image.classes is not None and image.parts == "nucleus+cytoplasm":
        inside = (image.classes[window] == NUCLEUS) & mask
        nucleus, lobes = int(np.count_nonzero(inside)), _lobes(inside)
    rows, columns = window
    return Cell(
        label=label,
        y=float(region.centroid[0]) + rows.start,
        x=float(region.centroid[1]) + columns.start,
        area_px=area,
        equivalent_diameter_px=float(region.equivalent_diameter_area),
        circularity=_circularity(area, perimeter),
        eccentricity=float(region.eccentricity),
        solidity=float(region.solidity) if area > 2 else 1.0,
        nucleus_area_px=nucleus,
        nucleus_cell_ratio=None if nucleus is None else nucleus / area,
        touches_border=touches_border(window, image.labels.shape),
        perimeter_px=perimeter,
        nucleus_lobes=lobes,
        certainty=None if image.uncertainty is None else certainty_of(image.uncertainty[window], mask),
        **({} if image.rgb is None else _look(image.rgb[window], mask)),
    )


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
