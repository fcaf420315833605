"""A strip of hues with two handles; the range between them may wrap round through red."""

from __future__ import annotations

from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QKeyEvent, QLinearGradient, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

HUES = 180
"""OpenCV's hue: 0-179, two degrees each."""
_HANDLE = 9
_STRIP = 16


class HueRange(QWidget):
    """Chooses lowest and highest hue; with the lowest above the highest the range goes through 179 and 0.

    Handles are dragged with the mouse. With the keyboard: Left and Right move the chosen handle, Page Up and Page
    Down move it by ten, Space takes the other handle.
    """

    value_changed = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._ends = [120, 175]
        self._active = 0
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Hue range")

    def value(self) -> tuple[int, int]:
        """Return (lowest, highest)."""
        return self._ends[0], self._ends[1]

    def set_value(self, low: int, high: int) -> None:
        """Set both ends; tells `value_changed` when they differ."""
        if [low, high] != self._ends:
            self._ends = [low, high]
            self.update()
            self.value_changed.emit(low, high)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return Qt's wish for space."""
        return QSize(180, _STRIP + 14)

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Paint the strip, dim what is outside the range, and the handles."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        strip = self._strip()
        gradient = QLinearGradient(strip.topLeft(), strip.topRight())
        for step in range(13):
            gradient.setColorAt(step / 12, QColor.fromHsv(min(359, step * 30), 200, 225))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(gradient)
        painter.drawRoundedRect(strip, 3, 3)
        painter.setBrush(QColor(20, 22, 28, 205))
        for start, end in self._outside():
            painter.drawRect(QRectF(self._x(start), strip.top(), self._x(end) - self._x(start), strip.height()))
        for index, hue in enumerate(self._ends):
            self._paint_handle(painter, self._x(hue), index)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Take the nearer handle."""
        if event is None:
            return
        x = event.position().x()
        distances = [abs(self._x(hue) - x) for hue in self._ends]
        self._active = int(distances[1] < distances[0])
        self._move_to(x)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Drag the taken handle."""
        if event is not None:
            self._move_to(event.position().x())

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802 - Qt's name
        """Move the chosen handle, or choose the other."""
        if event is None:
            return
        key = Qt.Key
        steps: dict[int, int] = {key.Key_Left: -1, key.Key_Right: 1, key.Key_PageDown: -10, key.Key_PageUp: 10}
        if event.key() in steps:
            self._set_active((self._ends[self._active] + steps[event.key()]) % HUES)
        elif event.key() == key.Key_Space:
            self._active = 1 - self._active
            self.update()
        else:
            super().keyPressEvent(event)

    def _outside(self) -> list[tuple[float, float]]:
        low, high = self._ends
        if low <= high:
            return [(0, low), (high, HUES - 1)]
        return [(high, low)]

    def _strip(self) -> QRectF:
        return QRectF(_HANDLE, 4, self.width() - 2 * _HANDLE, _STRIP)

    def _x(self, hue: float) -> float:
        strip = self._strip()
        return strip.left() + strip.width() * hue / (HUES - 1)

    def _move_to(self, x: float) -> None:
        strip = self._strip()
        share = (x - strip.left()) / max(1.0, strip.width())
        self._set_active(round(min(1.0, max(0.0, share)) * (HUES - 1)))

    def _set_active(self, hue: int) -> None:
        ends = list(self._ends)
        ends[self._active] = hue
        self.set_value(ends[0], ends[1])

    def _paint_handle(self, painter: QPainter, x: float, index: int) -> None:
        focused = self.hasFocus() and index == self._active
        painter.setPen(QPen(QColor("#ffffff" if focused else "#303440"), 2.5 if focused else 1.5))
        painter.setBrush(QColor.fromHsv(min(359, self._ends[index] * 2), 200, 225))
        top = QPointF(x, 2)
        painter.drawRoundedRect(QRectF(top.x() - 4, top.y(), 8, _STRIP + 4), 3, 3)
        # A small triangle tells the low end (pointing right) from the high end (pointing left).
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.palette().text().color())
        tip, base = (x + 4, x - 3) if index == 0 else (x - 4, x + 3)
        y = _STRIP + 10
        painter.drawPolygon(QPolygonF([QPointF(base, y - 4), QPointF(base, y + 4), QPointF(tip, y)]))
