"""The corrections of the window: which tools there are and what each does to a label image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_all.errors import UsageError
from napari_all.gui.canvas_tools import ALL_CELLS, Points, Tool
from napari_all.segmentation import editing
from napari_all.segmentation.editing import CellIndex, Edit
from napari_all.types import BoolMask, ClassesMap, LabelImage, RGBImage

DEFAULT_REACH_PX = 40


@dataclass(frozen=True, eq=False)
class Predicted:
    """What was predicted for an image: (Y, X) labels, classes map, and where the cells lie."""

    labels: LabelImage
    classes: ClassesMap
    cells: CellIndex


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
    classes
        (Y, X) classes map where nucleus and cytoplasm are told apart, else None.
    ignore, marks
        (Y, X) planes of what is ignored and of marks, where they are kept.
    predicted
        What the labels began from, where it is known.
    """

    labels: NDArray[np.integer]
    rgb: RGBImage | None
    diameter_px: float | None
    cells: CellIndex | None = None
    classes: ClassesMap | None = None
    ignore: BoolMask | None = None
    marks: NDArray[np.uint8] | None = None
    predicted: Predicted | None = None

    @property
    def image(self) -> RGBImage:
        """The image; `UsageError` when it is not in the viewer."""
        if self.rgb is None:
            raise UsageError("the image of these labels is not in the viewer; open it, or draw the cell's outline")
        return self.rgb


Correction = Callable[[Context, Points], Edit]


def on_cell(correct: Callable[[Context, int], Edit]) -> Correction:
    """Return the correction that works on the cell that is clicked."""
    return lambda context, points: correct(context, editing.cell_at(context.labels, points[0]))


def _new_cell(context: Context, points: Points) -> Edit:
    reach = DEFAULT_REACH_PX if context.diameter_px is None else max(8, round(1.1 * context.diameter_px))
    return editing.add_by_click(context.labels, context.image, points[0], reach, cells=context.cells)


def _outline(context: Context, points: Points) -> Edit:
    return editing.add_polygon(context.labels, points, context.cells)


def _merge(context: Context, points: Points) -> Edit:
    chosen = [editing.cell_at(context.labels, point) for point in points]
    return editing.merge_cells(context.labels, chosen, context.cells)


def _split(context: Context, points: Points) -> Edit:
    return editing.split_cell(context.labels, points, context.cells)


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
    Tool("Delete", "D", "click", "Click the cell to delete.", "Remove the cell that you click", ("cells",)): on_cell(
        lambda context, cell: editing.delete_cell(context.labels, cell, context.cells)
    ),
    Tool(
        "Merge",
        "J",
        "two clicks",
        "Click two touching cells, one after the other.",
        "Join two cells; the first one's number stays",
        ("cells",),
    ): _merge,
    Tool(
        "Split",
        "S",
        "line",
        "Hold the mouse button and draw a line across the cell.",
        "Cut a cell along a line drawn from background to background",
        ("cells",),
    ): _split,
    Tool(
        "Auto split",
        "Shift+S",
        "click",
        "Click the cell to cut.",
        "Cut the cell that you click where its outline has a waist",
        ("cells",),
    ): on_cell(lambda context, cell: editing.split_at_waists(context.labels, cell, context.cells)),
    Tool(
        "Grow",
        "W",
        "click",
        "Click the cell to make wider.",
        "Move the edge of the cell that you click outwards by one pixel",
        ("cells",),
    ): on_cell(lambda context, cell: editing.grow_cell(context.labels, cell, 1, context.cells)),
    Tool(
        "Shrink",
        "Shift+W",
        "click",
        "Click the cell to make narrower.",
        "Move the edge of the cell that you click inwards by one pixel",
        ("cells",),
    ): on_cell(lambda context, cell: editing.grow_cell(context.labels, cell, -1, context.cells)),
    Tool(
        "Snap",
        "T",
        "click",
        "Click the cell whose edge is to be moved.",
        "Move the edge of the cell that you click to the edge in the image, by two pixels at most",
        ("cells",),
    ): on_cell(lambda context, cell: editing.snap_cell(context.labels, context.image, cell, cells=context.cells)),
    Tool("Smooth", "R", "click", "Click the cell to smooth.", "Round off the cell that you click", ("cells",)): on_cell(
        lambda context, cell: editing.smooth_cells(context.labels, cell, cells=context.cells)
    ),
    Tool(
        "Fill holes", "H", "click", "Click the cell to fill.", "Fill the holes of the cell that you click", ("cells",)
    ): on_cell(lambda context, cell: editing.fill_holes(context.labels, cell, context.cells)),
    Tool(
        "Fill all", "Shift+H", "at once", "", "Fill the holes of every cell", ("cells",), ALL_CELLS
    ): lambda context, points: editing.fill_holes(context.labels, None, context.cells),
    Tool(
        "Smooth all", "Shift+R", "at once", "", "Round off every cell", ("cells",), ALL_CELLS
    ): lambda context, points: editing.smooth_cells(context.labels, None, cells=context.cells),
    Tool(
        "Renumber", "Shift+N", "at once", "", "Number the cells 1, 2, 3 … row by row", ("cells",), ALL_CELLS
    ): lambda context, points: editing.relabel_cells(context.labels, context.cells),
}
"""Tools in the order of their buttons; keys are free on napari's labels layers and in its viewer."""
