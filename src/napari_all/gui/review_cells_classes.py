"""One-key classification of cells: a button for each class with its key, and a window to change the classes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import (
    QColorDialog,
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_all.errors import NapariAllError
from napari_all.segmentation.cell_classes import UNCLASSIFIED, CellClass, CellClasses

MOST_KEYS = 9
_SWATCH_PX = 10


class ClassButtons(QWidget):
    """Buttons that give the selected cells a class; the last takes it away."""

    chosen = Signal(str)
    """Name of the class."""
    edit_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.classes = CellClasses()
        self.buttons: dict[str, QPushButton] = {}
        self._grid = QGridLayout()
        self._grid.setSpacing(4)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(QLabel("Class of the selected cells:"))
        layout.addLayout(self._grid)
        self.edit = QPushButton("Cl&asses…")
        self.edit.setToolTip("Add classes of your own, remove some, choose colours and what counts")
        self.edit.clicked.connect(lambda: self.edit_wanted.emit())
        self.show_classes(self.classes)

    @property
    def keys(self) -> dict[str, Callable[[], object]]:
        """What the number keys do."""
        names = list(self.buttons)[:MOST_KEYS]
        return {str(place): partial(self._press, name) for place, name in enumerate(names, start=1)}

    def show_classes(self, classes: CellClasses) -> None:
        """Show other classes."""
        self.classes = classes
        for button in self.buttons.values():
            self._grid.removeWidget(button)
            button.deleteLater()
        self._grid.removeWidget(self.edit)
        self.buttons = {}
        for place, name in enumerate(classes.names):
            key = f" [{place + 1}]" if place < MOST_KEYS else ""
            button = QPushButton(_swatch(classes.colour(name)), f"{name}{key}")
            button.setIconSize(QSize(_SWATCH_PX, _SWATCH_PX))
            button.setStyleSheet("QPushButton { padding: 3px; }")
            takes = name == UNCLASSIFIED
            button.setToolTip("Take the class away" if takes else f"The selected cells are of the class {name}")
            button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            button.clicked.connect(partial(self._press, name))
            self.buttons[name] = button
            self._grid.addWidget(button, place // 2, place % 2)
        self._grid.addWidget(self.edit, (len(self.buttons) + 1) // 2, 0, 1, 2)

    def _press(self, name: str, checked: bool = False) -> None:
        self.chosen.emit(name)


class ClassesDialog(QDialog):
    """A window in which the classes of a project are changed.

    Parameters
    ----------
    classes
        As they are.
    keep
        Takes the new ones; a `NapariAllError` is shown, and the window stays.
    """

    def __init__(self, classes: CellClasses, keep: Callable[[CellClasses], None], parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Classes of cells")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._keep = keep
        self.table = QTableWidget(0, 3)
        self.table.setHorizontalHeaderLabels(["Class", "Colour", "Counts"])
        if (rows := self.table.verticalHeader()) is not None:
            rows.setVisible(False)
        for column, width in enumerate((180, 90, 60)):
            self.table.setColumnWidth(column, width)
        self.table.cellDoubleClicked.connect(self._on_double_click)
        for one in classes.classes[:-1]:
            self._add_row(one)
        self.add = QPushButton("&Add")
        self.remove = QPushButton("&Remove")
        self.up = QPushButton("&Up")
        self.add.clicked.connect(self.add_class)
        self.remove.clicked.connect(lambda: self.table.removeRow(self.table.currentRow()))
        self.up.clicked.connect(self._move_up)
        row = QHBoxLayout()
        for button in (self.add, self.remove, self.up):
            button.setAutoDefault(False)
            row.addWidget(button)
        self.problem = QLabel()
        self.problem.setWordWrap(True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(self.table)
        layout.addLayout(row)
        note = QLabel(
            f"Keys follow the order; {UNCLASSIFIED} is always the last. Ticked classes count towards the percentages. "
            "Double click a colour to change it."
        )
        note.setWordWrap(True)
        layout.addWidget(note)
        layout.addWidget(self.problem)
        layout.addWidget(buttons)
        self.resize(380, 420)

    @property
    def classes(self) -> CellClasses:
        """What the table says; `UsageError` when it makes no sense."""
        told = [self._row(row).model_dump() for row in range(self.table.rowCount())]
        return CellClasses.parse({"classes": [*told, CellClasses().classes[-1].model_dump()]})

    def add_class(self) -> None:
        """Add a row, and let the person name it."""
        self._add_row(CellClass(name="new class", colour="#e69f00"))
        row = self.table.rowCount() - 1
        self.table.setCurrentCell(row, 0)
        self.table.editItem(self.table.item(row, 0))

    def accept(self) -> None:
        """Keep the classes, or say why they cannot be kept."""
        try:
            self._keep(self.classes)
        except NapariAllError as error:
            self.problem.setText(str(error))
            return
        super().accept()

    def _add_row(self, one: CellClass) -> None:
        row = self.table.rowCount()
        self.table.insertRow(row)
        colour = QTableWidgetItem(_swatch(one.colour), one.colour)
        colour.setFlags(colour.flags() & ~Qt.ItemFlag.ItemIsEditable)
        counts = QTableWidgetItem()
        counts.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsSelectable)
        counts.setCheckState(Qt.CheckState.Checked if one.counted else Qt.CheckState.Unchecked)
        for column, item in enumerate((QTableWidgetItem(one.name), colour, counts)):
            self.table.setItem(row, column, item)

    def _row(self, row: int) -> CellClass:
        name, colour, counts = (self.table.item(row, column) for column in range(3))
        if name is None or colour is None or counts is None:
            raise RuntimeError("a row of the classes is not complete")
        counted = counts.checkState() == Qt.CheckState.Checked
        return CellClass.parse({"name": name.text().strip(), "colour": colour.text(), "counted": counted})

    def _on_double_click(self, row: int, column: int) -> None:
        item = self.table.item(row, 1)
        if column == 1 and item is not None:
            chosen = QColorDialog.getColor(QColor(item.text()), self)
            if chosen.isValid():
                item.setText(chosen.name())
                item.setIcon(_swatch(chosen.name()))

    def _move_up(self) -> None:
        row = self.table.currentRow()
        if row > 0:
            for column in range(3):
                above, here = self.table.takeItem(row - 1, column), self.table.takeItem(row, column)
                self.table.setItem(row - 1, column, here)
                self.table.setItem(row, column, above)
            self.table.setCurrentCell(row - 1, 0)


def _swatch(colour: str) -> QIcon:
    picture = QPixmap(_SWATCH_PX, _SWATCH_PX)
    picture.fill(QColor(colour))
    return QIcon(picture)
