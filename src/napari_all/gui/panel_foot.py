"""The foot of every panel: progress with cancel, a line of state, the command for what was done, research use."""

from __future__ import annotations

from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

RESEARCH_USE = "For research use only. Not for use in diagnostic procedures."
PROGRESS_AFTER_MS = 400
"""Work shorter than this shows no bar, so that the panel does not flicker."""


class PanelFoot(QWidget):
    """Widgets at the foot of a panel; what `cancel` does is connected by the panel."""

    def __init__(self) -> None:
        super().__init__()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 4, 10, 8)
        layout.setSpacing(4)
        self.progress = QWidget()
        row = QVBoxLayout(self.progress)
        row.setContentsMargins(0, 0, 0, 0)
        self.stage = QLabel()
        self.bar = QProgressBar()
        self.cancel = QPushButton("Cance&l")
        self.cancel.setToolTip("Stop this work; what is finished is kept")
        line = QHBoxLayout()
        line.addWidget(self.bar, 1)
        line.addWidget(self.cancel)
        row.addWidget(self.stage)
        row.addLayout(line)
        self.progress.setVisible(False)
        self._appear = QTimer(self)
        self._appear.setSingleShot(True)
        self._appear.setInterval(PROGRESS_AFTER_MS)
        self._appear.timeout.connect(lambda: self.progress.setVisible(True))
        layout.addWidget(self.progress)
        self.state = QLabel()
        self.state.setWordWrap(True)
        self.state.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout.addWidget(self.state)
        self.command = CommandButton()
        layout.addWidget(self.command, alignment=Qt.AlignmentFlag.AlignLeft)
        layout.addWidget(small(RESEARCH_USE))
        self.command.copied.connect(self.state.setText)

    def begin(self, stage: str) -> None:
        """Show work that has no measure yet; the bar appears when it lasts."""
        self.stage.setText(f"{stage}…")
        self.bar.setRange(0, 0)
        self.cancel.setEnabled(True)
        self._appear.start()

    def show_progress(self, words: str, done: int, total: int) -> None:
        """Show how far work is."""
        self.stage.setText(words)
        self.bar.setRange(0, total)
        self.bar.setValue(done)

    def stopping(self) -> None:
        """Show that the work was asked to stop."""
        self.stage.setText("Stopping…")
        self.cancel.setEnabled(False)

    def end(self) -> None:
        """Put the bar away."""
        self._appear.stop()
        self.progress.setVisible(False)


class CommandButton(QPushButton):
    """Copies the command that does without a window what was just done; there once something was."""

    copied = Signal(str)
    """Words that show the command."""

    def __init__(self) -> None:
        super().__init__("Cop&y command")
        self.text_to_copy = ""
        self.setVisible(False)
        self.clicked.connect(self._copy)

    def offer(self, command: str) -> None:
        """Have a command ready to be copied."""
        self.text_to_copy = command
        self.setToolTip(f"Copy the command that does this without a window:\n{command}")
        self.setVisible(True)

    def _copy(self) -> None:
        if (clipboard := QGuiApplication.clipboard()) is not None:
            clipboard.setText(self.text_to_copy)
        self.copied.emit(f"Copied: {self.text_to_copy}")


def small(text: str) -> QLabel:
    """Return a line of smaller words that wraps."""
    label = QLabel(text)
    make_small(label)
    return label


def make_small(label: QLabel) -> None:
    """Make a label's words small and have them wrap."""
    label.setWordWrap(True)
    label.setStyleSheet("QLabel { font-size: 11px; font-style: italic; }")
