"""The corrections that need a project beside the labels: nuclei, marks, what is ignored, what was predicted."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from napari_all.errors import UsageError
from napari_all.gui.canvas_tools import MARKS, Need, Points, Tool
from napari_all.gui.corrections import TOOLS, Context, Correction, on_cell
from napari_all.segmentation import editing
from napari_all.segmentation.editing import Edit, MarkName

LACKING: Mapping[Need, str] = {
    "cells": "there is no cell in this image",
    "parts": "these labels do not tell nucleus and cytoplasm apart",
    "marks": "nothing is marked or ignored in this image",
    "prediction": "no prediction of this image is kept",
}
"""Why a tool that needs something is of no use."""


def _nucleus(context: Context, cell: int) -> Edit:
    if context.classes is None:
        raise UsageError(f"{LACKING['parts']}; predict the image with a method that does")
    return editing.fix_nucleus(context.labels, context.classes, context.image, cell, context.cells)


def _as_predicted(context: Context, points: Points) -> Edit:
    then = context.predicted
    if then is None:
        raise UsageError(f"{LACKING['prediction']}; undo instead")
    classes = None if context.classes is None else then.classes
    return editing.restore_predicted(context.labels, then.labels, points[0], classes, context.cells, then.cells)


def _mark(mark: MarkName, context: Context, cell: int) -> Edit:
    return editing.mark_cell(context.labels, cell, mark, context.cells)


def _ignore_area(context: Context, points: Points) -> Edit:
    return editing.mark_polygon(context.labels, points, "ignore")


def _unmark(context: Context, points: Points) -> Edit:
    if context.ignore is None or context.marks is None:
        raise UsageError("no marks are kept with these labels; open them as a project")
    return editing.unmark_at(context.labels, context.ignore, context.marks, points[0])


REVIEW_TOOLS: dict[Tool, Correction] = TOOLS | {
    Tool(
        "Nucleus",
        "U",
        "click",
        "Click the cell whose nucleus is wrong.",
        "Find the nucleus of the cell that you click anew, by its stain",
        ("cells", "parts"),
    ): on_cell(_nucleus),
    Tool(
        "As predicted",
        "Y",
        "click",
        "Click the cell to put back as it was predicted.",
        "Put back what was predicted where you click, also a cell that was deleted",
        ("prediction",),
        MARKS,
    ): _as_predicted,
    Tool(
        "Smudge",
        "Shift+M",
        "click",
        "Click the cell that is a smudge.",
        "The cell that you click is a broken white cell: no cell, but marked",
        ("cells",),
        MARKS,
    ): on_cell(partial(_mark, "smudge")),
    Tool(
        "Artefact",
        "Shift+A",
        "click",
        "Click the cell that is none.",
        "The cell that you click is dirt or stain: no cell, but marked",
        ("cells",),
        MARKS,
    ): on_cell(partial(_mark, "artefact")),
    Tool(
        "Ignore",
        "I",
        "click",
        "Click the cell that cannot be decided.",
        "Leave the cell that you click, and its rim, out of training and scores",
        ("cells",),
        MARKS,
    ): on_cell(partial(_mark, "ignore")),
    Tool(
        "Ignore area",
        "Shift+I",
        "outline",
        "Hold the mouse button and draw around what is to be ignored.",
        "Leave the background inside an outline out of training and scores",
        (),
        MARKS,
    ): _ignore_area,
    Tool(
        "Unmark",
        "Shift+U",
        "click",
        "Click a marked or ignored place.",
        "Take back the mark, or the ignoring, where you click",
        ("marks",),
        MARKS,
    ): _unmark,
}
"""All tools of the review, in the order of their buttons."""
