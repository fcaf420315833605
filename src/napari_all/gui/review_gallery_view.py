"""The gallery's view: a small picture of each cell, read when it is seen, framed in the colour of its class."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import (
    QAbstractListModel,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QRect,
    QSize,
    Qt,
    QTimer,
    Signal,
)
from qtpy.QtGui import QColor, QImage, QPainter, QPen, QPixmap
from qtpy.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from napari_all.gui.background import Background
from napari_all.gui.review_cells_words import text_of
from napari_all.gui.review_gallery_cards import IN_ORDER, SORTS, Card, Key
from napari_all.workflows.project_cells import crops

PICTURE_PX, FRAME_PX, CAPTION_PX = 72, 4, 16
KEPT = 3000
"""Pictures in memory, of 16 kB each."""
BATCH = 24
_LOOK_AFTER_MS = 40
"""Cells that are only scrolled past are not read."""
_Role = Qt.ItemDataRole


class GalleryModel(QAbstractListModel):
    """Cards as Qt sees them; pictures are read from the image files in another thread when they are looked at."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.cards: list[Card] = []
        self.sort_by = IN_ORDER
        self.folder: Path | None = None
        self._files: Background | None = None
        self._pictures: OrderedDict[tuple[Any, ...], QPixmap] = OrderedDict()
        self._wanted: dict[tuple[Any, ...], Card] = {}
        self._reading = False
        self._look = QTimer(self)
        self._look.setSingleShot(True)
        self._look.setInterval(_LOOK_AFTER_MS)
        self._look.timeout.connect(self._read)

    def use(self, folder: Path | None) -> None:
        """Read pictures from another folder of images, or from none; ends the thread of the one before."""
        if self._files is not None:
            self._files.close()
        self.folder, self._reading = folder, False
        self._files = Background("gallery", self) if folder is not None else None
        self._pictures.clear()
        self._wanted.clear()

    def set_cards(self, cards: Sequence[Card], sort_by: str) -> None:
        """Show other cards."""
        same = [card.key for card in cards] == [card.key for card in self.cards]
        if not same:
            self.beginResetModel()
        self.cards, self.sort_by = list(cards), sort_by
        if not same:
            self.endResetModel()
        elif cards:
            self.dataChanged.emit(self.index(0), self.index(len(cards) - 1))

    def rowCount(self, parent: QModelIndex | None = None) -> int:  # noqa: N802 - Qt's name
        """Return the number of cards."""
        return 0 if parent is not None and parent.isValid() else len(self.cards)

    def data(self, index: QModelIndex, role: int = _Role.DisplayRole) -> Any:
        """Return what a card says and shows."""
        card = self.cards[index.row()]
        if role in (_Role.DisplayRole, _Role.AccessibleTextRole):
            by = self.sort_by
            return card.class_name if by in (IN_ORDER, "cell_class") else text_of(by, card.value(by))
        if role == _Role.ToolTipRole:
            measured = "" if self.sort_by in (IN_ORDER, "cell_class") else (
                f"\n{SORTS[self.sort_by]}: {text_of(self.sort_by, card.value(self.sort_by))}"
            )  # fmt: skip
            return f"{card.image}, cell {card.cell.label}\n{card.class_name}{measured}\nDouble click: go to the cell"
        return self._picture(card) if role == _Role.DecorationRole else None

    def _picture(self, card: Card) -> QPixmap | None:
        key = _place(card)
        if (found := self._pictures.get(key)) is not None:
            self._pictures.move_to_end(key)
            return found
        self._wanted.pop(key, None)
        self._wanted[key] = card  # last: what is seen now is read first
        if not self._look.isActive():  # begun anew at each look, it would never end while the view is painted often
            self._look.start()
        return None

    def _read(self) -> None:
        if self._files is None or self.folder is None or self._reading or not self._wanted:
            return
        image = next(reversed(self._wanted.values())).image
        some = [(key, card) for key, card in reversed(self._wanted.items()) if card.image == image][:BATCH]
        for key, _ in some:
            del self._wanted[key]
        views = [(card.cell.y, card.cell.x, card.side) for _, card in some]
        self._reading = True
        work = partial(crops, self.folder / image, views, PICTURE_PX)
        self._files.run(work, partial(self._on_read, [key for key, _ in some]), self._on_failed)

    def _on_read(self, keys: list[tuple[Any, ...]], pictures: NDArray[np.uint8]) -> None:
        for key, picture in zip(keys, pictures, strict=True):
            content = picture.tobytes()  # Qt does not keep it
            image = QImage(content, PICTURE_PX, PICTURE_PX, 3 * PICTURE_PX, QImage.Format.Format_RGB888)
            self._pictures[key] = QPixmap.fromImage(image.copy())
        while len(self._pictures) > KEPT:
            self._pictures.popitem(last=False)
        self._reading = False
        if self.cards:
            self.dataChanged.emit(self.index(0), self.index(len(self.cards) - 1), [_Role.DecorationRole])
        self._read()

    def _on_failed(self, text: str) -> None:
        self._reading = False
        self._read()


