"""What the numbers of a mask's file mean: instances, parts of cells, or one class."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_all.data.mask_items import BACKGROUND, CELL, CYTOPLASM, NUCLEUS
from napari_all.errors import MaskError
from napari_all.io.masks import classes_path, read_plane
from napari_all.io.sidecar import read_sidecar

MaskCode: TypeAlias = Literal["auto", "labels", "classes", "binary"]
MaskParts: TypeAlias = Literal["cell", "nucleus"]
CLASSES_VALUES = ({0, 1, 2}, {0, 128, 255})
"""Codes of background, cytoplasm and nucleus: this project's and wbc-zheng's here, and wbc-zheng's as published."""


def read_codes(
    mask: Path, code: MaskCode, parts: MaskParts
) -> tuple[NDArray[np.uint8], NDArray[np.integer] | NDArray[np.bool_]]:
    """Return the codes of a mask, and its cells (instances where it has them) to measure the diameter on.

    Parameters
    ----------
    code, parts
        What its numbers mean where no sidecar tells.

    Returns
    -------
    (Y, X) uint8 codes of `napari_all.data.mask_items`, and (Y, X) instances, or bool where they are not parted.

    Raises
    ------
    MaskError
        It cannot be read, holds what no mask holds, or does not fit the classes map beside it.
    """
    plane = numbers(mask)
    sidecar = read_sidecar(mask)
    beside = mask.with_name(sidecar.classes) if sidecar and sidecar.classes else classes_path(mask)
    if beside != mask and beside.exists():
        return _with_classes(plane, beside, sidecar.parts if sidecar else None)
    if sidecar is None and code == "classes":
        return _from_classes(plane, mask.name)
    outlined = sidecar.parts if sidecar and sidecar.parts else parts
    inside = np.uint8(NUCLEUS if outlined == "nucleus" else CELL)
    cells = plane > 0 if sidecar is None and code == "binary" else plane
    return np.where(plane > 0, inside, np.uint8(BACKGROUND)), cells


def _with_classes(
    labels: NDArray[np.integer], path: Path, parts: str | None
) -> tuple[NDArray[np.uint8], NDArray[np.integer]]:
    """Take the classes map beside a label image: 1 cytoplasm, 2 nucleus (or all of the cell), 3 not known."""
    classes = numbers(path)
    if classes.shape != labels.shape or classes.max(initial=0) > CELL:
        raise MaskError(f"{path.name} does not fit its labels: same shape and values 0 to {CELL} are needed")
    whole = {"cell": CELL, "nucleus": NUCLEUS}.get(parts or "")
    if whole is not None:
        classes = np.where(classes > 0, whole, BACKGROUND)
    # labels rule: where a person erased or added a cell, an older classes map may still show it or not yet
    codes = np.where(labels > 0, np.where(classes > 0, classes, whole or CYTOPLASM), BACKGROUND)
    return codes.astype(np.uint8), labels


def _from_classes(plane: NDArray[np.integer], name: str) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    values = set(np.unique(plane).tolist())
    for known in CLASSES_VALUES:
        if values <= known:
            _, cytoplasm, nucleus = sorted(known)
            codes = np.select([plane == cytoplasm, plane == nucleus], [CYTOPLASM, NUCLEUS], BACKGROUND)
            return codes.astype(np.uint8), plane > 0
    raise MaskError(
        f"{name} holds {sorted(values)[:6]}; it takes 0 background, 1 cytoplasm, 2 nucleus (or 0, 128, 255)"
    )


def numbers(path: Path) -> NDArray[np.integer]:
    """Read a plane of whole numbers of 0 or more."""
    plane = read_plane(path)
    if plane.dtype.kind == "f" and np.array_equal(plane, np.round(plane)):
        plane = plane.astype(np.int64)
    if plane.dtype.kind not in "uib" or plane.min(initial=0) < 0:
        raise MaskError(f"{path.name} holds fractions or numbers below 0; a mask holds whole numbers, 0 = background")
    return plane.astype(np.uint8) if plane.dtype.kind == "b" else plane
