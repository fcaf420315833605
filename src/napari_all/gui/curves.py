"""What a training measures over its epochs, drawn while it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent, QPalette, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_all.evaluation.curves_picture import Panels

Rows = Sequence[Mapping[str, float]]
"""One mapping per epoch, as `napari_all.training.curves.read_curves` returns them."""

COLOURS = tuple(QColor(*rgb) for rgb in ((86, 180, 233), (230, 159, 0), (0, 158, 115)))
"""Of Okabe and Ito: told apart by the colour-blind, and on dark and light ground."""
_DASHES = ((Qt.PenStyle.SolidLine, "—"), (Qt.PenStyle.DashLine, "– –"), (Qt.PenStyle.DotLine, "· · ·"))
"""Lines are told apart without colour, too; the signs stand in the legend."""
_PANEL_HEIGHT, _LEFT, _TOP, _BOTTOM, _RIGHT = 130, 46, 20, 16, 8


@dataclass(frozen=True)
class Plots:
    """What is drawn of a kind of training: its panels, and which of the epochs is the best, from 1."""

    panels: Panels = ()
    best: Callable[[Rows], float | None] = lambda rows: None


def highest(column: str) -> Callable[[Rows], float | None]:
    """Return how to find the epoch with the highest value of a column."""
    return lambda rows: _epoch_of(max, rows, column)


def lowest(column: str) -> Callable[[Rows], float | None]:
    """Return how to find the epoch with the lowest value of a column."""
    return lambda rows: _epoch_of(min, rows, column)


class CurvePlot(QWidget):
    """Small plots, one above the other; a dotted line marks the best epoch."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: Rows = ()
        self.plots = Plots()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Curves of the training")
        self.set_rows(())

    @property
    def rows(self) -> Rows:
        """The rows that are drawn."""
        return self._rows

    def set_plots(self, plots: Plots) -> None:
        """Draw other panels, without rows."""
        self.plots = plots
        self.updateGeometry()
        self.set_rows(())

    def set_rows(self, rows: Rows) -> None:
        """Draw other rows."""
        self._rows = tuple(rows)
        told = summary(self._rows, self.plots)
        self.setAccessibleDescription(told)
        self.setToolTip(told)
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return room for all plots."""
        return QSize(300, _PANEL_HEIGHT * len(self.plots.panels))

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Draw all plots."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = painter.font()
        font.setPixelSize(11)
        painter.setFont(font)
        for index, (title, series) in enumerate(self.plots.panels):
            top = index * _PANEL_HEIGHT
            area = QRectF(_LEFT, top + _TOP, self.width() - _LEFT - _RIGHT, _PANEL_HEIGHT - _TOP - _BOTTOM)
            self._draw(painter, area, title, series)
        painter.end()

    def _draw(self, painter: QPainter, area: QRectF, title: str, series: Sequence[tuple[str, str]]) -> None:
        ink = self.palette().color(QPalette.ColorRole.WindowText)
        faint = QColor(ink)
        faint.setAlpha(70)
        lines = [[(row["epoch"], row[key]) for row in self._rows if key in row] for key, _ in series]
        values = [value for line in lines for _, value in line]
        low, high = min(values, default=0.0), max(values, default=1.0)
        high = high if high > low else low + 1e-3
        last = max((row["epoch"] for row in self._rows), default=1.0)

        def place(epoch: float, value: float) -> QPointF:
            x = area.left() + (epoch - 1) / max(1.0, last - 1) * area.width()
            return QPointF(x, area.bottom() - (value - low) / (high - low) * area.height())

        x = area.right()
        for number in range(len(series) - 1, -1, -1):
            if lines[number]:
                text = f"{_DASHES[number][1]} {series[number][1]}"
                x -= painter.fontMetrics().horizontalAdvance(text) + 8
                painter.setPen(COLOURS[number])
                painter.drawText(QPointF(x, area.top() - 6), text)
        painter.setPen(ink)
        room = int(x - area.left()) - 6
        shown = painter.fontMetrics().elidedText(title, Qt.TextElideMode.ElideRight, room)
        painter.drawText(QPointF(area.left(), area.top() - 6), shown)
        painter.setPen(faint)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(area)
        if not values:
            return
        painter.setPen(ink)
        for value in (low, high):
            box = QRectF(0, place(1, value).y() - 8, _LEFT - 4, 16)
            painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, f"{value:.3g}")
        painter.drawText(QPointF(area.left(), area.bottom() + 13), "epoch 1")
        box = QRectF(area.right() - 80, area.bottom() + 1, 80, 15)
        painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, f"{last:.0f}")
        if (best := self.plots.best(self._rows)) is not None:
            painter.setPen(QPen(faint, 1, Qt.PenStyle.DotLine))
            painter.drawLine(place(best, low), place(best, high))
        for line, colour, (dashes, _) in zip(lines, COLOURS, _DASHES, strict=False):
            points = [place(*point) for point in line]
            painter.setPen(QPen(colour, 2, dashes))
            painter.drawPolyline(QPolygonF(points))
            painter.setPen(QPen(colour, 2))
            painter.setBrush(colour)
            for point in points if len(points) < 40 else points[-1:]:
                painter.drawEllipse(point, 1.5, 1.5)


def summary(rows: Rows, plots: Plots) -> str:
    """Return in words where the curves stand."""
    if not rows:
        return "No epoch has ended yet."
    row = rows[-1]
    told = [f"{_words(key, name)} {row[key]:.3f}" for _, series in plots.panels for key, name in series if key in row]
    best = plots.best(rows)
    return f"Epoch {row['epoch']:.0f}: {', '.join(told)}" + (f"; best so far: epoch {best:.0f}" if best else "")


def _words(column: str, name: str) -> str:
    return f"{name} {column.rpartition('_')[2].replace('dice', 'Dice')}"


def _epoch_of(best: Callable[..., Mapping[str, float]], rows: Rows, column: str) -> float | None:
    scored = [row for row in rows if column in row]
    return best(scored, key=lambda row: row[column])["epoch"] if scored else None
