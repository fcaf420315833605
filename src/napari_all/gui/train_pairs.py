"""The list of images and masks that a training would be fed with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qtpy.QtWidgets import QHeaderView, QTableWidget, QTableWidgetItem, QWidget


class PairTable(QTableWidget):
    """Images with their masks, and before them the images that are left out, with the reason."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, 2, parent)
        self.setHorizontalHeaderLabels(["Image", "Mask"])
        self.setAccessibleName("Images and their masks")
        self.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.setWordWrap(False)
        self.setFixedHeight(140)
        self.setTabKeyNavigation(False)
        if (rows := self.verticalHeader()) is not None:
            rows.setVisible(False)
        if (columns := self.horizontalHeader()) is not None:
            columns.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.setVisible(False)

    def show_pairs(self, pairs: Sequence[Sequence[str]], summary: Mapping[str, Any]) -> None:
        """Show pairs of names, and what a `DataSummary` names as left out."""
        rows = [
            *((name, "✖ no mask: left out") for name in summary["without_mask"]),
            *((name, "✖ a mere prediction: left out") for name in summary["predicted"]),
            *((image, mask) for image, mask in pairs),
        ]
        self.setRowCount(len(rows))
        for index, row in enumerate(rows):
            for column, text in enumerate(row):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                self.setItem(index, column, item)
        self.setVisible(True)
