"""Tab of the Review widget: the cells as a table and as a gallery, and their classes by one key."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from napari import Viewer
from napari.layers import Labels
from qtpy.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QVBoxLayout

from napari_all.errors import NapariAllError
from napari_all.gui.front_keys import Keys
from napari_all.gui.memory import recall, remember
from napari_all.gui.review_cells_classes import ClassButtons, ClassesDialog
from napari_all.gui.review_cells_list import CellsList
from napari_all.gui.review_cells_shown import ShownCells
from napari_all.gui.review_gallery import Gallery
from napari_all.gui.review_gallery_cards import Card
from napari_all.gui.review_gallery_source import GallerySource
from napari_all.gui.review_session import ReviewSession
from napari_all.gui.review_tab import ReviewTab
from napari_all.project.cell_classes import classes_of, keep_classes
from napari_all.segmentation.cell_classes import UNCLASSIFIED, CellClasses

_GALLERY = "review/cells_as_gallery"


class CellsTab(ReviewTab):
    """Everything about single cells."""

    title = "Cells"

    def __init__(self, viewer: Viewer, say: Callable[[str], None]) -> None:
        super().__init__(viewer, say)
        self.shown: ShownCells | None = None
        self.source: GallerySource | None = None
        self._front = False
        self._keyed: Labels | None = None
        self._bound: tuple[str, ...] = ()
        self.list, self.gallery, self.classes = CellsList(viewer), Gallery(), ClassButtons()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(self._ways())
        layout.addWidget(self.list, 1)
        layout.addWidget(self.gallery, 1)
        layout.addWidget(self.classes)
        self.classes.chosen.connect(self.classify)
        self.classes.edit_wanted.connect(self.edit_classes)
        self.list.selection_changed.connect(self._on_listed)
        self.gallery.chosen.connect(self._on_gallery_chosen)
        self.gallery.opened.connect(self.go_to)
        self.gallery.setVisible(self.as_gallery.isChecked())
        self.list.setVisible(not self.as_gallery.isChecked())

    @property
    def keys(self) -> Keys:
        """The number keys give classes."""
        return self.classes.keys

    def use(self, session: ReviewSession | None) -> None:
        """Work on a project's cells, or on none."""
        super().use(session)
        if self.shown is not None:
            self.shown.close()
        self.shown = self.source = None
        if session is not None:
            self.shown = ShownCells(session)
            self.source = GallerySource(session, self.shown)
            session.moved.connect(self._take_front)
            self.shown.watch(self._front)
        self.list.use(session, self.shown)
        self.gallery.use(session, self.source)
        self._show_classes()
        self._take_front()

    def on_front(self, front: bool) -> None:
        """Measure, mark and hear cells while the tab is seen."""
        self._front = front
        if self.shown is not None:
            self.shown.watch(front)
        self._take_front()

    def classify(self, name: str) -> None:
        """Give the selected cells a class."""
        session, selected = self.session, self._selected()
        if session is None or not any(selected.values()):
            self.say("Select cells first: here, or by a click on the image.")
            return
        self.say("")
        give_class(session, selected, None if name == UNCLASSIFIED else name)
        if self.source is not None:
            self.source.note_classes(selected)

    def go_to(self, card: Card) -> None:
        """Show a cell of the gallery in its image."""
        if self.session is not None and (card.image == self.session.current or self.session.go_to(card.image)):
            self.list.go_to(card.cell.label)

    def edit_classes(self) -> None:
        """Let the person change the classes of the project."""
        if self.session is not None:
            ClassesDialog(classes_of(self.session.project.manifest), self._keep_classes, self).open()

    def _ways(self) -> QHBoxLayout:
        self.as_table, self.as_gallery = QPushButton("&Table"), QPushButton("&Gallery")
        self.as_table.setToolTip("Measurements of the cells of this image")
        self.as_gallery.setToolTip("Small pictures of the cells of this image, or of all images")
        group, row = QButtonGroup(self), QHBoxLayout()
        for button in (self.as_table, self.as_gallery):
            button.setCheckable(True)
            group.addButton(button)
            row.addWidget(button)
        self.as_gallery.setChecked(bool(recall(_GALLERY, False)))
        self.as_table.setChecked(not self.as_gallery.isChecked())
        self.as_gallery.toggled.connect(self._on_way)
        return row

    def _on_way(self, gallery: bool) -> None:
        remember(_GALLERY, gallery)
        self.list.setVisible(not gallery)
        self.gallery.setVisible(gallery)
        self._take_front()

    def _keep_classes(self, classes: CellClasses) -> None:
        if self.session is not None:
            keep_classes(self.session.project, classes)
            self._show_classes()
            self.session.changed.emit()

    def _show_classes(self) -> None:
        if self.session is not None:
            classes = classes_of(self.session.project.manifest)
            self.classes.show_classes(classes)
            self.list.set_colours(classes.colour)
            self.gallery.set_classes(classes)
            self._bind(self._keyed)

    def _selected(self) -> Mapping[str, list[int]]:
        if self.as_gallery.isChecked():
            return self.gallery.selected
        current = self.session.current if self.session is not None else None
        return {} if current is None else {current: self.list.selected}

    def _on_listed(self) -> None:
        """Cells were clicked on the canvas, or selected in the table."""
        if self.session is not None and self.session.current is not None:
            self.gallery.select([(self.session.current, label) for label in self.list.selected])

    def _on_gallery_chosen(self) -> None:
        if self.session is not None:
            self.list.select(self.gallery.selected.get(self.session.current or "", []))

    def _take_front(self) -> None:
        self.list.on_front(self._front)
        self.gallery.on_front(self._front and self.as_gallery.isChecked())
        self._bind(self.session.shown.labels if self.session is not None and self._front else None)

    def _bind(self, labels: Labels | None) -> None:
        """Let the number keys give classes on the canvas, too; there they would be napari's, of the labels layer."""
        if self._keyed is not None:
            for key in self._bound:
                self._keyed.bind_key(key, None, overwrite=True)
        self._keyed, self._bound = labels, tuple(self.keys)
        if labels is not None:
            for key, slot in self.keys.items():
                labels.bind_key(key, _presser(slot), overwrite=True)


def give_class(session: ReviewSession, cells: Mapping[str, Collection[int]], name: str | None) -> None:
    """Give cells of some images a class, or take it away, as one step of undo."""
    session.shown.take_in()
    try:
        session.project.set_cell_classes({image: dict.fromkeys(labels, name) for image, labels in cells.items()})
    except NapariAllError as error:
        session.told.emit(str(error))
    session.changed.emit()


def _presser(slot: Callable[[], object]) -> Callable[[Labels], None]:
    # A function, not a partial: napari looks up the __name__ of what is bound.
    def press(layer: Labels) -> None:
        slot()

    return press