class CardDelegate(QStyledItemDelegate):
    """Paints a card: its picture, a frame in the colour of its class, words below."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.colour_of: Callable[[str], str] = lambda name: "#999999"

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:  # noqa: N802 - Qt's name
        """Return the size of a card."""
        side = PICTURE_PX + 2 * FRAME_PX
        return QSize(side + 4, side + CAPTION_PX + 4)

    def paint(self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """Paint a card."""
        model = index.model()
        if painter is None or not isinstance(model, GalleryModel):
            return
        card = model.cards[index.row()]
        area = option.rect.adjusted(2, 2, -2, -2)
        picture = QRect(area.left() + FRAME_PX, area.top() + FRAME_PX, PICTURE_PX, PICTURE_PX)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        if selected:
            painter.fillRect(area, QColor("#ffee00"))
        found = index.data(_Role.DecorationRole)
        if isinstance(found, QPixmap):
            painter.drawPixmap(picture, found)
        else:
            painter.fillRect(picture, QColor("#808080"))
        painter.setPen(QPen(QColor(self.colour_of(card.class_name)), FRAME_PX - 1))
        painter.drawRect(picture.adjusted(-2, -2, 1, 1))
        words = QRect(area.left(), picture.bottom() + FRAME_PX, area.width(), CAPTION_PX)
        painter.setPen(QColor("#000000") if selected else option.palette.text().color())
        text = option.fontMetrics.elidedText(
            str(index.data(_Role.DisplayRole)), Qt.TextElideMode.ElideRight, area.width()
        )
        painter.drawText(words, Qt.AlignmentFlag.AlignCenter, text)


class GalleryView(QListView):
    """Shows the cards; several may be selected, a double click goes to one."""

    chosen = Signal()
    """The person selected others."""
    opened = Signal(object)
    """The `Card` to go to."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.cards = GalleryModel(self)
        self.setModel(self.cards)
        self.painter_of_cards = CardDelegate(self)
        self.setItemDelegate(self.painter_of_cards)
        self.setAccessibleName("Gallery of cells")
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setMovement(QListView.Movement.Static)
        self.setUniformItemSizes(True)
        self.setSelectionMode(QListView.SelectionMode.ExtendedSelection)
        self.setSelectionRectVisible(True)
        self.setMinimumHeight(3 * (PICTURE_PX + CAPTION_PX + 16))
        self._silent = False
        self.doubleClicked.connect(lambda index: self.opened.emit(self.cards.cards[index.row()]))
        if (selection := self.selectionModel()) is not None:
            selection.selectionChanged.connect(self._on_selected)

    @property
    def selected(self) -> list[Key]:
        """The selected cells."""
        return [self.cards.cards[index.row()].key for index in self.selectedIndexes()]

    def show_cards(self, cards: Sequence[Card], sort_by: str) -> None:
        """Show other cards; those that stay remain selected, without word to anybody."""
        selected, bar = self.selected, self.verticalScrollBar()
        place = bar.value() if bar is not None else 0
        self._silent = True
        self.cards.set_cards(cards, sort_by)
        self._silent = False
        if self.selected != selected:
            self.select(selected)
        if bar is not None:
            bar.setValue(place)

    def select(self, keys: Collection[Key]) -> None:
        """Select cells without telling `chosen`."""
        model, selection = self.selectionModel(), QItemSelection()
        wanted = {*keys}
        rows = [row for row, card in enumerate(self.cards.cards) if card.key in wanted]
        for first, last in _runs(rows):
            selection.select(self.cards.index(first), self.cards.index(last))
        self._silent = True
        if model is not None:
            model.select(selection, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        self._silent = False

    def _on_selected(self) -> None:
        if not self._silent:
            self.chosen.emit()


def _runs(rows: Sequence[int]) -> list[tuple[int, int]]:
    """Return first and last of each run of ascending rows: Qt is slow with many selections of one."""
    starts = [row for before, row in zip([-2, *rows], rows, strict=False) if row != before + 1]
    ends = [row for row, after in zip(rows, [*rows[1:], -2], strict=False) if after != row + 1]
    return list(zip(starts, ends, strict=True))


def _place(card: Card) -> tuple[Any, ...]:
    return card.image, round(card.cell.y, 1), round(card.cell.x, 1), round(card.side, 1)
