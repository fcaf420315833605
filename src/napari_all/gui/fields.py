"""One editor per kind of settings field; each shows values, tells `edited`, and knows None as 'automatic'."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QSizePolicy,
    QSlider,
    QSpinBox,
    QWidget,
)

BOX_WIDTH, DECIMAL_WIDTH = 92, 112
"""Room for a number and napari's two buttons; wider boxes would not fit a dock of 350 px."""
SLIDER_STEPS = 1000
"""A whole number with more steps than this gets a box without a slider."""


class Editor(QWidget):
    """Shows the values of one row; as many values as the row has fields."""

    edited = Signal()
    """A person changed a value."""

    def values(self) -> tuple[Any, ...]:
        """Return the values shown."""
        raise NotImplementedError

    def set_values(self, values: tuple[Any, ...]) -> None:
        """Show values."""
        raise NotImplementedError


class Check(Editor):
    """A yes or no."""

    def __init__(self) -> None:
        super().__init__()
        self.box = QCheckBox()
        _lay_out(self, [self.box])
        self.box.toggled.connect(lambda: self.edited.emit())
        self.setFocusProxy(self.box)

    def set_text(self, text: str) -> None:
        """Set the words beside the box."""
        self.box.setText(text)

    def values(self) -> tuple[Any, ...]:
        """Return the values shown."""
        return (self.box.isChecked(),)

    def set_values(self, values: tuple[Any, ...]) -> None:
        """Show values."""
        self.box.setChecked(bool(values[0]))


class Choice(Editor):
    """One of a few words."""

    def __init__(self, options: Sequence[Any]) -> None:
        super().__init__()
        self.box = QComboBox()
        for option in options:
            self.box.addItem(str(option), option)
        _lay_out(self, [self.box])
        self.box.currentIndexChanged.connect(lambda: self.edited.emit())
        self.setFocusProxy(self.box)

    def values(self) -> tuple[Any, ...]:
        """Return the values shown."""
        return (self.box.currentData(),)

    def set_values(self, values: tuple[Any, ...]) -> None:
        """Show values."""
        self.box.setCurrentIndex(max(0, self.box.findData(values[0])))


class _Number(Editor):
    """A number box, with a tick for 'automatic' where None is allowed."""

    def __init__(self, box: QSpinBox | QDoubleSpinBox, optional: bool, extra: list[QWidget] | None = None) -> None:
        super().__init__()
        self.box = box
        self.automatic = QCheckBox("auto") if optional else None
        box.setKeyboardTracking(False)
        box.setFixedWidth(BOX_WIDTH)
        box.valueChanged.connect(lambda: self.edited.emit())
        self._extra = extra or []
        _lay_out(self, [*self._extra, box, *([self.automatic] if self.automatic else [])])
        self.setFocusProxy(box)
        if self.automatic is not None:
            self.automatic.toggled.connect(self._on_automatic)

    def values(self) -> tuple[Any, ...]:
        """Return the values shown."""
        if self.automatic is not None and self.automatic.isChecked():
            return (None,)
        return (self.box.value(),)

    def set_values(self, values: tuple[Any, ...]) -> None:
        """Show values."""
        if self.automatic is not None:
            self.automatic.setChecked(values[0] is None)
        if values[0] is not None:
            self.box.setValue(values[0])

    def _on_automatic(self, automatic: bool) -> None:
        for widget in (self.box, *self._extra):
            widget.setEnabled(not automatic)
        self.edited.emit()


class _Multiples(QSpinBox):
    """A box that reads what is typed as the nearest multiple of its step."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self.setSingleStep(step)

    def valueFromText(self, text: str | None) -> int:  # noqa: N802 - Qt's name
        """Return the nearest multiple."""
        step = self.singleStep()
        return round(super().valueFromText(text) / step) * step


class Whole(_Number):
    """A whole number, with a slider where its range is short; `step` where only its multiples are valid."""

    def __init__(self, low: int, high: int, optional: bool, step: int = 1) -> None:
        box = _Multiples(step)
        box.setRange(max(low, -(2**31)), min(high, 2**31 - 1))
        slider = None
        if high - low <= SLIDER_STEPS and not optional and step == 1:
            slider = QSlider(Qt.Orientation.Horizontal)
            slider.setRange(low, high)
            slider.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            slider.valueChanged.connect(box.setValue)
            box.valueChanged.connect(slider.setValue)
        super().__init__(box, optional, [slider] if slider else None)


class Decimal(_Number):
    """A number with decimals, in steps of a hundredth of its range."""

    def __init__(self, low: float, high: float, decimals: int, optional: bool) -> None:
        box = QDoubleSpinBox()
        box.setDecimals(decimals)
        box.setRange(low, high)
        box.setSingleStep(max((high - low) / 100, 10**-decimals) if high - low < 1e6 else 10**-decimals)
        if decimals > 3:  # a hundredth of the range would be too coarse for what is so small
            box.setStepType(QDoubleSpinBox.StepType.AdaptiveDecimalStepType)
        super().__init__(box, optional)
        box.setFixedWidth(DECIMAL_WIDTH + (20 if decimals > 3 else 0))


def _lay_out(editor: QWidget, widgets: list[QWidget]) -> None:
    layout = QHBoxLayout(editor)
    layout.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        stretch = 1 if isinstance(widget, QSlider | QComboBox) else 0
        layout.addWidget(widget, stretch)
        if isinstance(widget, QComboBox):
            widget.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    if not any(isinstance(w, QSlider | QComboBox) for w in widgets):
        layout.addStretch(1)
