"""A line for a path with a button that asks the system for it."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QPushButton, QWidget

from napari_all.gui.memory import recall, remember


class PathRow(QWidget):
    """A folder, or a file of one kind.

    Parameters
    ----------
    caption
        Title of the system's dialog, also what screen readers call the line.
    tip
        What the path is for.
    key
        Under which the place is remembered, for dialogs that open without one.
    file_filter
        Kinds of files, as Qt writes them ("Table (*.csv)"); None = a folder.
    """

    edited = Signal()
    """The path was typed or chosen."""

    def __init__(
        self, caption: str, tip: str, key: str, *, file_filter: str | None = None, placeholder: str = "folder"
    ) -> None:
        super().__init__()
        self._caption, self._key, self._filter = caption, f"folders/{key}", file_filter
        self.line = QLineEdit()
        self.line.setPlaceholderText(placeholder)
        self.line.setAccessibleName(caption)
        self.browse = QPushButton("…")
        self.browse.setFixedWidth(34)
        self.browse.setAccessibleName(f"Browse: {caption}")
        for widget in (self.line, self.browse):
            widget.setToolTip(tip)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.line, 1)
        layout.addWidget(self.browse)
        self.setFocusProxy(self.line)
        self.line.textChanged.connect(lambda: self.edited.emit())
        self.browse.clicked.connect(self._ask)

    @property
    def path(self) -> Path | None:
        """The path, or None while the line is empty."""
        text = self.line.text().strip()
        return Path(text).expanduser() if text else None

    def _ask(self) -> None:
        start = self.line.text().strip() or recall(self._key, "")
        if self._filter is None:
            chosen = QFileDialog.getExistingDirectory(self, self._caption, start)
        else:
            chosen, _ = QFileDialog.getOpenFileName(self, self._caption, start, self._filter)
        if chosen:
            remember(self._key, chosen)
            self.line.setText(chosen)
