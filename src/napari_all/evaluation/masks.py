"""How well a predicted mask fits a reference mask: Dice of pixels, F1 of cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from napari_all.classes import BACKGROUND, NUCLEUS
from napari_all.errors import MaskError
from napari_all.types import BoolMask, ClassesMap, LabelImage

MATCH_IOU = 0.5
SMALL_BORDER_PX = 60


def dice(predicted: BoolMask, reference: BoolMask, ignore: BoolMask | None = None) -> float:
    """Return 2|P∩R| / (|P| + |R|) of two (Y, X) masks; 1 when both are empty.

    Parameters
    ----------
    ignore
        (Y, X) bool, pixels left out on both sides.
    """
    _check_shapes(predicted, reference, ignore)
    keep = np.ones_like(reference) if ignore is None else ~ignore
    both = np.count_nonzero(predicted & reference & keep)
    total = np.count_nonzero(predicted & keep) + np.count_nonzero(reference & keep)
    return 1.0 if total == 0 else 2 * both / total


def nucleus_cell_ratio_error(
    predicted: ClassesMap, reference: ClassesMap, ignore: BoolMask | None = None
) -> float | None:
    """Return how far the nucleus/cell ratio (nucleus area / cell area) of a field is off, 0..1.

    The areas are summed over the field's cells; a prediction without any cell has the ratio 0.

    Parameters
    ----------
    predicted, reference
        (Y, X) uint8 classes maps: 0 background, 1 cytoplasm, 2 nucleus.
    ignore
        (Y, X) bool, pixels left out on both sides.

    Returns
    -------
    float or None
        None where the reference holds no cell.
    """
    _check_shapes(predicted, reference, ignore)
    keep = np.ones(reference.shape, np.bool_) if ignore is None else ~ignore
    ratios = []
    for classes in (predicted, reference):
        cell = np.count_nonzero(classes[keep] != BACKGROUND)
        ratios.append(np.count_nonzero(classes[keep] == NUCLEUS) / cell if cell else None)
    found, true = ratios
    return None if true is None else abs((found or 0.0) - true)


@dataclass(frozen=True)
class CellCounts:
    """Cells found (hits), missed and falsely predicted; sums of fields are counts of the set."""

    hits: int = 0
    missed: int = 0
    false: int = 0

    def __add__(self, other: CellCounts) -> CellCounts:
        return CellCounts(self.hits + other.hits, self.missed + other.missed, self.false + other.false)

    @property
    def f1(self) -> float:
        """2·hits / (2·hits + missed + false); 1 when there was nothing to find and nothing was predicted."""
        total = 2 * self.hits + self.missed + self.false
        return 1.0 if total == 0 else 2 * self.hits / total

    @property
    def precision(self) -> float:
        """Share of the predicted cells that are cells; 1 when none was predicted."""
        total = self.hits + self.false
        return 1.0 if total == 0 else self.hits / total

    @property
    def recall(self) -> float:
        """Share of the reference cells that were found; 1 when there is none."""
        total = self.hits + self.missed
        return 1.0 if total == 0 else self.hits / total


def count_cells(predicted: LabelImage, reference: LabelImage, ignore: BoolMask | None = None) -> CellCounts:
    """Match predicted and reference cells one to one and count.

    Pixels of `ignore` are left out on both sides; a pair matches from IoU 0.5 on. Cells under 60 px that touch the
    border and cells mostly inside `ignore` count neither as hit nor as miss nor as false. In a matched pair the
    reference cell decides whether it counts.

    Parameters
    ----------
    predicted, reference
        (Y, X) integer labels, 0 = background.
    """
    _check_shapes(predicted, reference, ignore)
    predicted, predicted_counts = _compact(predicted, ignore)
    reference, reference_counts = _compact(reference, ignore)
    iou = _iou(predicted, reference, ignore, len(predicted_counts), len(reference_counts))
    rows, columns = linear_sum_assignment(np.where(iou >= MATCH_IOU, iou, 0), maximize=True)
    matched = iou[rows, columns] >= MATCH_IOU
    found, finders = columns[matched], rows[matched]
    unmatched_predictions = np.delete(predicted_counts, finders)
    unmatched_references = np.delete(reference_counts, found)
    return CellCounts(
        hits=int(reference_counts[found].sum()),
        missed=int(unmatched_references.sum()),
        false=int(unmatched_predictions.sum()),
    )


def _compact(labels: LabelImage, ignore: BoolMask | None) -> tuple[LabelImage, NDArray[np.bool_]]:
    """Number the cells 1..N and tell for each whether it counts."""
    values, inverse = np.unique(labels, return_inverse=True)
    compact = inverse.reshape(labels.shape).astype(np.int32)
    if values[0] != 0:
        compact += 1
    area = np.bincount(compact.ravel())[1:]
    border = np.concatenate((compact[0], compact[-1], compact[:, 0], compact[:, -1]))
    at_border = np.isin(np.arange(1, len(area) + 1), border)
    counts = ~(at_border & (area < SMALL_BORDER_PX))
    if ignore is not None:
        ignored = np.bincount(compact[ignore], minlength=len(area) + 1)[1:]
        counts &= 2 * ignored <= area
    return compact, counts


def _iou(
    predicted: LabelImage, reference: LabelImage, ignore: BoolMask | None, rows: int, columns: int
) -> NDArray[np.float64]:
    """Return (rows, columns) intersection over union of every pair."""
    if ignore is not None:
        predicted, reference = predicted[~ignore], reference[~ignore]
    pairs = predicted.ravel().astype(np.int64) * (columns + 1) + reference.ravel()
    table = np.bincount(pairs, minlength=(rows + 1) * (columns + 1)).reshape(rows + 1, columns + 1)
    union = table.sum(1, keepdims=True) + table.sum(0, keepdims=True) - table
    result: NDArray[np.float64] = (table / np.maximum(union, 1))[1:, 1:]
    return result


def _check_shapes(predicted: NDArray[Any], reference: NDArray[Any], ignore: BoolMask | None) -> None:
    shapes = {predicted.shape, reference.shape} | (set() if ignore is None else {ignore.shape})
    if len(shapes) > 1:
        raise MaskError(
            f"prediction is {predicted.shape}, reference {reference.shape}"
            f"{'' if ignore is None else f', ignore {ignore.shape}'}; all must show the same image"
        )
