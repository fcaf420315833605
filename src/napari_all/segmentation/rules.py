"""Rules that a corrected mask should keep, checked as one works: what breaks them, where, and the edit to mend it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from napari_all.classes import NUCLEUS
from napari_all.errors import UsageError
from napari_all.segmentation import editing
from napari_all.segmentation.editing import CellIndex, Edit, Planes
from napari_all.segmentation.editing.edit import edit_of
from napari_all.segmentation.editing.index import index_of
from napari_all.segmentation.editing.windows import Window, holes_of, meet, spanning, touches_border, widened
from napari_all.segmentation.method import PostprocessSettings
from napari_all.segmentation.postprocess import BORDER_SHARE, smallest_area, typical_area
from napari_all.types import BoolMask, RGBImage

Rule: TypeAlias = Literal["pieces", "nucleus outside", "speck", "hole", "nucleus missing"]
RULES: tuple[Rule, ...] = get_args(Rule)
WORDS: dict[Rule, str] = {
    "pieces": "cell in several pieces",
    "nucleus outside": "nucleus outside every cell",
    "speck": "too small for a cell",
    "hole": "hole in a cell",
    "nucleus missing": "cell without a nucleus",
}
"""What each rule finds, in words for people."""
_EIGHT = np.ones((3, 3))
_OWN_CELL = 0.2
"""A piece of a cell is a cell of its own from this share of the largest piece on; a smaller one is a crumb."""


@dataclass(frozen=True)
class Finding:
    """Something that breaks a rule.

    Attributes
    ----------
    rule
        Which one.
    label
        The cell, 0 for a nucleus outside every cell.
    where
        (y, x) of a pixel of what is wrong: the smaller piece, the hole, the stray nucleus, else the cell.
    window
        Bounding box of the cell, or of the stray nucleus.
    """

    rule: Rule
    label: int
    where: tuple[int, int]
    window: Window


def speck_limit(labels: NDArray[np.int32]) -> float:
    """Return the area in square pixels below which a cell is a speck: as the cleaning has it, from the image's cells.

    It looks at the whole image, so it is made once for an image, not at each edit.
    """
    return smallest_area(typical_area(labels), PostprocessSettings())


def check_all(planes: Planes, speck_px: float, cells: CellIndex | None = None) -> list[Finding]:
    """Return all that breaks a rule, cell by cell, stray nuclei last.

    Parameters
    ----------
    planes
        Labels, and the classes map where nuclei are to be checked.
    speck_px
        See `speck_limit`.
    cells
        Where the cells lie.
    """
    index = index_of(planes.labels, cells)
    found = [finding for label in index for finding in _of_cell(planes, label, speck_px, index)]
    return found + _stray(planes, (slice(0, planes.labels.shape[0]), slice(0, planes.labels.shape[1])))


def check_near(
    planes: Planes, edited: Window, speck_px: float, cells: CellIndex, known: Iterable[Finding] = ()
) -> list[Finding]:
    """Return what breaks a rule after an edit: what was known elsewhere, and the edit's surroundings looked at anew.

    Parameters
    ----------
    planes, cells
        As they are after the edit.
    edited
        The window of the edit, see `Edit.window`.
    known
        The findings before the edit.

    Returns
    -------
    list of Finding, ordered as `check_all` orders them.
    """
    edited = widened(edited, 1, planes.labels.shape)
    earlier = list(known)
    stray = [finding for finding in earlier if finding.label == 0]
    region = edited
    while more := [f for f in stray if meet(f.window, region) and spanning(f.window, region) != region]:
        region = spanning(more[0].window, region)
    near = set(cells.near(edited))
    kept = [f for f in earlier if f.label and f.label in cells and f.label not in near]
    fresh = [finding for label in near for finding in _of_cell(planes, label, speck_px, cells)]
    order = {rule: place for place, rule in enumerate(RULES)}
    of_cells = sorted(kept + fresh, key=lambda f: (f.label, order[f.rule], f.where))
    strays = [f for f in stray if not meet(f.window, region)] + _stray(planes, region)
    return of_cells + sorted(strays, key=lambda f: f.where)


def remedy(finding: Finding, planes: Planes, rgb: RGBImage | None = None, cells: CellIndex | None = None) -> Edit:
    """Return the edit that mends a finding.

    Small pieces of a cell go and large ones become cells of their own, a speck is deleted, holes are filled, a stray
    nucleus goes, a missing one is looked for in the image.

    Raises
    ------
    UsageError
        When the cell is no longer there, or a missing nucleus cannot be looked for without the image.
    """
    labels = planes.labels
    match finding.rule:
        case "pieces":
            return _parted(labels, finding.label, index_of(labels, cells))
        case "speck":
            return editing.delete_cell(labels, finding.label, cells)
        case "hole":
            return editing.fill_holes(labels, finding.label, cells)
        case "nucleus outside":
            return editing.clear_outside(labels, _classes(planes), finding.window)
        case "nucleus missing":
            if rgb is None:
                raise UsageError("a nucleus is looked for in the image, which is not given; open it, or paint one")
            return editing.fix_nucleus(labels, _classes(planes), rgb, finding.label, cells)


def _of_cell(planes: Planes, label: int, speck_px: float, cells: CellIndex) -> list[Finding]:
    window = cells.window(label)
    cell = np.asarray(planes.labels[window] == label)
    area = np.count_nonzero(cell)
    found = []
    pieces, count = ndi.label(cell, _EIGHT)
    if count > 1:
        smallest = 1 + int(np.argmin(np.bincount(pieces.ravel())[1:]))
        found.append(_finding("pieces", label, pieces == smallest, window))
    at_border = touches_border(window, planes.labels.shape)
    if area < speck_px * (BORDER_SHARE if at_border else 1.0):
        found.append(_finding("speck", label, cell, window))
    holes = holes_of(cell) & (planes.labels[window] == 0)
    if holes.any():
        found.append(_finding("hole", label, holes, window))
    parted = planes.classes is not None and planes.parts == "nucleus+cytoplasm"
    if parted and not (_classes(planes)[window][cell] == NUCLEUS).any():
        found.append(_finding("nucleus missing", label, cell, window))
    return found


def _stray(planes: Planes, window: Window) -> list[Finding]:
    """Nuclei outside every cell, which only masks from elsewhere have; one finding for each connected part."""
    if planes.classes is None:
        return []
    stray = (planes.classes[window] == NUCLEUS) & (planes.labels[window] == 0)
    if not stray.any():
        return []
    parts, _ = ndi.label(stray, _EIGHT)
    found = []
    for number, box in enumerate(ndi.find_objects(parts), start=1):
        rows, columns = (slice(s.start + w.start, s.stop + w.start) for s, w in zip(box, window, strict=True))
        found.append(_finding("nucleus outside", 0, parts[box] == number, (rows, columns)))
    return sorted(found, key=lambda f: f.where)


def _parted(labels: NDArray[Any], label: int, cells: CellIndex) -> Edit:
    window = cells.window(label)
    pieces, count = ndi.label(labels[window] == label, _EIGHT)
    areas = np.bincount(pieces.ravel(), minlength=count + 1)[1:]
    table = np.zeros(count + 1, np.int32)
    unused = cells.unused
    for place, piece in enumerate(np.argsort(-areas, kind="stable")):
        if place == 0:
            table[piece + 1] = label
        elif areas[piece] >= _OWN_CELL * areas.max():
            table[piece + 1], unused = unused, unused + 1
    return edit_of(labels, pieces > 0, table[pieces], window)


def _finding(rule: Rule, label: int, what: BoolMask, window: Window) -> Finding:
    y, x = np.unravel_index(int(np.argmax(what)), what.shape)
    return Finding(rule, label, (int(y) + window[0].start, int(x) + window[1].start), window)


def _classes(planes: Planes) -> NDArray[np.uint8]:
    if planes.classes is None:
        raise UsageError("these planes hold no classes map; give it to Planes to mend nuclei")
    return planes.classes
