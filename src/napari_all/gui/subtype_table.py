"""The table of predicted subtypes: sorted by any column, a small picture in every row, a click goes to the image."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QSize, Qt, QTimer, Signal
from qtpy.QtGui import QImage, QPixmap
from qtpy.QtWidgets import QTableView, QWidget

from napari_all.classes import SUBTYPES
from napari_all.gui.subtype_entries import Entry, with_thumbnails
from napari_all.types import RGBImage
from napari_all.workflows.status_words import FAILED_SIGN, STATUS_TEXT, signed, sureness

IMAGE, PREDICTED, CONFIDENCE, STATUS = range(4)
HEADS = ("Image", "Predicted", "Confidence", "Status", *SUBTYPES.names)
WIDTHS = (150, 76, 76, 96, *([78] * len(SUBTYPES)))
TIPS = (
    "A click on a row goes to its image",
    "Predicted subtype",
    "Probability of the predicted subtype",
    "Sorted by this column, the least sure images come first",
    *(f"Probability of {name}" for name in SUBTYPES.names),
)
PICTURE_PX = 44
LOOK_AFTER_MS = 80
"""Rows that are only scrolled past are not asked for pictures."""
_Role = Qt.ItemDataRole


class EntriesModel(QAbstractTableModel):
    """Entries as Qt sees them, in their order; tells which files it has no picture of while they are looked at.

    It sorts by itself: Qt's proxy asks for a value at each of its comparisons, a second for some thousand entries.
    """

    pictures_wanted = Signal(object)
    """Paths (list) of files whose rows are seen and have no thumbnail."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.entries: list[Entry] = []
        self._seen: list[int] = []
        """Positions of the entries in the order of the rows."""
        self._sorted: tuple[int, Qt.SortOrder] = (-1, Qt.SortOrder.AscendingOrder)
        self._pixmaps: dict[int, QPixmap] = {}
        self._wanted: list[Path] = []
        self._asked: set[Path] = set()
        self._ask = QTimer(self)
        self._ask.setSingleShot(True)
        self._ask.setInterval(LOOK_AFTER_MS)
        self._ask.timeout.connect(self._tell_wanted)

    def set_entries(self, entries: Sequence[Entry]) -> None:
        """Show other rows; where only their content changed, selection and order stay."""
        same = [_key(e) for e in entries] == [_key(e) for e in self.entries]
        if not same:
            self.beginResetModel()
        self.entries = list(entries)
        self._pixmaps.clear()
        if not same:
            self._asked.clear()
            self._seen = self._in_order()
            self.endResetModel()
        elif entries:
            self.dataChanged.emit(self.index(0, 0), self.index(len(entries) - 1, len(HEADS) - 1))
            self.sort(*self._sorted)

    def entry(self, row: int) -> Entry:
        """Return the entry that a row shows."""
        return self.entries[self._seen[row]]

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column, -1 = as the entries were given; equal ones stay as they were given."""
        self._sorted = column, order
        self.layoutAboutToBeChanged.emit()
        before, self._seen = self._seen, self._in_order()
        row_of = {position: row for row, position in enumerate(self._seen)}
        old = self.persistentIndexList()
        self.changePersistentIndexList(old, [self.index(row_of[before[i.row()]], i.column()) for i in old])
        self.layoutChanged.emit()

    def _in_order(self) -> list[int]:
        column, order = self._sorted
        if column < 0:
            return list(range(len(self.entries)))
        keys = [order_of(entry, column) for entry in self.entries]
        return sorted(range(len(keys)), key=keys.__getitem__, reverse=order == Qt.SortOrder.DescendingOrder)

    def add_thumbnails(self, found: Mapping[Path, RGBImage]) -> None:
        """Show further pictures; nothing is sorted again."""
        self.entries = with_thumbnails(self.entries, found)
        self.dataChanged.emit(self.index(0, IMAGE), self.index(len(self.entries) - 1, IMAGE), [_Role.DecorationRole])

    def rowCount(self, parent: QModelIndex | None = None) -> int:  # noqa: N802 - Qt's name
        """Return the number of entries."""
        return 0 if parent is not None and parent.isValid() else len(self.entries)

    def columnCount(self, parent: QModelIndex | None = None) -> int:  # noqa: N802 - Qt's name
        """Return the number of columns."""
        return 0 if parent is not None and parent.isValid() else len(HEADS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _Role.DisplayRole) -> Any:  # noqa: N802
        """Return the columns' names and tips."""
        if orientation == Qt.Orientation.Horizontal and role == _Role.DisplayRole:
            return HEADS[section]
        return TIPS[section] if orientation == Qt.Orientation.Horizontal and role == _Role.ToolTipRole else None

    def data(self, index: QModelIndex, role: int = _Role.DisplayRole) -> Any:
        """Return what a cell shows and says."""
        entry, column = self.entry(index.row()), index.column()
        if role in (_Role.DisplayRole, _Role.AccessibleTextRole):
            return text_of(entry, column)
        if role == _Role.ToolTipRole:
            return tip_of(entry, column)
        if role == _Role.TextAlignmentRole and column not in (IMAGE, PREDICTED, STATUS):
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == _Role.DecorationRole and column == IMAGE:
            return self._picture(self._seen[index.row()])
        return None

    def _picture(self, position: int) -> QPixmap | None:
        entry = self.entries[position]
        if entry.thumbnail is not None:
            if position not in self._pixmaps:
                self._pixmaps[position] = pixmap_of(entry.thumbnail)
            return self._pixmaps[position]
        if entry.path is not None and entry.path not in self._asked and entry.error is None:
            self._asked.add(entry.path)
            self._wanted.append(entry.path)
            self._ask.start()
        return None

    def _tell_wanted(self) -> None:
        wanted, self._wanted = self._wanted, []
        self.pictures_wanted.emit(wanted)


