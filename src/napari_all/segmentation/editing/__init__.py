"""Corrections of a label image as small pure edits, so that a window can apply each as one undo step.

Every function takes the (Y, X) label image and returns an `Edit`: the pixels that change and their new values. No
edit takes a pixel from a cell it was not asked to change. Edits say what happens to labels; `completed` adds what
follows for the classes map and the marks, and `change` applies an edit in place and returns its inverse. With a
`CellIndex`, kept true by `change`, no edit looks at more of the image than it has to.
"""

from napari_all.segmentation.editing.add import add_by_click, add_polygon
from napari_all.segmentation.editing.brush import erase, paint, paint_nucleus
from napari_all.segmentation.editing.cells import delete_cell, merge_cells, raster_numbers, relabel_cells
from napari_all.segmentation.editing.cut import split_at_waists, split_cell
from napari_all.segmentation.editing.edit import Edit, Planes, apply_edit, change, completed, touched
from napari_all.segmentation.editing.index import CellIndex
from napari_all.segmentation.editing.marks import Mark, MarkName, mark_cell, mark_polygon, unmark_at
from napari_all.segmentation.editing.nucleus import clear_outside, fix_nucleus
from napari_all.segmentation.editing.outline import fill_holes, grow_cell, smooth_cells, snap_cell
from napari_all.segmentation.editing.points import Point, cell_at, polygon_mask
from napari_all.segmentation.editing.prediction import restore_predicted

__all__ = [
    "CellIndex",
    "Edit",
    "Mark",
    "MarkName",
    "Planes",
    "Point",
    "add_by_click",
    "add_polygon",
    "apply_edit",
    "cell_at",
    "change",
    "clear_outside",
    "completed",
    "delete_cell",
    "erase",
    "fill_holes",
    "fix_nucleus",
    "grow_cell",
    "mark_cell",
    "mark_polygon",
    "merge_cells",
    "paint",
    "paint_nucleus",
    "polygon_mask",
    "raster_numbers",
    "relabel_cells",
    "restore_predicted",
    "smooth_cells",
    "snap_cell",
    "split_at_waists",
    "split_cell",
    "touched",
    "unmark_at",
]
