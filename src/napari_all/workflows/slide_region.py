"""A region of a slide cut out to be corrected like any image, and its cells put back into the slide's labels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_all.classes import CYTOPLASM, NUCLEUS
from napari_all.errors import FileExistsRefused, MaskError, UsageError
from napari_all.files import atomic_path, sha256_file, write_json
from napari_all.io import scale
from napari_all.io.images import MAX_PIXELS
from napari_all.io.masks import LABELS_ENDING, classes_path, read_labels, write_labels
from napari_all.io.pyramid import Reader, open_plane, write_pyramid
from napari_all.io.sidecar import Sidecar, read_sidecar, sidecar_path
from napari_all.io.slides import open_slide
from napari_all.io.tables import CELL_COLUMNS, cell_row, read_table, write_table
from napari_all.segmentation.measure import measure_cells
from napari_all.types import LabelImage
from napari_all.workflows.region_file import REGION_ENDING, Region, read_region

_SAME_CELL = 0.5
"""A corrected cell that shares more than this (intersection over union) with a cell of the slide keeps its number."""
_AROUND_CELLS = 3.0
"""Cells are measured anew in a window that is wider by this many of the largest diameters."""


@dataclass(frozen=True)
class PutBack:
    """What putting a region back did: cells that kept their number, new ones, and those that are gone."""

    kept: int
    new: int
    gone: int


def cut_region(slide_path: Path, region: tuple[int, int, int, int], output: Path, labels: Path | None = None) -> Path:
    """Write a region of a slide as an image, with its labels if there are any.

    Parameters
    ----------
    region
        (y, x, height, width) in pixels of the slide.
    output
        Folder; the image is named after the slide and its place.
    labels
        Label image of the slide; what it shows of the region goes with it, under the same numbers.

    Returns
    -------
    Path of the image.

    Raises
    ------
    UsageError
        The region reaches beyond the slide or is too large.
    ImageError, MaskError
        A file cannot be read, or the labels are of another slide.
    FileExistsRefused
        The region was cut out before.
    """
    y, x, height, width = region
    with open_slide(slide_path) as slide:
        rows, columns = slide.record.shape
        if min(y, x) < 0 or min(height, width) < 1 or y + height > rows or x + width > columns:
            raise UsageError(
                f"region y={y}, x={x}, {height} × {width} reaches beyond the slide of {rows} × {columns}; "
                "give a part of it"
            )
        if height * width > MAX_PIXELS:
            raise UsageError(f"a region of {height} × {width} is too large; give at most {MAX_PIXELS:,} pixels")
        told = Region(slide=slide_path.name, slide_sha256=slide.record.sha256, y=y, x=x, height=height, width=width)
        rgb = slide.levels[0][told.window]
        size = slide.record.pixel_size_um
    image = output / f"{slide_path.stem}_y{y}_x{x}.tif"
    if image.exists():
        raise FileExistsRefused(f"{image.name} is there already; correct that, or move it away")
    if labels is not None:
        sidecar = _sidecar_of(labels, told)
        with open_plane(labels) as (read, _, _):
            piece = read(*told.window).astype(np.int32)
        with open_plane(classes_path(labels)) as (read, _, _):
            classes = read(*told.window).astype(np.uint8)
    with atomic_path(image) as temporary:
        tifffile.imwrite(
            temporary,
            rgb,
            photometric="rgb",
            compression="zlib",
            metadata=None,
            resolution=scale.pixels_per_cm(size),
            resolutionunit="CENTIMETER" if size else None,
        )
    if labels is not None:
        facts = sidecar.updated(image=image.name, image_sha256=sha256_file(image))
        write_labels(image.with_name(image.stem + LABELS_ENDING), piece, facts, classes)
    write_json(image.with_name(image.stem + REGION_ENDING), told.model_dump(mode="json"))
    return image


def put_back(corrected: Path, labels: Path) -> PutBack:
    """Put the corrected labels of a region into the slide's labels, classes map and table of cells.

    The region's pixels become what the region says. A cell that is mostly the same keeps its number; a cell that is new
    gets the next free one. What lies outside the region stays, also of a cell on its edge. Stopped while it writes the
    last files, it can be done again.

    Parameters
    ----------
    corrected
        `<name>_labels.tif` of the region; `<name>_region.json` lies beside it.
    labels
        `<slide>_labels.tif`, replaced as a whole at the end.

    Raises
    ------
    MaskError
        A file is missing or damaged, or does not belong to the others. Nothing was changed.
    SaveError
        The disk refuses.
    """
    region = read_region(corrected)
    sidecar = _sidecar_of(labels, region)
    found = read_labels(corrected)
    if found.labels.shape != (region.height, region.width):
        raise MaskError(f"{corrected.name} is {found.labels.shape}, its region {(region.height, region.width)}")
    with (
        atomic_path(labels) as made,
        atomic_path(classes_path(labels)) as made_classes,
        open_plane(labels) as (read, shape, dtype),
        open_plane(classes_path(labels)) as (read_classes, _, _),
    ):
        before: LabelImage = read(*region.window).astype(np.int32)
        table_path = labels.with_name(labels.name.removesuffix(LABELS_ENDING) + "_cells.csv")
        rows = {int(str(row["label"])): row for row in read_table(table_path)}
        numbers = _numbers(found.labels, before, max(rows, default=0))
        after = numbers[found.labels].astype(np.int32)
        classes = found.classes if found.classes is not None else _classes_of(after, sidecar)
        wide = np.dtype(np.uint32) if numbers.max(initial=0) > np.iinfo(dtype).max else dtype
        size = sidecar.pixel_size_um
        write_pyramid(made_classes, _with(read_classes, classes, region), shape, np.dtype(np.uint8), size)
        write_pyramid(made, _with(read, after, region), shape, wide, size)
    old, new = (set(np.unique(plane).tolist()) - {0} for plane in (before, after))
    fresh = _measured(labels, sidecar, region, old | new, rows)
    rows = {n: row for n, row in rows.items() if n not in old | new} | fresh
    write_table(table_path, CELL_COLUMNS, (rows[n] for n in sorted(rows)))
    write_json(sidecar_path(labels), sidecar.updated(cells=len(rows), status="corrected").model_dump(mode="json"))
    return PutBack(kept=len(old & new), new=len(new - old), gone=sum(n not in rows for n in old))


def _numbers(corrected: LabelImage, before: LabelImage, highest: int) -> NDArray[np.int64]:
    """Return the slide's number of each corrected cell: of the cell it mostly is, else a new one."""
    count = int(corrected.max(initial=0))
    numbers = np.zeros(count + 1, np.int64)
    pairs, shared = np.unique(np.stack([corrected, before]).reshape(2, -1), axis=1, return_counts=True)
    sizes, sizes_before = np.bincount(corrected.ravel()), np.bincount(before.ravel())
    taken: set[int] = set()
    for (mine, theirs), both in sorted(zip(pairs.T.tolist(), shared.tolist(), strict=True), key=lambda p: -p[1]):
        union = sizes[mine] + sizes_before[theirs] - both
        if mine and theirs and not numbers[mine] and theirs not in taken and both > _SAME_CELL * union:
            numbers[mine] = theirs
            taken.add(theirs)
    for mine in np.flatnonzero(sizes):
        if mine and not numbers[mine]:
            highest += 1
            numbers[mine] = highest
    return numbers