class EntriesTable(QTableView):
    """Shows entries; a click or Enter chooses one."""

    chosen = Signal(object)
    """The `Entry` to go to."""

    def __init__(self, pictures: Callable[[list[Path]], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows = EntriesModel(self)
        self.rows.pictures_wanted.connect(pictures)
        self.setModel(self.rows)
        self.setAccessibleName("Predicted subtypes")
        self.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QTableView.SelectionMode.SingleSelection)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.setTextElideMode(Qt.TextElideMode.ElideLeft)  # names of one folder often begin alike
        self.setIconSize(QSize(PICTURE_PX, PICTURE_PX))
        self.setMinimumHeight(4 * (PICTURE_PX + 4))
        if (rows := self.verticalHeader()) is not None:
            rows.setVisible(False)
            rows.setDefaultSectionSize(PICTURE_PX + 4)
        if (columns := self.horizontalHeader()) is not None:
            columns.setSortIndicatorClearable(True)
            columns.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
            for column, width in enumerate(WIDTHS):
                columns.resizeSection(column, width)
        self.setSortingEnabled(True)
        self.clicked.connect(self._choose)
        self.activated.connect(self._choose)

    def shown(self) -> list[Entry]:
        """Return the entries in the order in which they are seen."""
        return [self.rows.entry(row) for row in range(self.rows.rowCount())]

    def least_sure_first(self) -> None:
        """Sort by how far the predictions may be relied on, the least first."""
        self.sortByColumn(STATUS, Qt.SortOrder.AscendingOrder)
        self.scrollToTop()

    def _choose(self, index: QModelIndex) -> None:
        self.chosen.emit(self.rows.entry(index.row()))


def text_of(entry: Entry, column: int) -> str:
    """Return the words of a cell."""
    found = entry.prediction
    if column == IMAGE:
        return entry.name
    if found is None:
        return f"{FAILED_SIGN} failed: {entry.error}" if column == STATUS else "–"
    if column == PREDICTED:
        return found.predicted
    if column == STATUS:
        return signed(found.status)
    return f"{found.confidence if column == CONFIDENCE else found.probabilities[column - STATUS - 1]:.1%}"


def order_of(entry: Entry, column: int) -> str | float:
    """Return what a column is sorted by; failures come first."""
    found = entry.prediction
    if column in (IMAGE, PREDICTED):
        return text_of(entry, column).casefold()
    if column == STATUS or found is None:
        return sureness(found)
    return found.confidence if column == CONFIDENCE else found.probabilities[column - STATUS - 1]


def tip_of(entry: Entry, column: int) -> str:
    """Return more about a cell than fits into it."""
    if entry.prediction is not None and column == STATUS:
        return STATUS_TEXT[entry.prediction.status]
    return text_of(entry, column)


def pixmap_of(rgb: RGBImage) -> QPixmap:
    """Return a picture for Qt."""
    height, width = rgb.shape[:2]
    content = rgb.tobytes()  # Qt does not keep it
    image = QImage(content, width, height, 3 * width, QImage.Format.Format_RGB888).copy()
    ratio = Qt.AspectRatioMode.KeepAspectRatio
    return QPixmap.fromImage(image).scaled(PICTURE_PX, PICTURE_PX, ratio, Qt.TransformationMode.SmoothTransformation)


def _key(entry: Entry) -> tuple[str, Path | None]:
    return entry.name, entry.path
