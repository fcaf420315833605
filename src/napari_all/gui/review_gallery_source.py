"""Where the gallery's cells come from: the image on the screen as it is now, all others from the project's files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from napari_all.gui.jobs import ENGINES, Job
from napari_all.gui.review_cells_shown import ShownCells
from napari_all.gui.review_gallery_cards import Card, cards_of
from napari_all.gui.review_session import ReviewSession
from napari_all.segmentation.measure import with_classes
from napari_all.types import Cell

BATCH = 4
"""Images that the engine measures at a time, so that others' jobs come in between."""
UNSAVED_MS = 700
"""An image of which something is not on the disk yet is asked again so much later."""


@dataclass(frozen=True)
class _Kept:
    cards: tuple[Card, ...]
    stamp: tuple[Any, ...]


class GallerySource(QObject):
    """Cards of the images of a review, made in the engine when they are wanted.

    Parameters
    ----------
    session, shown
        The review, and the cells of the image that it shows.
    """

    changed = Signal()
    """Cards are there, or are others."""
    progressed = Signal(int, int)
    """Images looked at, images in all; equal when all are there."""

    def __init__(self, session: ReviewSession, shown: ShownCells) -> None:
        super().__init__(session)
        self._session, self._shown = session, shown
        self._kept: dict[str, _Kept] = {}
        self._failed: dict[str, str] = {}
        self._wanted = False
        self._job: Job | None = None
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.setInterval(UNSAVED_MS)
        self._again.timeout.connect(self._next)
        session.edited.connect(self._on_edited)
        session.changed.connect(self._on_changed)
        session.replayed.connect(self.note_classes)
        shown.changed.connect(self._on_shown)

    def cards(self, *, all_images: bool) -> list[Card]:
        """Return the cards that are there, of the image that is shown or of all, in the order of the images."""
        current = self._session.current
        images: Iterable[str | None] = self._session.project.images if all_images else (current,)
        return [card for image in images if image in self._kept for card in self._kept[image].cards]

    def scan(self, wanted: bool) -> None:
        """Have all images measured that are not, or stop."""
        self._wanted = wanted
        if wanted:
            self._next()

    def note_classes(self, images: Iterable[str]) -> None:
        """Take over the classes of cells of images that are in memory."""
        for image in images:
            kept = self._kept.get(image)
            if kept is None:
                continue
            classes = self._session.project.values(image).cell_classes
            if any(classes.get(card.cell.label) != card.cell.cell_class for card in kept.cards):
                cells = with_classes((card.cell for card in kept.cards), classes)
                cards = tuple(replace(card, cell=cell) for card, cell in zip(kept.cards, cells, strict=True))
                self._kept[image] = replace(kept, cards=cards)
        self.changed.emit()

    def _missing(self) -> list[str]:
        """Images to be measured, those that the person comes to first in front."""
        known = self._kept
        return [
            image
            for image in self._session.names
            if image not in self._failed and (image not in known or known[image].stamp != self._stamp(image))
        ]

    def _stamp(self, image: str) -> tuple[Any, ...]:
        """Return what is another when the labels of an image are another prediction's."""
        entry = self._session.project.entry(image)
        return entry.status == "none", entry.uncertainty

    def _next(self) -> None:
        if not self._wanted or self._job is not None:
            return
        missing, total = self._missing(), len(self._session.project.images)
        self.progressed.emit(total - len(missing), total)
        unsaved = {*self._session.project.unsaved, self._session.current}
        batch = [image for image in missing if image not in unsaved][:BATCH]
        if not batch:
            if missing:
                self._again.start()
            return
        project = self._session.project
        config = {"folder": str(project.layout.folder), "images_folder": str(project.images_folder), "images": batch}
        stamps = {image: self._stamp(image) for image in batch}
        self._job = ENGINES.start("project_cells", config, {}, heavy=False)
        self._job.succeeded.connect(lambda value, arrays: self._take(value, stamps))
        self._job.failed.connect(lambda text: self._failed.update({image: str(text) for image in batch}))
        self._job.ended.connect(self._on_ended)

    def _take(self, value: dict[str, Any], stamps: dict[str, tuple[Any, ...]]) -> None:
        self._failed.update(value["failed"])
        for image, reason in value["failed"].items():
            self._session.told.emit(f"The cells of {image} are not in the gallery: {reason}")
        for image, told in value["images"].items():
            if image != self._session.current:  # that one is followed edit by edit
                cells = [Cell(**row) for row in told["cells"]]
                self._kept[image] = _Kept(cards_of(image, cells, told["red_cell_px"]), stamps[image])
        self.changed.emit()

    def _on_ended(self) -> None:
        self._job = None
        self._next()

    def _on_edited(self, window: Any, touched: set[int]) -> None:
        current = self._session.current
        if current in self._kept:  # measured anew, here or once the image is left
            self._kept[current] = replace(self._kept[current], stamp=())

    def _on_shown(self) -> None:
        current = self._session.current
        if current is not None and self._shown.ready:
            cards = cards_of(current, [*self._shown.cells.values()], self._shown.red_cell_px)
            self._kept[current] = _Kept(cards, self._stamp(current))
        self.changed.emit()

    def _on_changed(self) -> None:
        current = self._session.current
        if current is not None and not self._shown.ready:
            self.note_classes([current])
