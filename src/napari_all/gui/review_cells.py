"""Tab of the Review widget: the cells as a table and as a gallery, and their classes by one key."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from napari import Viewer
from napari.layers import Labels
from qtpy.QtWidgets import QVBoxLayout

from napari_all.errors import NapariAllError
from napari_all.gui.review_cells_classes import ClassButtons, ClassesDialog
from napari_all.gui.review_cells_list import CellsList
from napari_all.gui.review_cells_shown import ShownCells
from napari_all.gui.review_session import ReviewSession
from napari_all.gui.review_tab import Keys, ReviewTab
from napari_all.project.cell_classes import classes_of, keep_classes
from napari_all.segmentation.cell_classes import UNCLASSIFIED, CellClasses


class CellsTab(ReviewTab):
    """Everything about single cells."""

    title = "Cells"

    def __init__(self, viewer: Viewer, say: Callable[[str], None]) -> None:
        super().__init__(viewer, say)
        self.shown: ShownCells | None = None
        self._front = False
        self._keyed: Labels | None = None
        self._bound: tuple[str, ...] = ()
        self.list = CellsList(viewer)
        self.classes = ClassButtons()
        self.classes.chosen.connect(self.classify)
        self.classes.edit_wanted.connect(self.edit_classes)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.classes)
        layout.addWidget(self.list, 1)

    @property
    def keys(self) -> Keys:
        """The number keys give classes."""
        return self.classes.keys

    def use(self, session: ReviewSession | None) -> None:
        """Work on a project's cells, or on none."""
        super().use(session)
        if self.shown is not None:
            self.shown.close()
        self.shown = ShownCells(session) if session is not None else None
        self.list.use(session, self.shown)
        if session is not None and self.shown is not None:
            self._show_classes()
            session.moved.connect(self._take_front)
            self.shown.watch(self._front)
        self._take_front()

    def on_front(self, front: bool) -> None:
        """Measure, mark and hear cells while the tab is seen."""
        self._front = front
        if self.shown is not None:
            self.shown.watch(front)
        self._take_front()

    def classify(self, name: str) -> None:
        """Give the selected cells a class."""
        selected = self._selected()
        if self.session is None or not any(selected.values()):
            self.say("Select cells first: in the table, or by a click on the image.")
            return
        self.say("")
        give_class(self.session, selected, None if name == UNCLASSIFIED else name)

    def edit_classes(self) -> None:
        """Let the person change the classes of the project."""
        if self.session is not None:
            project = self.session.project
            ClassesDialog(classes_of(project.manifest), self._keep_classes, self).open()

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
            if self._front:
                self._bind(self._keyed)

    def _selected(self) -> Mapping[str, list[int]]:
        current = self.session.current if self.session is not None else None
        return {} if current is None else {current: self.list.selected}

    def _take_front(self) -> None:
        self.list.on_front(self._front)
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
    """Give cells of some images a class, or take it away; one step of undo for each image."""
    session.shown.take_in()
    try:
        for image, labels in cells.items():
            session.project.set_cell_classes(image, dict.fromkeys(labels, name))
    except NapariAllError as error:
        session.told.emit(str(error))
    session.changed.emit()


def _presser(slot: Callable[[], object]) -> Callable[[Labels], None]:
    # A function, not a partial: napari looks up the __name__ of what is bound.
    def press(layer: Labels) -> None:
        slot()

    return press