def _with(read: Reader, piece: NDArray[Any], region: Region) -> Reader:
    """Return a reader of a plane in which the region shows a piece."""

    def replaced(rows: slice, columns: slice) -> NDArray[Any]:
        found = read(rows, columns)
        ys, xs = (np.arange(s.start, s.stop, s.step or 1) for s in (rows, columns))
        inside = [(at >= w.start) & (at < w.stop) for at, w in zip((ys, xs), region.window, strict=True)]
        if inside[0].any() and inside[1].any():
            found = found.astype(np.result_type(found, piece))
            found[np.ix_(*inside)] = piece[np.ix_(ys[inside[0]] - region.y, xs[inside[1]] - region.x)]
        return found

    return replaced


def _measured(
    labels: Path, sidecar: Sidecar, region: Region, touched: set[int], rows: dict[int, Any]
) -> dict[int, Any]:
    """Measure the touched cells anew, on the region and what is around it."""
    largest = max((float(str(row["equivalent_diameter_px"])) for row in rows.values()), default=0.0)
    margin = int(np.ceil(_AROUND_CELLS * max(largest, sidecar.diameter_px or 0.0)))
    with open_plane(labels) as (read, shape, _), open_plane(classes_path(labels)) as (read_classes, _, _):
        window = tuple(
            slice(max(0, side.start - margin), min(length, side.stop + margin))
            for side, length in zip(region.window, shape, strict=True)
        )
        around, classes = read(*window).astype(np.int32), read_classes(*window).astype(np.uint8)
    around[~np.isin(around, list(touched))] = 0
    cells = measure_cells(around, classes, sidecar.parts or "cell")
    y0, x0 = (side.start for side in window)
    edges = tuple(side.start == 0 or side.stop == length for side, length in zip(window, shape, strict=True))
    return {
        c.label: cell_row(
            replace(c, y=c.y + y0, x=c.x + x0, touches_border=c.touches_border and any(edges)), sidecar.pixel_size_um
        )
        for c in cells
    }


def _classes_of(labels: LabelImage, sidecar: Sidecar) -> NDArray[np.uint8]:
    """Return a classes map for labels that brought none."""
    whole = CYTOPLASM if sidecar.parts == "nucleus+cytoplasm" else NUCLEUS
    return np.where(labels > 0, np.uint8(whole), np.uint8(0)).astype(np.uint8)


def _sidecar_of(labels: Path, region: Region) -> Sidecar:
    sidecar = read_sidecar(labels)
    if sidecar is None:
        raise MaskError(f"{labels.name} has no sidecar; give the label image that 'napari-all segment' wrote")
    if sidecar.image_sha256 != region.slide_sha256:
        raise MaskError(f"{labels.name} is of another slide than {region.slide}; give the labels of that one")
    return sidecar
