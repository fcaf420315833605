"""The table of the cells of one image: sorted by any column, columns chosen by the person."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from qtpy.QtCore import QAbstractTableModel, QItemSelection, QItemSelectionModel, QModelIndex, Qt, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QTableView, QWidget

from napari_all.gui.review_cells_words import HEADS, TIPS, in_order, text_of
from napari_all.io.tables import Row
from napari_all.segmentation.cell_classes import UNCLASSIFIED

_Role = Qt.ItemDataRole
_ROW_PX = 22


class CellsModel(QAbstractTableModel):
    """Rows as Qt sees them, in the order of the table."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.columns: tuple[str, ...] = ("label",)
        self.rows: list[Row] = []
        self.colour_of: Callable[[str], str] = lambda name: "#999999"
        self._by, self._descending = "label", False

    def set_columns(self, columns: Sequence[str]) -> None:
        """Show other columns."""
        self.beginResetModel()
        self.columns = tuple(columns)
        self.endResetModel()

    def set_rows(self, rows: Mapping[int, Row]) -> None:
        """Show other rows; where the cells are the same, what is selected stays."""
        ordered = in_order(rows.values(), self._by, self._descending)
        if [row["label"] for row in ordered] == self.labels:
            self.rows = ordered
            self.dataChanged.emit(self.index(0, 0), self.index(len(ordered) - 1, len(self.columns) - 1))
        elif {row["label"] for row in ordered} == {*self.labels}:
            self._rearrange(ordered)
        else:
            self.beginResetModel()
            self.rows = ordered
            self.endResetModel()

    @property
    def labels(self) -> list[Any]:
        """The cells in the order of the table."""
        return [row["label"] for row in self.rows]

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column; cells without a value come last either way."""
        if 0 <= column < len(self.columns):
            self._by, self._descending = self.columns[column], order == Qt.SortOrder.DescendingOrder
            self._rearrange(in_order(self.rows, self._by, self._descending))

    def rowCount(self, parent: QModelIndex | None = None) -> int:  # noqa: N802 - Qt's name
        """Return the number of cells."""
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex | None = None) -> int:  # noqa: N802 - Qt's name
        """Return the number of columns."""
        return 0 if parent is not None and parent.isValid() else len(self.columns)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _Role.DisplayRole) -> Any:  # noqa: N802
        """Return the columns' names and what they mean."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        name = self.columns[section]
        return HEADS[name] if role == _Role.DisplayRole else TIPS[name] if role == _Role.ToolTipRole else None

    def data(self, index: QModelIndex, role: int = _Role.DisplayRole) -> Any:
        """Return what a cell of the table shows."""
        name = self.columns[index.column()]
        value = self.rows[index.row()][name]
        if role in (_Role.DisplayRole, _Role.AccessibleTextRole):
            return text_of(name, value)
        if role == _Role.DecorationRole and name == "cell_class":
            return QColor(self.colour_of(str(value or UNCLASSIFIED)))
        if role == _Role.TextAlignmentRole and name != "cell_class":
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    def _rearrange(self, ordered: list[Row]) -> None:
        self.layoutAboutToBeChanged.emit()
        old = self.persistentIndexList()
        labels = [self.rows[index.row()]["label"] for index in old]
        self.rows = ordered
        place = {label: row for row, label in enumerate(self.labels)}
        new = [self.index(place[label], index.column()) for label, index in zip(labels, old, strict=True)]
        self.changePersistentIndexList(old, new)
        self.layoutChanged.emit()


class CellsTable(QTableView):
    """Shows the cells; several may be selected."""

    chosen = Signal(list)
    """Labels that the person selected, the one looked at last."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model_of_cells = CellsModel(self)
        self.setModel(self.model_of_cells)
        self.setAccessibleName("Cells of the image")
        self.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QTableView.SelectionMode.ExtendedSelection)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.setMinimumHeight(9 * _ROW_PX)
        if (rows := self.verticalHeader()) is not None:
            rows.setVisible(False)
            rows.setDefaultSectionSize(_ROW_PX)
        if (columns := self.horizontalHeader()) is not None:
            columns.setSortIndicator(0, Qt.SortOrder.AscendingOrder)
        self.setSortingEnabled(True)
        self._silent = False
        self._selection().selectionChanged.connect(self._on_selected)

    @property
    def selected(self) -> list[int]:
        """Labels of the selected cells, the current one last."""
        current = self.currentIndex()
        rows = sorted({index.row() for index in self._selection().selectedRows()}, key=lambda r: r == current.row())
        return [self.model_of_cells.labels[row] for row in rows]

    def set_columns(self, columns: Sequence[str]) -> None:
        """Show other columns, each as wide as its words."""
        self._keeping(lambda: self.model_of_cells.set_columns(columns))
        self.resizeColumnsToContents()

    def set_rows(self, rows: Mapping[int, Row]) -> None:
        """Show other rows; cells that stay remain selected, without word to anybody."""
        empty = not self.model_of_cells.rows
        self._keeping(lambda: self.model_of_cells.set_rows(rows))
        if empty and rows:
            self.resizeColumnsToContents()

    def select(self, labels: Collection[int], *, scroll: bool = True) -> None:
        """Select cells without telling `chosen`."""
        self._silent = True
        try:
            last = len(self.model_of_cells.columns) - 1
            selection = QItemSelection()
            place = {label: row for row, label in enumerate(self.model_of_cells.labels)}
            model = self.model_of_cells
            rows = [place[label] for label in labels if label in place]
            for row in rows:
                selection.select(model.index(row, 0), model.index(row, last))
            flags = QItemSelectionModel.SelectionFlag
            if rows:
                self._selection().setCurrentIndex(model.index(rows[-1], 0), flags.NoUpdate)
            self._selection().select(selection, flags.ClearAndSelect)
            if rows and scroll:
                self.scrollTo(model.index(rows[-1], 0))
        finally:
            self._silent = False

    def _keeping(self, change: Callable[[], None]) -> None:
        """Change the model; a reset forgets what is selected and where the person scrolled to."""
        bar = self.verticalScrollBar()
        selected, place = self.selected, bar.value() if bar is not None else 0
        self._silent = True
        try:
            change()
        finally:
            self._silent = False
        if self.selected != selected:
            self.select(selected, scroll=False)
        if bar is not None:
            bar.setValue(place)

    def _selection(self) -> QItemSelectionModel:
        found = self.selectionModel()
        if found is None:
            raise RuntimeError("the table has lost its model")
        return found

    def _on_selected(self) -> None:
        if not self._silent:
            self.chosen.emit(self.selected)
