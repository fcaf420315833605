"""The table of a differential count."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from napari_all.evaluation.differential import ClassCount, Differential
from napari_all.segmentation.cell_classes import CellClasses

HEADS = ("Class", "Cells", "%", "95 % interval")


class CountTable(QTableWidget):
    """One row for each class, as high as its rows."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, len(HEADS), parent)
        self.setHorizontalHeaderLabels(HEADS)
        self.setAccessibleName("Differential count")
        self.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QTableWidget.SelectionMode.NoSelection)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        if (rows := self.verticalHeader()) is not None:
            rows.setVisible(False)
            rows.setDefaultSectionSize(24)
        if (columns := self.horizontalHeader()) is not None:
            columns.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
            columns.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)

    def show_counts(self, found: Differential, classes: CellClasses) -> None:
        """Show a count."""
        self.setRowCount(len(found.classes))
        for row, count in enumerate(found.classes):
            counts = count.name in classes.counted
            for column, text in enumerate(_words(count)):
                item = QTableWidgetItem(text)
                if column == 0:
                    item.setData(Qt.ItemDataRole.DecorationRole, QColor(classes.colour(count.name)))
                    item.setToolTip(count.name if counts else f"{count.name}: not counted")
                else:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.setItem(row, column, item)
        head = self.horizontalHeader()
        rows = sum(self.rowHeight(row) for row in range(self.rowCount()))
        self.setFixedHeight(rows + (head.sizeHint().height() if head is not None else 0) + 2 * self.frameWidth() + 2)


def _words(count: ClassCount) -> tuple[str, str, str, str]:
    if count.share is None or count.interval is None:
        return count.name, str(count.cells), "–", ""
    low, high = (100 * end for end in count.interval)
    return count.name, str(count.cells), f"{100 * count.share:.1f}", f"{low:.1f}–{high:.1f}"
