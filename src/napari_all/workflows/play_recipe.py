"""Play a mask recipe: segment each image, apply its corrections, check the result, write the masks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image
from scipy import ndimage as ndi

from napari_all.errors import Cancelled, MaskError, NapariAllError, UsageError
from napari_all.files import atomic_path, inside, sha256_array
from napari_all.io.images import read_image
from napari_all.monitor import Monitor, NullMonitor
from napari_all.segmentation import editing
from napari_all.segmentation.instances import relabel
from napari_all.types import BoolMask, ClassesMap, LabelImage
from napari_all.workflows.play_nuclei import ellipse_outline, nucleus_classes
from napari_all.workflows.recipe import (
    AddEllipse,
    AddPolygon,
    Correction,
    Delete,
    FieldRecipe,
    Grow,
    Ignore,
    IgnorePolygon,
    Merge,
    Recipe,
    Smooth,
    Smudge,
    SmudgePolygon,
    Split,
)
from napari_all.workflows.segment import segment_image

_RIM_PX = 2
"""An ignored blob is ignored with its soft rim; the rim of a smudge is ignored too."""


@dataclass(frozen=True)
class FieldMask:
    """Masks of one image; cells, smudges and what is ignored never overlap.

    Attributes
    ----------
    labels
        (Y, X) int32 cells, 1..N in raster order.
    ignore
        (Y, X) bool, True = leave out.
    smudges
        (Y, X) bool, True = remains of a broken white cell.
    classes
        (Y, X) uint8 as `NucleusClass`; None when the recipe of the image makes no nuclei.
    """

    labels: LabelImage
    ignore: BoolMask
    smudges: BoolMask
    classes: ClassesMap | None = None

    def sha256(self) -> str:
        """Return the hash that a recipe keeps: of the int32 labels, ignored -1, smudges -2, on them the classes."""
        coded = np.where(self.ignore, np.int32(-1), np.where(self.smudges, np.int32(-2), self.labels))
        return sha256_array(coded if self.classes is None else np.stack([coded, self.classes.astype(np.int32)]))


@dataclass(frozen=True)
class Played:
    """One line of the report of `play_recipe`: how many cells an image got, or what went wrong."""

    image: str
    cells: int = 0
    sha256: str | None = None
    error: str | None = None


def build_mask(field: FieldRecipe, data: Path) -> FieldMask:
    """Segment one image of a recipe and apply its corrections.

    Parameters
    ----------
    field
        Entry of the recipe.
    data
        Folder that the entry's path is relative to.

    Raises
    ------
    UsageError
        When the path leaves `data`, the file is missing, or a correction does not fit (no cell at its point).
    MaskError
        When the file is not the one the recipe was made on.
    """
    path = inside(data, field.image)
    if not path.is_file():
        raise UsageError(f"{field.image} is not in {data.name}; give the folder that holds the images of the recipe")
    record, rgb = read_image(path)
    if record.sha256 != field.sha256:
        raise MaskError(f"{field.image} is another file than the recipe was made on; take the published image")
    labels = segment_image(rgb, field.segmentation).labels
    nothing = np.zeros(labels.shape, np.bool_)
    mask = FieldMask(labels, nothing, nothing)
    for number, correction in enumerate(field.corrections, start=1):
        try:
            mask = _corrected(mask, correction)
        except UsageError as error:
            raise UsageError(f"{field.image}: correction {number} ({correction.op}): {error}") from error
    rim = _grown(mask.smudges) & ~mask.smudges & (mask.labels == 0)
    labels = relabel(mask.labels)
    try:
        classes = None if field.nuclei is None else nucleus_classes(rgb, labels, field.nuclei)
    except UsageError as error:
        raise UsageError(f"{field.image}: nuclei: {error}") from error
    return FieldMask(labels, mask.ignore | rim, mask.smudges, classes)


def play_recipe(
    recipe: Recipe, data: Path, output: Path | None, monitor: Monitor | None = None, check: bool = True
) -> list[Played]:
    """Build every mask of a recipe and write it.

    Files of an image: `<stem>_labels.tif` (cells), `<stem>_ignore.png` (255 = leave out), `<stem>_smudges.png` (255,
    only when there are any), `<stem>_classes.tif` (`NucleusClass`, only when its recipe makes nuclei).

    Parameters
    ----------
    recipe
        What to build.
    data
        Folder that its images are relative to.
    output
        Folder for the masks; None builds and checks only.
    check
        Refuse results that differ from those the recipe was accepted with.

    Returns
    -------
    list of Played
        One per image, in the recipe's order. A failure (missing image, other file, other result) is recorded there
        and the rest goes on; nothing is written for that image.
    """
    watch = monitor or NullMonitor()
    stems = [Path(f.image).stem for f in recipe.fields]
    if twice := sorted({s for s in stems if stems.count(s) > 1}):
        raise UsageError(f"the recipe has several entries for {', '.join(twice)}; keep one for each image")
    report = []
    for done, field in enumerate(recipe.fields):
        watch.raise_if_cancelled()
        watch.report("masks", done, len(recipe.fields))
        try:
            mask = build_mask(field, data)
            if check and mask.sha256() != field.result_sha256:
                raise MaskError(
                    f"{field.image}: this version of the program builds another mask than the recipe was accepted "
                    f"with; look at it and accept it anew, or use the version that the recipe came with"
                )
            if output is not None:
                _write(output, Path(field.image).stem, mask)
        except Cancelled:
            raise
        except NapariAllError as error:
            report.append(Played(field.image, error=str(error)))
        else:
            report.append(Played(field.image, int(mask.labels.max(initial=0)), mask.sha256()))
    watch.report("masks", len(recipe.fields), len(recipe.fields))
    return report


def _corrected(mask: FieldMask, correction: Correction) -> FieldMask:
    labels, ignore, smudges = mask.labels, mask.ignore, mask.smudges
    match correction:
        case Delete() | Ignore() | Smudge():
            for point in correction.at:
                cell = labels == editing.cell_at(labels, point)
                labels = np.where(cell, 0, labels).astype(np.int32)
                if isinstance(correction, Ignore):
                    ignore = (ignore | _grown(cell)) & (labels == 0)
                if isinstance(correction, Smudge):
                    smudges = smudges | cell
        case Grow():
            for point in correction.at:
                edit = editing.grow_cell(labels, editing.cell_at(labels, point), correction.pixels)
                labels = editing.apply_edit(labels, edit)
        case Smooth():
            for point in correction.at:
                label = editing.cell_at(labels, point)
                labels = editing.apply_edit(labels, editing.fill_holes(labels, label))
                labels = editing.apply_edit(labels, editing.smooth_cells(labels, label, correction.radius_px))
        case Merge():
            cells = [editing.cell_at(labels, point) for point in correction.at]
            labels = editing.apply_edit(labels, editing.merge_cells(labels, cells))
        case Split():
            labels = editing.apply_edit(labels, editing.split_cell(labels, correction.line))
        case AddPolygon():
            labels = editing.apply_edit(labels, editing.add_polygon(labels, correction.points))
        case AddEllipse():
            outline = ellipse_outline(correction.centre, correction.radii, correction.angle)
            labels = editing.apply_edit(labels, editing.add_polygon(labels, outline))
        case IgnorePolygon() | SmudgePolygon():
            area = editing.polygon_mask(labels.shape, correction.points)
            total, within = np.bincount(labels.ravel()), np.bincount(labels[area], minlength=int(labels.max()) + 1)
            inside_cells = np.isin(labels, [k for k in np.flatnonzero(within > 0.5 * total) if k])
            labels = np.where(inside_cells, 0, labels).astype(np.int32)
            if isinstance(correction, IgnorePolygon):
                ignore = ignore | area
            else:
                smudges = smudges | area | inside_cells
    smudges = smudges & (labels == 0)
    return FieldMask(labels, ignore & (labels == 0) & ~smudges, smudges)


def _grown(area: BoolMask) -> BoolMask:
    """(Y, X) bool `area` with its rim; an empty one stays empty."""
    return ndi.distance_transform_edt(~area) <= _RIM_PX if area.any() else area


def _write(folder: Path, stem: str, mask: FieldMask) -> None:
    with atomic_path(folder / f"{stem}_labels.tif") as path:
        tifffile.imwrite(path, mask.labels.astype(np.uint16), compression="zlib")
    with atomic_path(folder / f"{stem}_ignore.png") as path:
        Image.fromarray(np.where(mask.ignore, np.uint8(255), np.uint8(0))).save(path)
    if mask.smudges.any():
        with atomic_path(folder / f"{stem}_smudges.png") as path:
            Image.fromarray(np.where(mask.smudges, np.uint8(255), np.uint8(0))).save(path)
    if mask.classes is not None:
        with atomic_path(folder / f"{stem}_classes.tif") as path:
            tifffile.imwrite(path, mask.classes, compression="zlib")
