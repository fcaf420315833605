"""Shows one predicted subtype: its name, how sure the model is in words and a sign, and four bars."""

from __future__ import annotations

from qtpy.QtCore import QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent
from qtpy.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from napari_all.classes import SUBTYPES
from napari_all.types import Prediction
from napari_all.workflows.status_words import STATUS_TEXT

_ROW = 26


class PredictionView(QWidget):
    """Name, status and bars of a prediction; a dash where there is none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        self.headline = QLabel()
        self.headline.setTextFormat(Qt.TextFormat.PlainText)
        font = self.headline.font()
        font.setPointSizeF(font.pointSizeF() * 1.35)
        font.setBold(True)
        self.headline.setFont(font)
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.bars = ProbabilityBars()
        for widget in (self.headline, self.status, self.bars):
            layout.addWidget(widget)
        self.show_prediction(None)

    def show_prediction(self, prediction: Prediction | None) -> None:
        """Show a prediction, or that there is none."""
        self.status.setVisible(prediction is not None)
        self.bars.set_probabilities(prediction.probabilities if prediction else None)
        if prediction is None:
            self.headline.setText("Predicted subtype: –")
            return
        self.headline.setText(f"Predicted subtype: {prediction.predicted}")
        self.status.setText(STATUS_TEXT[prediction.status])
        distance = "not known" if prediction.unfamiliarity is None else f"{prediction.unfamiliarity:.2f}"
        self.status.setToolTip(
            f"Confidence {prediction.confidence:.0%}; unfamiliarity {distance} "
            f"(above 1 is called unfamiliar); model {prediction.model} on {prediction.device}"
        )


class ProbabilityBars(QWidget):
    """One bar per class with its name and its percentage in words."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._probabilities: tuple[float, ...] | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_probabilities(self, probabilities: tuple[float, ...] | None) -> None:
        """Show probabilities in the order of `SUBTYPES`."""
        self._probabilities = probabilities
        spoken = ", ".join(
            f"{name} {value:.0%}" for name, value in zip(SUBTYPES.names, probabilities or (), strict=False)
        )
        self.setAccessibleName("Probabilities")
        self.setAccessibleDescription(spoken or "none yet")
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return Qt's wish for space."""
        return QSize(240, _ROW * len(SUBTYPES))

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Paint names, bars and percentages."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        metrics = painter.fontMetrics()
        name_width = max(metrics.horizontalAdvance(name) for name in SUBTYPES.names) + 12
        number_width = metrics.horizontalAdvance("100.0 %") + 8
        room = max(20, self.width() - name_width - number_width)
        text = self.palette().windowText().color()
        trough = QColor(text)
        trough.setAlpha(40)
        for index, (name, colour) in enumerate(zip(SUBTYPES.names, SUBTYPES.colours, strict=True)):
            top = index * _ROW
            painter.setPen(text)
            left = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
            right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
            painter.drawText(QRectF(0, top, name_width, _ROW), left, name)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(trough)
            painter.drawRoundedRect(QRectF(name_width, top + 6, room, _ROW - 12), 3, 3)
            if self._probabilities is None:
                continue
            value = self._probabilities[index]
            painter.setBrush(QColor(colour))
            painter.drawRoundedRect(QRectF(name_width, top + 6, max(2.0, room * value), _ROW - 12), 3, 3)
            painter.setPen(text)
            painter.drawText(QRectF(self.width() - number_width, top, number_width, _ROW), right, f"{value:.1%}")
