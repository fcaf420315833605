"""A picture that a workflow wrote, small in a panel and large in a window of its own."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Qt
from qtpy.QtGui import QPixmap, QResizeEvent
from qtpy.QtWidgets import QDialog, QLabel, QPushButton, QScrollArea, QSizePolicy, QVBoxLayout, QWidget


class PictureView(QWidget):
    """Shows a picture as wide as the panel, and a button that shows it in full."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = title
        self._picture = QPixmap()
        self.label = QLabel()
        self.label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.label.setAccessibleName(title)
        self.larger = QPushButton("Show larg&er")
        self.larger.setToolTip(f"{title} in a window of its own")
        self.larger.clicked.connect(self._show_larger)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.label)
        layout.addWidget(self.larger)
        self.dialog: QDialog | None = None

    def show_file(self, path: Path) -> None:
        """Show the picture in a file; nothing is shown while there is none."""
        self._picture = QPixmap(str(path)) if path.is_file() else QPixmap()
        self.setVisible(not self._picture.isNull())
        self._fit()

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802 - Qt's name
        """Fit the picture to the panel."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        if self._picture.isNull() or self.width() < 2:
            return
        scaled = self._picture.scaledToWidth(self.width(), Qt.TransformationMode.SmoothTransformation)
        self.label.setPixmap(scaled)
        self.label.setFixedHeight(scaled.height())

    def _show_larger(self) -> None:
        self.dialog = QDialog(self)
        self.dialog.setWindowTitle(self._title)
        inside = QLabel()
        inside.setPixmap(self._picture)
        scroll = QScrollArea()
        scroll.setWidget(inside)
        layout = QVBoxLayout(self.dialog)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(scroll)
        screen = self.screen()
        room = screen.availableSize() if screen is not None else self._picture.size()
        frame = 2 * scroll.frameWidth() + 20
        self.dialog.resize(
            min(self._picture.width() + frame, round(0.9 * room.width())),
            min(self._picture.height() + frame, round(0.9 * room.height())),
        )
        self.dialog.show()
