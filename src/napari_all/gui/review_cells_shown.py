"""Measurements of the cells of the image under review, made bit by bit and followed edit by edit."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, QTimer, Signal

from napari_all.gui.background import Background
from napari_all.gui.layer_notes import image_notes
from napari_all.gui.layers import set_cells
from napari_all.gui.review_session import ReviewSession
from napari_all.io.tables import Row, cell_row
from napari_all.segmentation.measure import Measured, remeasured, with_classes
from napari_all.segmentation.ruler import body_diameter
from napari_all.types import Cell, RGBImage
from napari_all.workflows.project_cells import saved_uncertainty

SLICE_S = 0.008
"""The window measures for so long at a time, then looks at what else there is to do; a cell takes some 5 ms."""
SETTLE_MS = 150
"""Who leafs through the images does not want each measured; nor need the table grow cell by cell."""


@dataclass(frozen=True)
class _Known:
    """What is made of an image once, in another thread."""

    uncertainty: NDArray[np.uint8] | None
    red_cell_px: float | None


class ShownCells(QObject):
    """The cells of the image that is shown; nothing is measured before `watch`.

    Parameters
    ----------
    session
        The review whose image it is.
    """

    changed = Signal()
    """Other cells, measurements or classes."""

    def __init__(self, session: ReviewSession) -> None:
        super().__init__(session)
        self._session = session
        self._files = Background("cells", self)
        self._cells: dict[int, Cell] = {}
        self._waiting: list[int] = []
        self._known: _Known | None = None
        self._rows: dict[int, tuple[Cell, Row]] = {}
        self._classes: dict[int, str] = {}
        self._visit = 0
        self._told_at = 0.0
        self._watched = False
        self._begin = self._timer(SETTLE_MS, self._prepare)
        self._next = self._timer(0, self._measure_some)
        self._tell_napari = self._timer(SETTLE_MS, self._fill_features)
        session.moved.connect(self._on_moved)
        session.edited.connect(self._on_edited)
        session.changed.connect(self._on_changed)

    @property
    def ready(self) -> bool:
        """Whether all cells are measured as they are now."""
        return self._known is not None and not self._waiting

    @property
    def cells(self) -> dict[int, Cell]:
        """The cells that are measured by label, with the classes that a person gave."""
        given = self._classes
        stale = [cell for label, cell in self._cells.items() if cell.cell_class != given.get(label)]
        self._cells.update({cell.label: cell for cell in with_classes(stale, given)})
        return dict(self._cells)

    @property
    def rows(self) -> dict[int, Row]:
        """The same as rows of `io.tables.DETAILED_CELL_COLUMNS`."""
        kept = {}
        size, red = self.pixel_size_um, self.red_cell_px
        for label, cell in self.cells.items():
            known = self._rows.get(label)
            kept[label] = known if known and known[0] == cell else (cell, cell_row(cell, size, red))
        self._rows = kept
        return {label: row for label, (_, row) in kept.items()}

    @property
    def red_cell_px(self) -> float | None:
        """Median diameter of the image's red cells in pixels, or None where it is not known."""
        return self._known.red_cell_px if self._known is not None else None

    @property
    def pixel_size_um(self) -> tuple[float, float] | None:
        """(y, x) size of a pixel in micrometres, or None where it is not known."""
        shown = self._session.shown
        record = image_notes(shown.image).record if shown.image is not None else None
        return (record.pixel_size_um if record is not None else None) or shown.sidecar.pixel_size_um

    def watch(self, watched: bool) -> None:
        """Begin to measure, or rest; somebody looks at the cells, or does no longer."""
        self._watched = watched
        if watched and not self.ready:
            self._begin.start()

    def close(self) -> None:
        """End the thread."""
        self._watched = False
        self._files.close()

    def _timer(self, after_ms: int, do: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(after_ms)
        timer.timeout.connect(do)
        return timer

    def _on_moved(self) -> None:
        self._cells, self._rows, self._waiting, self._known = {}, {}, [], None
        self._visit += 1
        self.changed.emit()
        if self._watched:
            self._begin.start()

    def _on_edited(self, window: Any, touched: set[int]) -> None:
        if self._known is None:
            return  # all are measured later
        there = self._session.shown.cells
        self._waiting = sorted(touched & {*there}) + [k for k in self._waiting if k in there and k not in touched]
        self._cells = {label: cell for label, cell in self._cells.items() if label in there}
        self._told_at = 0.0
        self._next.start()

    def _on_changed(self) -> None:
        current = self._session.current
        classes = dict(self._session.project.values(current).cell_classes) if current is not None else {}
        if classes != self._classes:
            self._classes = classes
            self._tell()

    def _prepare(self) -> None:
        """Have made in another thread what the measurements need of the image."""
        shown, current, project = self._session.shown, self._session.current, self._session.project
        if current is None or shown.image is None or not self._watched:
            return
        if self._known is not None:
            self._next.start()
            return
        work = partial(_know, project.layout.uncertainty(current), shown.image.data)
        self._files.run(work, partial(self._on_known, self._visit), self._session.told.emit)

    def _on_known(self, visit: int, known: _Known) -> None:
        if visit == self._visit:
            self._known, self._waiting = known, [*self._session.shown.cells]
            self._next.start()

    def _measure_some(self) -> None:
        shown, known = self._session.shown, self._known
        if known is None or shown.image is None or not self._watched:
            return
        began = time.perf_counter()
        parts = shown.sidecar.parts or "cell"
        image = Measured(shown.pixels.labels, shown.pixels.classes, parts, shown.image.data, known.uncertainty)
        while self._waiting and time.perf_counter() - began < SLICE_S:
            label = self._waiting.pop(0)
            self._cells = remeasured(self._cells, [label], image, shown.cells)
        if self._waiting:
            self._next.start()
        if not self._waiting or time.monotonic() - self._told_at > 2 * SETTLE_MS / 1000:
            self._tell()

    def _tell(self) -> None:
        self._told_at = time.monotonic()
        self._tell_napari.start()
        self.changed.emit()

    def _fill_features(self) -> None:
        """Give napari's own Features Table the same numbers."""
        labels = self._session.shown.labels
        if self.ready and self._watched and labels is not None:
            set_cells(labels, [vars(cell) for cell in self.cells.values()])


def _know(path: Path, rgb: RGBImage) -> _Known:
    return _Known(saved_uncertainty(path, (rgb.shape[0], rgb.shape[1])), body_diameter(rgb))
