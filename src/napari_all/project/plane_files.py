"""The planes of one image as files, in the formats that the program reads everywhere else."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from napari_all.errors import MaskError, SaveError
from napari_all.files import atomic_path
from napari_all.io.cell_class_table import CELL_CLASSES_ENDING, read_cell_classes, write_cell_classes
from napari_all.io.masks import LABELS_ENDING, SMUDGES_ENDING, classes_path, read_plane, write_labels, write_plane
from napari_all.io.sidecar import Sidecar, read_sidecar, sidecar_path
from napari_all.project.planes import Pixels, Values
from napari_all.segmentation.editing import Mark

IGNORE_ENDING = "_ignore.tif"
MARK_ENDINGS = {Mark.SMUDGE: SMUDGES_ENDING, Mark.ARTEFACT: "_artefacts.tif"}
_UNKNOWN_PARTS = 3
FINISHED = ("corrected", "accepted")
"""Statuses of labels that count as ground truth."""


@dataclass(frozen=True)
class SavedImage:
    """What the files of an image hold."""

    pixels: Pixels
    sidecar: Sidecar
    cell_classes: Mapping[int, str]


def write_image(path: Path, pixels: Pixels, values: Values, sidecar: Sidecar) -> None:
    """Write all files of one image; each whole or not at all, the sidecar last.

    The sidecar says `corrected` of an image whose status is corrected or accepted, else `predicted`.

    Parameters
    ----------
    path
        `<image>_labels.tif`; the others are named after it.
    sidecar
        What is known of the origin of the labels.

    Raises
    ------
    SaveError
        The disk refuses.
    """
    masks = {ending: pixels.marks == code for code, ending in MARK_ENDINGS.items()} | {IGNORE_ENDING: pixels.ignore}
    for ending, marked in masks.items():
        if marked.any():
            write_plane(_beside(path, ending), np.where(marked, np.uint8(255), np.uint8(0)), sidecar.pixel_size_um)
        else:
            _remove(_beside(path, ending))
    write_cell_classes(path, _classes_of_cells(pixels, values))
    write_labels(path, pixels.labels, sidecar.updated(status=_sidecar_status(values)), pixels.classes)


def read_image_files(path: Path) -> SavedImage:
    """Read what `write_image` wrote, or what `napari-all segment` did.

    Raises
    ------
    MaskError
        A file is missing, damaged or does not fit the others.
    """
    labels = read_plane(path)
    classes = read_plane(beside) if (beside := classes_path(path)).exists() else None
    if labels.dtype.kind not in "ui" or (classes is not None and classes.max(initial=0) > _UNKNOWN_PARTS):
        raise MaskError(f"{path.name} or {beside.name} holds other numbers than cells and their parts")
    masks = {}
    for ending in (IGNORE_ENDING, *MARK_ENDINGS.values()):
        file = _beside(path, ending)
        masks[ending] = read_plane(file) > 0 if file.exists() else np.zeros(labels.shape, np.bool_)
        if masks[ending].shape != labels.shape:
            raise MaskError(f"{file.name} is {masks[ending].shape} but {path.name} is {labels.shape}")
    marks = np.select([masks[ending] for ending in MARK_ENDINGS.values()], [int(code) for code in MARK_ENDINGS], 0)
    try:
        cell_classes = read_cell_classes(path)
        pixels = Pixels.of(labels, classes, masks[IGNORE_ENDING], marks)
    except (OSError, ValueError, KeyError) as error:
        raise MaskError(f"the files beside {path.name} are damaged ({error})") from error
    return SavedImage(pixels, read_sidecar(path) or Sidecar(), cell_classes)


def agrees(saved: SavedImage, values: Values) -> bool:
    """Tell whether the files beside the labels say what the values do; a kill may have come between."""
    same_classes = dict(saved.cell_classes) == _classes_of_cells(saved.pixels, values)
    return same_classes and saved.sidecar.status == _sidecar_status(values)


def remove_files(path: Path) -> None:
    """Remove the files of one image, the sidecar first; `SaveError` when the disk refuses."""
    for file in _all_files(path):
        _remove(file)


def copy_files(source: Path, target: Path) -> None:
    """Make the files of one image those of another label image, each whole or not at all, the sidecar last."""
    for old, new in reversed(list(zip(_all_files(source), _all_files(target), strict=True))):
        if old.exists():
            with atomic_path(new) as temporary:
                shutil.copyfile(old, temporary)
        else:
            _remove(new)


def _all_files(path: Path) -> list[Path]:
    endings = (IGNORE_ENDING, *MARK_ENDINGS.values(), CELL_CLASSES_ENDING)
    return [sidecar_path(path), path, classes_path(path), *(_beside(path, ending) for ending in endings)]


def _sidecar_status(values: Values) -> Literal["predicted", "corrected"]:
    return "corrected" if values.status in FINISHED else "predicted"


def _classes_of_cells(pixels: Pixels, values: Values) -> dict[int, str]:
    """Return the classes of the cells that there are; those that are undone may come back."""
    if not values.cell_classes:
        return {}
    present = set(np.unique(pixels.labels[pixels.labels > 0]).tolist())
    return {label: name for label, name in values.cell_classes.items() if label in present}


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name.removesuffix(LABELS_ENDING) + ending)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise SaveError(f"cannot remove {path.name}: {error.strerror}; check the rights on its folder") from error
