"""What a training shows while it runs and afterwards: curves, figures, pictures, and the way to use the model."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from qtpy.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from napari_all.gui.curves import CurvePlot, Plots, Rows, summary
from napari_all.gui.panel_foot import small
from napari_all.gui.picture_view import PictureView


class TrainView(QWidget):
    """Hidden until `begin`; the outcome's part until `show_outcome`.

    Parameters
    ----------
    picture
        What the outcome's picture shows.
    user
        Name of the panel that the model is for.
    """

    def __init__(self, picture: str, user: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self.curves = CurvePlot()
        self.epoch = small("")
        self.outcome = QLabel()
        self.outcome.setWordWrap(True)
        self.picture = PictureView(picture)
        self.use = QPushButton("Use this mo&del")
        self.use.setToolTip(f"Take the model into your model folder and choose it in the {user} panel")
        for widget in (self.curves, self.epoch, self.outcome, self.picture, self.use):
            layout.addWidget(widget)
        self.setVisible(False)

    def begin(self, plots: Plots) -> None:
        """Show empty curves and forget an earlier outcome."""
        self.curves.set_plots(plots)
        for widget in (self.outcome, self.picture, self.use):
            widget.setVisible(False)
        self.show_curves(())
        self.setVisible(True)

    def show_curves(self, rows: Rows) -> None:
        """Draw the epochs that have ended."""
        self.curves.set_rows(rows)
        self.epoch.setText(summary(rows, self.curves.plots))

    def show_outcome(self, lines: Sequence[str], picture: Path) -> None:
        """Show figures and pictures of a finished training, and offer its model."""
        self.outcome.setText("\n".join(lines))
        self.outcome.setVisible(True)
        self.picture.show_file(picture)
        self.use.setVisible(True)


class TimeLeft:
    """How long a training may go on, from the time that its steps took so far."""

    def __init__(self) -> None:
        self._begun: tuple[float, int] | None = None

    @property
    def begun(self) -> bool:
        """Whether the first step was told."""
        return self._begun is not None

    def words(self, done: int, total: int) -> str:
        """Return in words how long the steps that are left take at most; empty while nothing is known."""
        now = time.monotonic()
        if self._begun is None:
            self._begun = (now, done)
        since, first = self._begun
        return f", at most {duration((now - since) / (done - first) * (total - done))} left" if done > first else ""


def duration(seconds: float) -> str:
    """Return a time as people say it."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
