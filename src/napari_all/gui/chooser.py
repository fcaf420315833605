"""A list of layers to choose from that follows the viewer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari import Viewer
from napari.layers import Layer
from qtpy.compat import isalive
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QSizePolicy, QWidget


class LayerChooser(QComboBox):
    """Chooses one of the viewer's layers that `accept` takes; follows adding, renaming, removing and selection.

    Parameters
    ----------
    viewer
        napari's viewer.
    accept
        Which layers are offered.
    empty
        Words shown when there is none.
    """

    layer_changed = Signal(object)
    """The layer now chosen, or None."""

    def __init__(
        self, viewer: Viewer, accept: Callable[[Layer], bool], empty: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._accept = accept
        self._layers: list[Layer] = []
        self._current: Layer | None = None
        self.setPlaceholderText(empty)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        events = viewer.layers.events
        self._sources = [events.inserted, events.removed, events.reordered]
        for source in self._sources:
            source.connect(self._refill)
        viewer.layers.selection.events.active.connect(self._follow_selection)
        self.activated.connect(self._on_activated)
        self._refill()

    @property
    def layer(self) -> Layer | None:
        """The chosen layer, or None."""
        return self._current

    def choose(self, layer: Layer) -> None:
        """Choose a layer that is offered."""
        if layer in self._layers:
            self.setCurrentIndex(self._layers.index(layer))
            self._set(layer)

    def layers(self) -> list[Layer]:
        """Return every layer that is offered, the topmost first."""
        return list(self._layers)

    def _refill(self, event: Any = None) -> None:
        if not isalive(self):  # Qt deleted it with its dock; napari's events still know it
            self._let_go()
            return
        for layer in self._layers:
            layer.events.name.disconnect(self._rename)
        self._layers = [layer for layer in reversed(self._viewer.layers) if self._accept(layer)]
        for layer in self._layers:
            layer.events.name.connect(self._rename)
        self.blockSignals(True)
        self.clear()
        self.addItems([layer.name for layer in self._layers])
        kept = self._current if self._current in self._layers else next(iter(self._layers), None)
        self.setCurrentIndex(self._layers.index(kept) if kept is not None else -1)
        self.blockSignals(False)
        self.setEnabled(bool(self._layers))
        self._set(kept)

    def _rename(self, event: Any = None) -> None:
        if not isalive(self):
            return
        for index, layer in enumerate(self._layers):
            self.setItemText(index, layer.name)

    def _follow_selection(self, event: Any) -> None:
        if isalive(self) and event.value in self._layers:
            self.choose(event.value)

    def _on_activated(self, index: int) -> None:
        self._set(self._layers[index])

    def _set(self, layer: Layer | None) -> None:
        if layer is not self._current:
            self._current = layer
            self.layer_changed.emit(layer)

    def _let_go(self) -> None:
        for source in self._sources:
            source.disconnect(self._refill)
        self._viewer.layers.selection.events.active.disconnect(self._follow_selection)
        for layer in self._layers:
            layer.events.name.disconnect(self._rename)
