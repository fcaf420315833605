"""How the labels on the screen differ from what was predicted: a layer in three colours, and the Dice."""

from __future__ import annotations

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QCheckBox, QLabel, QVBoxLayout, QWidget

from napari_all.evaluation.changes import ADDED, OTHER_CELL, REMOVED, Changes, compare
from napari_all.gui.background import Background
from napari_all.gui.review_corrections import LACKING
from napari_all.gui.review_keys import COMPARE
from napari_all.gui.review_overlays import Overlay, seen_layer
from napari_all.gui.review_session import ReviewSession

COLOURS = {ADDED: "#009e73", REMOVED: "#d55e00", OTHER_CELL: "#56b4e9"}
"""Of Okabe and Ito's colour-blind safe set."""
TIP = f"Show what corrections changed: added, removed, of another cell ({COMPARE})"
LEGEND = "Green: cell now, none predicted. Orange: cell predicted, none now. Blue: another cell than predicted."
PAUSE_MS = 300


class CompareRow(QWidget):
    """A box to tick, and below it what the comparison says; computed in another thread when a person rests."""

    def __init__(self) -> None:
        super().__init__()
        self._session: ReviewSession | None = None
        self._thread: Background | None = None
        self._overlay: Overlay | None = None
        self._version = 0
        self.changes: Changes | None = None
        self.box = QCheckBox(f"Compare with the prediction [{COMPARE}]")
        self.line = QLabel()
        self.line.setWordWrap(True)
        self.line.setVisible(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.box)
        layout.addWidget(self.line)
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(PAUSE_MS)
        self._pause.timeout.connect(self._look)
        self.box.toggled.connect(self._on_toggled)

    def use(self, session: ReviewSession | None) -> None:
        """Compare the images of a project that was opened, or none."""
        self._pause.stop()
        self._version += 1
        if self._thread is not None:
            self._thread.close()
            self._thread.deleteLater()
            self._thread = None
        self._put_away()
        if self._overlay is not None:
            self._overlay.let_go()
        self._session = session
        if session is not None:
            self._thread = Background("comparison", self)
            self._overlay = Overlay(
                session.shown.viewer,
                "difference",
                lambda pixels, where: self.changes.difference[where],  # type: ignore[union-attr]
                lambda plane, name, cells: seen_layer(plane, name, cells, COLOURS),
                True,
            )
            session.moved.connect(self._on_moved)
            session.edited.connect(self._on_edited)
            self.allow()

    def allow(self) -> None:
        """Let the box be ticked where there is a prediction; compare where it is."""
        there = self._session is not None and self._session.shown.predicted is not None
        self.box.setEnabled(there)
        self.box.setToolTip(TIP if there else f"{TIP}\nNot now: {LACKING['prediction']}")
        if there and self.box.isChecked():
            self._look()

    def _on_moved(self) -> None:
        self._put_away()

    def _on_edited(self) -> None:
        self._version += 1
        if self.box.isChecked():
            self._pause.start()

    def _on_toggled(self, compared: bool) -> None:
        if compared:
            self._look()
        else:
            self._put_away()

    def _put_away(self) -> None:
        self._version += 1
        self.changes = None
        self.line.setVisible(False)
        if self._overlay is not None:
            self._overlay.want(False)  # hidden, not removed: vispy may yet draw what was removed in this turn

    def _look(self) -> None:
        session, thread = self._session, self._thread
        if session is None or thread is None or session.shown.predicted is None:
            return
        self._version += 1
        version, shown, then = self._version, session.shown, session.shown.predicted
        labels, ignore = shown.pixels.labels.copy(), shown.pixels.ignore.copy()

        def take(changes: Changes) -> None:
            if version == self._version and self.box.isChecked():
                self._show(session, changes)

        thread.run(lambda: compare(labels, then.labels, ignore), take, session.told.emit)

    def _show(self, session: ReviewSession, changes: Changes) -> None:
        self.changes = changes
        shown = session.shown
        overlay, differs = self._overlay, bool(changes.difference.any())
        if overlay is not None and (overlay.there or differs) and shown.labels is not None and shown.image is not None:
            overlay.show(shown.pixels, shown.labels, shown.image.name)
            overlay.want(True)
        self.line.setText(told(changes))
        self.line.setToolTip(f"{LEGEND}\n{changes.unchanged} cells are as predicted")
        self.line.setVisible(True)


def told(changes: Changes) -> str:
    """Return the comparison in a line of rich text; the squares have the colours of the layer."""
    counts = (
        (ADDED, len(changes.added), "added"),
        (REMOVED, len(changes.removed), "removed"),
        (OTHER_CELL, len(changes.changed), "changed"),
    )
    parts = [f"<span style='color: {COLOURS[code]}'>■</span> {count} {word}" for code, count, word in counts]
    return f"<b>Dice {changes.dice:.3f}</b>  {'  '.join(parts)}"
