"""What a training shows while it runs and afterwards: curves, figures, pictures, and the way to use the model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qtpy.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from napari_all.gui.curves import CurvePlot, Rows, summary
from napari_all.gui.panel import small
from napari_all.gui.picture_view import PictureView


class TrainView(QWidget):
    """Hidden until `begin`; the outcome's part until `show_outcome`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self.curves = CurvePlot()
        self.epoch = small("")
        self.outcome = QLabel()
        self.outcome.setWordWrap(True)
        self.picture = PictureView("Validation images before and after")
        self.use = QPushButton("Use this mo&del")
        self.use.setToolTip("Take the model into your model folder and choose it in the U-Net panel")
        for widget in (self.curves, self.epoch, self.outcome, self.picture, self.use):
            layout.addWidget(widget)
        self.setVisible(False)

    def begin(self) -> None:
        """Show empty curves and forget an earlier outcome."""
        for widget in (self.outcome, self.picture, self.use):
            widget.setVisible(False)
        self.show_curves(())
        self.setVisible(True)

    def show_curves(self, rows: Rows) -> None:
        """Draw the epochs that have ended."""
        self.curves.set_rows(rows)
        self.epoch.setText(summary(rows))

    def show_outcome(self, lines: Sequence[str], picture: Path) -> None:
        """Show figures and pictures of a finished training, and offer its model."""
        self.outcome.setText("\n".join(lines))
        self.outcome.setVisible(True)
        self.picture.show_file(picture)
        self.use.setVisible(True)


def duration(seconds: float) -> str:
    """Return a time as people say it."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
