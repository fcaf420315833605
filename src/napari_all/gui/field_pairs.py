"""Editors of two settings that are the ends of one range."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QGridLayout, QSpinBox, QWidget
from superqt import QRangeSlider

from napari_all.gui.fields import BOX_WIDTH, Editor
from napari_all.gui.hue_range import HUES, HueRange


class _Pair(Editor):
    """Two number boxes below a strip that shows the range."""

    def __init__(self, strip: QWidget, low: int, high: int) -> None:
        super().__init__()
        self.strip = strip
        self.low, self.high = QSpinBox(), QSpinBox()
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(2)
        grid.addWidget(strip, 0, 0, 1, 3)
        grid.addWidget(self.low, 1, 0)
        grid.setColumnStretch(1, 1)
        grid.addWidget(self.high, 1, 2)
        for box, name in ((self.low, "Lowest"), (self.high, "Highest")):
            box.setRange(low, high)
            box.setKeyboardTracking(False)
            box.setFixedWidth(BOX_WIDTH)
            box.setAccessibleName(name)
            box.valueChanged.connect(self._on_box)
        self.setFocusProxy(self.low)

    def values(self) -> tuple[Any, ...]:
        """Return the values shown."""
        return self.low.value(), self.high.value()

    def set_values(self, values: tuple[Any, ...]) -> None:
        """Show values."""
        for box, value in zip((self.low, self.high), values, strict=True):
            box.blockSignals(True)
            box.setValue(value)
            box.blockSignals(False)
        self._show_on_strip()

    def _on_box(self) -> None:
        self._show_on_strip()
        self.edited.emit()

    def _on_strip(self, low: int, high: int) -> None:
        self.set_values((low, high))
        self.edited.emit()

    def _show_on_strip(self) -> None:
        raise NotImplementedError


class HuePair(_Pair):
    """A hue range that may wrap round."""

    def __init__(self) -> None:
        self._hues = HueRange()
        super().__init__(self._hues, 0, HUES - 1)
        self.low.setWrapping(True)
        self.high.setWrapping(True)
        self._hues.value_changed.connect(self._on_strip)

    def _show_on_strip(self) -> None:
        self._hues.blockSignals(True)
        self._hues.set_value(self.low.value(), self.high.value())
        self._hues.blockSignals(False)


class IntPair(_Pair):
    """A range of whole numbers; its ends do not cross."""

    def __init__(self, low: int, high: int) -> None:
        self._slider = QRangeSlider(Qt.Orientation.Horizontal)
        self._slider.setRange(low, high)
        super().__init__(self._slider, low, high)
        self._slider.valueChanged.connect(lambda ends: self._on_strip(int(ends[0]), int(ends[1])))

    def _show_on_strip(self) -> None:
        self._slider.blockSignals(True)
        self._slider.setValue(tuple(sorted((self.low.value(), self.high.value()))))
        self._slider.blockSignals(False)
