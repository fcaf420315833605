"""The gallery of cells, of the image that is shown or of all: sorted, filtered, several selected at once."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QComboBox, QGridLayout, QLabel, QProgressBar, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from napari_all.gui.memory import recall, remember
from napari_all.gui.review_cells_words import counted
from napari_all.gui.review_gallery_cards import ANY_STATUS, NOT_REVIEWED, SORTS, Key, Wish, arranged
from napari_all.gui.review_gallery_source import GallerySource
from napari_all.gui.review_gallery_view import GalleryView
from napari_all.gui.review_session import ReviewSession
from napari_all.segmentation.cell_classes import CellClasses
from napari_all.types import IMAGE_STATUSES

_SORT = "review/gallery_sort"
_COALESCE_MS, _ARRIVING_MS = 120, 1000


class Gallery(QWidget):
    """Cards of cells with what decides which of them are seen."""

    chosen = Signal()
    """Other cells are selected."""
    opened = Signal(object)
    """The `Card` to go to."""

    def __init__(self) -> None:
        super().__init__()
        self._session: ReviewSession | None = None
        self._source: GallerySource | None = None
        self._front = False
        self._classes = CellClasses()
        self.view = GalleryView()
        self.view.chosen.connect(self._on_chosen)
        self.view.opened.connect(self.opened)
        self.scope = _chooser("Cells of which images", {"": "This image", "all": "All images"})
        self.sort = _chooser("What the cells are sorted by", SORTS)
        self.cell_class = _chooser("Only cells of one class", {"": "Every class"})
        statuses = {ANY_STATUS: "Every status", NOT_REVIEWED: "Not reviewed"} | {s: s for s in IMAGE_STATUSES[1:]}
        self.status = _chooser("Only cells of images of one status", statuses)
        self.descending = QToolButton()
        self.descending.setCheckable(True)
        self.descending.setToolTip("Smallest first (▲) or largest first (▼)")
        self.bar = QProgressBar()
        self.bar.setFormat("%v of %m images looked at")
        self.bar.setVisible(False)
        self.counted = QLabel()
        kept = recall(_SORT, ["image", False])
        self.sort.setCurrentIndex(max(0, self.sort.findData(kept[0])))
        self.descending.setChecked(bool(kept[1]))
        self._show_direction()
        for chooser in (self.scope, self.sort, self.cell_class, self.status):
            chooser.activated.connect(self._on_wish)
        self.descending.toggled.connect(self._on_wish)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self.renew)
        grid = QGridLayout()
        grid.addWidget(self.scope, 0, 0)
        grid.addWidget(self.sort, 0, 1)
        grid.addWidget(self.descending, 0, 2)
        grid.addWidget(self.cell_class, 1, 0)
        grid.addWidget(self.status, 1, 1, 1, 2)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(grid)
        layout.addWidget(self.bar)
        layout.addWidget(self.counted)
        layout.addWidget(self.view, 1)

    @property
    def wish(self) -> Wish:
        """What the person wants to see."""
        return Wish(
            str(self.sort.currentData()),
            self.descending.isChecked(),
            str(self.cell_class.currentData()),
            str(self.status.currentData()),
        )

    @property
    def selected(self) -> dict[str, list[int]]:
        """Labels of the selected cells by image."""
        found: dict[str, list[int]] = {}
        for image, label in self.view.selected:
            found.setdefault(image, []).append(label)
        return found

    def use(self, session: ReviewSession | None, source: GallerySource | None) -> None:
        """Show the cells of another review, or none."""
        self._session, self._source = session, source
        self.view.cards.use(session.project.images_folder if session is not None else None)
        self.view.show_cards([], self.wish.sort)
        if source is not None and session is not None:
            source.changed.connect(self._soon)
            source.progressed.connect(self._on_progress)
            session.changed.connect(self._soon)

    def set_classes(self, classes: CellClasses) -> None:
        """Offer other classes, and show them in their colours."""
        self._classes = classes
        chosen = self.cell_class.currentData()
        self.cell_class.clear()
        self.cell_class.addItem("Every class", "")
        for name in classes.names:
            self.cell_class.addItem(name, name)
        self.cell_class.setCurrentIndex(max(0, self.cell_class.findData(chosen)))
        colour_of: Callable[[str], str] = classes.colour
        self.view.painter_of_cards.colour_of = colour_of
        self._soon()

    def on_front(self, front: bool) -> None:
        """Look at images only while somebody looks at their cells."""
        self._front = front
        if self._source is not None:
            self._source.scan(front and self._all_images)
        if front:
            self.renew()

    def select(self, keys: list[Key]) -> None:
        """Select cells without telling `chosen`."""
        self.view.select(keys)
        self._count()

    def renew(self) -> None:
        """Show the cards as they are now."""
        if self._source is None or self._session is None or not self._front:
            return
        statuses = {entry.image: entry.status for entry in self._session.project.entries}
        cards = self._source.cards(all_images=self._all_images)
        self.view.show_cards(arranged(cards, statuses, self._classes.names, self.wish), self.wish.sort)
        self._count()

    def _soon(self) -> None:
        """Renew before long; while cells of many images arrive, not with each of them."""
        if self._front and not self._later.isActive():
            self._later.start(_COALESCE_MS if self.bar.isHidden() else _ARRIVING_MS)

    @property
    def _all_images(self) -> bool:
        return str(self.scope.currentData()) == "all"

    def _on_wish(self) -> None:
        remember(_SORT, [self.wish.sort, self.wish.descending])
        self._show_direction()
        self.bar.setVisible(False)
        if self._source is not None:
            self._source.scan(self._front and self._all_images)
        self.renew()

    def _on_progress(self, done: int, total: int) -> None:
        self.bar.setRange(0, total)
        self.bar.setValue(done)
        self.bar.setVisible(done < total and self._all_images)
        self._soon()

    def _on_chosen(self) -> None:
        self._count()
        self.chosen.emit()

    def _count(self) -> None:
        self.counted.setText(counted(len(self.view.cards.cards), len(self.view.selected)))

    def _show_direction(self) -> None:
        self.descending.setText("▼" if self.descending.isChecked() else "▲")


def _chooser(tip: str, entries: dict[str, str]) -> QComboBox:
    chooser = QComboBox()
    for data, words in entries.items():
        chooser.addItem(words, data)
    chooser.setToolTip(tip)
    chooser.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    return chooser
