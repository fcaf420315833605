"""The cells of the shown image as a table, linked both ways with the labels layer."""

from __future__ import annotations

from collections.abc import Callable

from napari import Viewer
from qtpy.QtCore import Signal
from qtpy.QtGui import QAction
from qtpy.QtWidgets import QHBoxLayout, QLabel, QMenu, QToolButton, QVBoxLayout, QWidget

from napari_all.gui.memory import recall, remember
from napari_all.gui.review_cells_canvas import CellsOnCanvas
from napari_all.gui.review_cells_shown import ShownCells
from napari_all.gui.review_cells_table import CellsTable
from napari_all.gui.review_cells_words import FIRST, HEADS, TIPS, counted
from napari_all.gui.review_session import ReviewSession

_COLUMNS = "review/cell_columns"


class CellsList(QWidget):
    """Table, the menu of its columns, and what is selected in words."""

    selection_changed = Signal()

    def __init__(self, viewer: Viewer) -> None:
        super().__init__()
        self._session: ReviewSession | None = None
        self._shown: ShownCells | None = None
        self._front = False
        self._awaited: int | None = None
        self.canvas = CellsOnCanvas(viewer, self._on_click)
        self.table = CellsTable()
        self.table.chosen.connect(self._on_chosen)
        self.counted = QLabel()
        self.counted.setWordWrap(True)
        self.columns = QToolButton()
        self.columns.setText("Columns")
        self.columns.setToolTip("Which measurements the table shows")
        self.columns.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._menu = QMenu(self)
        self._menu.setToolTipsVisible(True)
        self.columns.setMenu(self._menu)
        self.actions_of_columns = {name: self._action(name) for name in HEADS}
        top = QHBoxLayout()
        top.addWidget(self.counted, 1)
        top.addWidget(self.columns)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(top)
        layout.addWidget(self.table, 1)
        self._show_columns()

    @property
    def selected(self) -> list[int]:
        """Labels of the selected cells."""
        return self.table.selected

    def use(self, session: ReviewSession | None, shown: ShownCells | None) -> None:
        """Show the cells of another review's images, or none."""
        self._session, self._shown = session, shown
        if shown is not None:
            shown.changed.connect(self.renew)
        self.canvas.listen(None)
        self.renew()

    def set_colours(self, colour_of: Callable[[str], str]) -> None:
        """Show the classes in other colours."""
        self.table.model_of_cells.colour_of = colour_of
        if (view := self.table.viewport()) is not None:
            view.update()

    def on_front(self, front: bool) -> None:
        """Mark and hear cells on the canvas while the table is seen."""
        self._front = front
        labels = self._session.shown.labels if self._session is not None and front else None
        self.canvas.listen(labels)
        if front:
            self._mark()

    def select(self, labels: list[int]) -> None:
        """Select cells, and frame them on the canvas."""
        self.table.select(labels)
        self._mark()

    def go_to(self, label: int) -> None:
        """Bring a cell into the middle of the view, and select it as soon as it is in the table."""
        if self._session is not None:
            self._awaited = label
            self.canvas.mark([label], self._session.shown.cells)
            self.canvas.centre(label, self._session.shown.cells)
            self.renew()

    def renew(self) -> None:
        """Show the measurements as they are now."""
        rows = self._shown.rows if self._shown is not None else {}
        self.table.set_rows(rows)
        self._show_columns()
        if self._awaited in rows:
            self.table.select([self._awaited])
            self._awaited = None
        if self._shown is not None and not self._shown.ready:
            self.counted.setText("The cells are being measured…" if self._front else "")
        self._mark()

    def _action(self, name: str) -> QAction:
        action = QAction(HEADS[name], self._menu)
        action.setCheckable(True)
        action.setChecked(name in recall(_COLUMNS, list(FIRST)))
        action.setToolTip(TIPS[name])
        action.triggered.connect(self._on_columns)
        if name != "label":
            self._menu.addAction(action)
        return action

    def _on_columns(self) -> None:
        remember(_COLUMNS, [name for name, action in self.actions_of_columns.items() if action.isChecked()])
        self._show_columns()

    def _show_columns(self) -> None:
        """Show the chosen columns; micrometres, only where the image is calibrated."""
        calibrated = self._shown is not None and self._shown.pixel_size_um is not None
        for name, action in self.actions_of_columns.items():
            action.setVisible(calibrated or "_um" not in name)
        chosen = recall(_COLUMNS, list(FIRST))
        columns = [n for n in HEADS if n == "label" or (n in chosen and (calibrated or "_um" not in n))]
        if tuple(columns) != self.table.model_of_cells.columns:
            self.table.set_columns(columns)

    def _on_chosen(self, labels: list[int]) -> None:
        self._mark()
        if labels and self._session is not None:
            self.canvas.centre(labels[-1], self._session.shown.cells)
        self.selection_changed.emit()

    def _on_click(self, label: int, add: bool) -> None:
        """A cell was clicked on the canvas."""
        before = self.selected
        if add and label:
            labels = [one for one in before if one != label] + ([] if label in before else [label])
        else:
            labels = [label] if label else []
        self.table.select(labels)
        self._mark()
        self.selection_changed.emit()

    def _mark(self) -> None:
        if self._session is None or not self._front:
            return
        selected = self.selected if self._awaited is None else [self._awaited]
        self.canvas.mark(selected, self._session.shown.cells)
        if self._shown is not None and self._shown.ready:
            self.counted.setText(counted(len(self.table.model_of_cells.rows), len(selected)))
