"""Keeps a labels layer's table of cells true: whatever changes its pixels, the cells are measured anew."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from napari import Viewer
from napari.layers import Labels
from napari.utils.notifications import show_error
from numpy.typing import NDArray
from qtpy.compat import isalive
from qtpy.QtCore import QObject, QTimer, Signal

from napari_all.gui.jobs import ENGINES, Job
from napari_all.gui.layers import as_labels, current_classes, mark_corrected, origin, set_cells

SETTLE_MS = 250
"""A brush stroke is looked at when it has been still for this long."""


class CellsWatch(QObject):
    """Watches one labels layer: corrections, napari's own brushes, undo and redo.

    Parameters
    ----------
    viewer
        The viewer that holds the layer.
    """

    changed = Signal()
    """The pixels of the layer have changed; it is marked as corrected."""

    def __init__(self, viewer: Viewer, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._layer: Labels | None = None
        self._seen = 0
        self._measuring: Job | None = None
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(self.look)

    def watch(self, layer: Labels | None) -> None:
        """Watch another layer, or none; one without a table is measured."""
        if self._layer is not None:
            for event in (self._layer.events.set_data, self._layer.events.paint):
                event.disconnect(self._on_redrawn)
        self._layer = layer
        if layer is None:
            return
        self._seen = _fingerprint(layer)
        for event in (layer.events.set_data, layer.events.paint):
            event.connect(self._on_redrawn)
        if len(layer.features) == 0:
            self._measure(layer)

    def look(self) -> None:
        """Compare the pixels with those last seen; when they differ, tell `changed` and measure."""
        layer = self._layer
        if layer is None or layer not in self._viewer.layers:
            return
        seen = _fingerprint(layer)
        if seen != self._seen:
            self._seen = seen
            mark_corrected(layer, True)
            self.changed.emit()
            self._measure(layer)

    def _on_redrawn(self, event: Any = None) -> None:
        if isalive(self):
            self._settle.start()

    def _measure(self, layer: Labels) -> None:
        """Measure in the light engine; a result that is no longer of the newest pixels is dropped."""
        made, labels, seen = origin(layer), as_labels(layer).copy(), self._seen
        arrays: dict[str, NDArray[Any]] = {"labels": labels}
        classes = current_classes(labels, made)
        if classes is not None:
            arrays["classes"] = classes

        def done(value: dict[str, Any], _: dict[str, NDArray[Any]]) -> None:
            if layer in self._viewer.layers and self._layer is layer and seen == self._seen:
                set_cells(layer, value["cells"])

        self._measuring = ENGINES.start("measure", {"parts": made.sidecar.parts or "cell"}, arrays, heavy=False)
        self._measuring.succeeded.connect(done)
        self._measuring.failed.connect(show_error)


def _fingerprint(layer: Labels) -> int:
    return zlib.crc32(np.ascontiguousarray(layer.data).data)
