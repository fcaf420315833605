"""What a model proposes for an image that a person has corrected: shown cell by cell, taken cell by cell."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from napari import Viewer
from napari.layers import Labels
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QGridLayout, QGroupBox, QLabel, QPushButton, QVBoxLayout

from napari_all.gui.background import Background
from napari_all.gui.canvas_tools import CanvasTools, Points, Tool
from napari_all.gui.review_offers import KINDS, Found, find_offers, words_of
from napari_all.gui.review_overlays import forget_history, repaint, seen_layer
from napari_all.gui.review_session import ReviewSession
from napari_all.project.predicting import drop_proposal
from napari_all.project.proposals import Offer, proposed_images, taken, untouched
from napari_all.segmentation.editing.points import pixel_at

TAKE = Tool("Take over", "", "click", "Click a proposed cell to take it.", "Take the proposed cell that you click")
_OUTLINED, _FILLED = 1.0, 0.45
"""Opacity of what is proposed, as the cells are shown."""
LOOK_AFTER_MS = 300
"""How long after an edit the proposal is compared anew."""


class ProposalBox(QGroupBox):
    """Hidden while nothing is proposed for any image of the project.

    Parameters
    ----------
    viewer
        Where the proposal is shown as a layer.
    say
        Shows a line at the foot of the panel.
    """

    def __init__(self, viewer: Viewer, say: Callable[[str], None]) -> None:
        super().__init__("Proposed by a model")
        self._viewer, self._say = viewer, say
        self._session: ReviewSession | None = None
        self._files: Background | None = None
        self.images: set[str] = set()
        self.found: Found | None = None
        self.layer: Labels | None = None
        self.tools = CanvasTools(viewer, self._on_click)
        self._build()
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(LOOK_AFTER_MS)
        self._later.timeout.connect(self._look)

    def _build(self) -> None:
        self.line = QLabel()
        self.line.setWordWrap(True)
        self.click = QPushButton("Take by clic&k")
        self.click.setCheckable(True)
        self.click.setToolTip(f"{TAKE.tip}; one step of undo")
        self.all = QPushButton("Ta&ke all untouched")
        self.all.setToolTip("Take every proposed cell that concerns nothing you have worked on; one step of undo")
        self.away = QPushButton("Put awa&y")
        self.away.setToolTip("Remove the proposal; your labels stay as they are")
        self.next = QPushButton("Ne&xt proposal")
        self.next.setToolTip("Show the next image that something is proposed for")
        grid = QGridLayout()
        for place, button in enumerate((self.click, self.all, self.away, self.next)):
            grid.addWidget(button, place // 2, place % 2)
        layout = QVBoxLayout(self)
        layout.addWidget(self.line)
        layout.addLayout(grid)
        self.click.toggled.connect(self._on_toggled)
        self.all.clicked.connect(self.take_all)
        self.away.clicked.connect(self.put_away)
        self.next.clicked.connect(self._go_on)
        self.setVisible(False)

    def use(self, session: ReviewSession | None) -> None:
        """Show what is proposed for the images of a project that was opened, or nothing."""
        self._later.stop()
        if self._files is not None:
            self._files.close()
            self._files.deleteLater()
            self._files = None
        self._clear()
        self._session, self.images = session, set()
        if session is not None:
            self._files = Background("proposals", self)
            self.images = proposed_images(session.project.layout, session.project.images)
            session.moved.connect(self._on_moved)
            session.edited.connect(self._later.start)
        self._show()

    def on_taken(self, image: str, taken_as: str) -> None:
        """Hear of an image that was predicted: the model's result is its labels, or a proposal for them."""
        if self._session is not None and taken_as == "proposal":
            self.images.add(image)
            if image == self._session.current:
                self._clear()
                self._look()
        self._show()

    def take_all(self) -> None:
        """Take all that concerns nothing a person has worked on, as one step of undo."""
        if self.found is not None:
            self._take(untouched(self.found.offers))

    def put_away(self) -> None:
        """Remove what is proposed for the image."""
        session, files = self._session, self._files
        if session is None or files is None or (image := session.current) not in self.images or image is None:
            return
        project, name = session.project, image
        self.images.discard(name)
        self._clear()
        self._show()
        files.run(lambda: drop_proposal(project, name), lambda _: None, self._say)

    def _on_moved(self) -> None:
        self._clear()
        self._look()
        self._show()

    def _look(self) -> None:
        """Compare the proposal for the image on the screen with its labels, beside the work."""
        session, files, before = self._session, self._files, self.found
        if session is None or files is None or (image := session.current) is None or image not in self.images:
            return
        project, pixels = session.project, session.shown.pixels

        def show(found: Found | None) -> None:
            if session.shown.pixels is pixels and image in self.images and found is not None:
                self.found = found
                self._show_layer()
                self._show()

        files.run(lambda: find_offers(project, image, before), show, self._say)

    def _take(self, offers: Sequence[Offer]) -> None:
        session, found = self._session, self.found
        if session is None or found is None or not offers:
            return
        session.correct("take over", lambda context: taken(session.shown.pixels, found.proposed, offers))
        places = [found.offers.index(offer) + 1 for offer in offers]
        where = np.nonzero(found.places == places[0] if len(places) == 1 else np.isin(found.places, places))
        found.places[where] = found.seen[where] = 0
        if self.layer is not None and self.layer in self._viewer.layers:
            repaint(self.layer, (where[0], where[1]), found.seen.__getitem__)

    def _on_click(self, tool: Tool, points: Points) -> None:
        if self.found is None:
            return
        place = int(self.found.places[pixel_at(self.found.places.shape, points[0])])
        if place:
            self._say("")
            self._take([self.found.offers[place - 1]])
        else:
            self._say("No cell is proposed there.")

    def _on_toggled(self, down: bool) -> None:
        if down and self.layer is not None:
            self.tools.take(TAKE, self.layer)
            self._say(TAKE.hint)
        else:
            self.tools.lay_down()
            self._say("")
            session = self._session
            if session is not None and session.shown.there:
                self._viewer.layers.selection.active = session.shown.labels

    def _go_on(self) -> None:
        session = self._session
        if session is None:
            return
        names = session.names
        start = names.index(session.current) + 1 if session.current in names else 0
        following = (name for name in (*names[start:], *names[:start]) if name in self.images)
        if (image := next(following, None)) is not None:
            session.go_to(image)

    def _clear(self) -> None:
        self.tools.lay_down()
        if self.layer is not None and self.layer in self._viewer.layers:
            self._viewer.layers.remove(self.layer)
        self.layer = self.found = None

    def _show_layer(self) -> None:
        session, found = self._session, self.found
        if session is None or found is None or session.shown.labels is None or not session.shown.there:
            return
        cells = session.shown.labels
        if self.layer is None or self.layer not in self._viewer.layers:
            active = self._viewer.layers.selection.active
            self.layer = seen_layer(found.seen, "proposal", cells, {code: colour for code, colour, _ in KINDS.values()})
            forget_history(self.layer)
            self.layer.undo, self.layer.redo = session.undo, session.redo  # type: ignore[method-assign]
            self.layer.contour = cells.contour
            self.layer.opacity = _OUTLINED if cells.contour else _FILLED
            self._viewer.add_layer(self.layer)
            self._viewer.layers.selection.active = active
        else:
            self.layer.data = found.seen
        if self.click.isChecked():
            self.tools.take(TAKE, self.layer)

    def _show(self) -> None:
        session, offers = self._session, self.found.offers if self.found is not None else ()
        self.setVisible(session is not None and bool(self.images))
        if session is None:
            return
        here = session.current in self.images
        others = len(self.images) - here
        self.line.setText(words_of(here, self.found, others))
        self.click.setEnabled(bool(offers))
        self.all.setEnabled(bool(untouched(offers)))
        self.away.setEnabled(here)
        self.next.setEnabled(others > 0)
