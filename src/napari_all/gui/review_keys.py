"""The keys of the review, in one table: what the help sheet shows is what the keys do."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDialog, QHBoxLayout, QLabel, QWidget

from napari_all.gui.review_corrections import REVIEW_TOOLS

NEXT, PREVIOUS, ACCEPT, SKIP, FLAG, EXCLUDE, HELP = ".", ",", "A", "K", "G", "Q", "F1"
UNDO, REDO = "Ctrl+Z", "Ctrl+Shift+Z"
COMPARE, FINDING = "C", "Shift+F"

IMAGES = (
    (ACCEPT, "Accept: the labels are right; go on to the next that is left"),
    (SKIP, "Skip: leave it for later; go on to the next that is left"),
    (NEXT, "Next image, done or not"),
    (PREVIOUS, "Previous image"),
    (FLAG, "Flag, or take the flag away"),
    (EXCLUDE, "Exclude from training and counts, or include again"),
    (UNDO, "Undo, on whichever image it was"),
    (REDO, "Redo"),
    (HELP, "This sheet"),
)
LOOKING = (
    (COMPARE, "Compare with the prediction, or no more"),
    (FINDING, "Go to the next finding of the rules"),
    ("Escape", "Lay the tool down"),
)
CELLS = (
    ("1 to 9", "Give the selected cells a class, in the order of the buttons"),
    ("Double click", "In the gallery: go to the cell in its image"),
)
NAPARI = (
    ("P or 2", "Brush of the layer: paint with the label that is selected"),
    ("E or 1", "Eraser"),
    ("3", "Polygon: click around a cell, double click to close"),
    ("F or 4", "Fill bucket"),
    ("M", "Select a number that no cell has, to paint a new one"),
    ("L or 5", "Take the number of the cell that you click"),
    ("Z or 6", "Move and zoom again"),
    ("[ and ]", "Smaller, larger brush"),
    ("B", "Protect other cells while painting, or not"),
    ("V", "Hide the selected layer, or show it"),
)


def help_columns() -> tuple[str, str]:
    """Return the sheet as rich text, in two columns."""
    tools = tuple((tool.key, f"{tool.name}: {tool.tip[0].lower()}{tool.tip[1:]}") for tool in REVIEW_TOOLS)
    left = (("Images", IMAGES), ("napari's own brushes", NAPARI), ("Looking", LOOKING))
    right = (("Tools", tools), ("Cells", CELLS))
    first, second = ("".join(f"<h3>{title}</h3>{_table(rows)}" for title, rows in parts) for parts in (left, right))
    return first, second


class KeySheet(QDialog):
    """A small window with all keys; it may stay open beside the work."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys of the review")
        layout = QHBoxLayout(self)
        for column in help_columns():
            label = QLabel(column)
            label.setTextFormat(Qt.TextFormat.RichText)
            layout.addWidget(label, 0, Qt.AlignmentFlag.AlignTop)


def _table(rows: tuple[tuple[str, str], ...]) -> str:
    return f"<table>{''.join(map(_row, rows))}</table>"


def _row(row: tuple[str, str]) -> str:
    key, what = row
    return f"<tr><td style='padding: 1px 14px 1px 0'><b>{key}</b></td><td>{what}</td></tr>"
