"""What breaks a rule in the image on the screen, found whenever a person rests; see `napari_all.segmentation.rules`."""

from __future__ import annotations

from qtpy.QtCore import QObject, QTimer, Signal

from napari_all.gui.background import Background
from napari_all.gui.review_session import ReviewSession
from napari_all.segmentation.editing import CellIndex, Planes
from napari_all.segmentation.editing.windows import Window
from napari_all.segmentation.rules import Finding, check_all, check_near, speck_limit

PAUSE_MS = 300
"""A person who rests for this long has the rules checked."""
NEAR_MOST = 40
"""So many cells, half a millisecond each at most, are looked at in the window's thread; more in another."""


class RulesWatch(QObject):
    """Keeps the findings true to the image: all of it once, then what lies near the edits.

    Parameters
    ----------
    session
        The project; this goes before it does (`close`).

    Attributes
    ----------
    findings
        As `check_all` orders them.
    known
        Whether the whole image was looked at.
    """

    changed = Signal()
    """The findings are others now, or not known yet."""

    def __init__(self, session: ReviewSession, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._thread = Background("rules", self)
        self._windows: list[Window] = []
        self._speck_px = 0.0
        self._version = 0
        self._closed = False
        self.findings: list[Finding] = []
        self.known = False
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(PAUSE_MS)
        self._pause.timeout.connect(self._look)
        session.moved.connect(self._on_moved)
        session.edited.connect(self._on_edited)

    def close(self) -> None:
        """Stop looking; what arrives later is dropped."""
        self._closed = True
        self._session.moved.disconnect(self._on_moved)
        self._session.edited.disconnect(self._on_edited)
        self._pause.stop()
        self._thread.close()
        self.deleteLater()

    def _on_moved(self) -> None:
        self.findings, self.known = [], False
        self._version += 1
        self._windows.clear()
        self._pause.start()
        self.changed.emit()

    def _on_edited(self, window: Window, cells: set[int]) -> None:
        self._version += 1
        self._windows.append(window)
        self._pause.start()

    def _look(self) -> None:
        shown = self._session.shown
        if not self.known or sum(len(shown.cells.near(window)) for window in self._windows) > NEAR_MOST:
            self._look_at_all()
            return
        planes = self._planes()
        for window in self._windows:
            self.findings = check_near(planes, window, self._speck_px, shown.cells, self.findings)
        self._windows.clear()
        self.changed.emit()

    def _look_at_all(self) -> None:
        """Look at copies in another thread; what is edited meanwhile is looked at again."""
        version, planes = self._version, self._planes()
        copied = Planes(planes.labels.copy(), None if planes.classes is None else planes.classes.copy(), planes.parts)

        def look() -> tuple[float, list[Finding]]:
            limit = speck_limit(copied.labels)
            return limit, check_all(copied, limit, CellIndex(copied.labels))

        def take(found: tuple[float, list[Finding]]) -> None:
            if self._closed:
                return
            if version != self._version:
                self._pause.start()
                return
            self._speck_px, self.findings = found
            self.known = True
            self._windows.clear()
            self.changed.emit()

        self._thread.run(look, take, self._session.told.emit)

    def _planes(self) -> Planes:
        shown = self._session.shown
        return Planes(shown.pixels.labels, shown.pixels.classes, "nucleus+cytoplasm" if shown.parted else "cell")
