"""The corrections of the window: which tools there are and what each does to a label image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_all.errors import UsageError
from napari_all.gui.canvas_tools import Points, Tool
from napari_all.segmentation import editing
from napari_all.segmentation.editing import CellIndex, Edit
from napari_all.types import RGBImage

DEFAULT_REACH_PX = 40


@dataclass(frozen=True)
class Context:
    """What a correction works on.

    Attributes
    ----------
    labels
        (Y, X) label image as it is now.
    rgb
        Its image, or None when it is not in the viewer.
    diameter_px
        Diameter of a typical cell, or None when nothing is known.
    cells
        Where the cells lie, for whoever keeps an index true; without one the image is searched.
    """

    labels: NDArray[np.integer]
    rgb: RGBImage | None
    diameter_px: float | None
    cells: CellIndex | None = None


Correction = Callable[[Context, Points], Edit]


def _new_cell(context: Context, points: Points) -> Edit:
    if context.rgb is None:
        raise UsageError("the image of these labels is not in the viewer; open it, or draw the cell's outline")
    reach = DEFAULT_REACH_PX if context.diameter_px is None else max(8, round(1.1 * context.diameter_px))
    return editing.add_by_click(context.labels, context.rgb, points[0], reach, cells=context.cells)


def _outline(context: Context, points: Points) -> Edit:
    return editing.add_polygon(context.labels, points, context.cells)


def _delete(context: Context, points: Points) -> Edit:
    return editing.delete_cell(context.labels, editing.cell_at(context.labels, points[0]), context.cells)


def _merge(context: Context, points: Points) -> Edit:
    chosen = [editing.cell_at(context.labels, point) for point in points]
    return editing.merge_cells(context.labels, chosen, context.cells)


def _split(context: Context, points: Points) -> Edit:
    return editing.split_cell(context.labels, points, context.cells)


def _fill(context: Context, points: Points) -> Edit:
    return editing.fill_holes(context.labels, editing.cell_at(context.labels, points[0]), context.cells)


def _smooth(context: Context, points: Points) -> Edit:
    return editing.smooth_cells(context.labels, editing.cell_at(context.labels, points[0]), cells=context.cells)


def fill_all(context: Context) -> Edit:
    """Fill the holes of every cell."""
    return editing.fill_holes(context.labels)


def smooth_all(context: Context) -> Edit:
    """Smooth every cell."""
    return editing.smooth_cells(context.labels)


TOOLS: dict[Tool, Correction] = {
    Tool(
        "New cell",
        "N",
        "click",
        "Click a cell that has no label yet.",
        "Grow a new cell from the colour where you click",
    ): _new_cell,
    Tool(
        "Outline",
        "O",
        "outline",
        "Hold the mouse button and draw around a cell.",
        "Draw a new cell's outline by hand; neighbours keep their pixels",
    ): _outline,
    Tool("Delete", "D", "click", "Click the cell to delete.", "Remove the cell that you click"): _delete,
    Tool(
        "Merge",
        "J",
        "two clicks",
        "Click two touching cells, one after the other.",
        "Join two cells; the first one's number stays",
    ): _merge,
    Tool(
        "Split",
        "S",
        "line",
        "Hold the mouse button and draw a line across the cell.",
        "Cut a cell along a line drawn from background to background",
    ): _split,
    Tool("Fill holes", "H", "click", "Click the cell to fill.", "Fill the holes of the cell that you click"): _fill,
    Tool("Smooth", "R", "click", "Click the cell to smooth.", "Round off the cell that you click"): _smooth,
}
"""Tools in the order of their buttons; keys are free on napari's labels layers and in its viewer."""
