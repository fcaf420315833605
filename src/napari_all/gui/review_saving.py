"""Says whether everything is on the disk, and where it is not, why, with what can be done about it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_all.errors import NapariAllError
from napari_all.gui.memory import recall, remember
from napari_all.project.project import Project

LOOK_MS = 250


class SavingState(QWidget):
    """One quiet line while all is well; a reason and two buttons where saving fails."""

    moved = Signal()
    """The project lies in another folder now."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._project: Project | None = None
        self.line = QLabel()
        self.line.setWordWrap(True)
        self.again = QPushButton("&Try again")
        self.again.setToolTip("Save now")
        self.elsewhere = QPushButton("Sa&ve elsewhere…")
        self.elsewhere.setToolTip("Copy the project into another folder, with what could not be saved, and go on there")
        self._buttons = QWidget()
        row = QHBoxLayout(self._buttons)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.again)
        row.addWidget(self.elsewhere)
        self._buttons.setVisible(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.line)
        layout.addWidget(self._buttons)
        self.again.clicked.connect(self.try_again)
        self.elsewhere.clicked.connect(self._ask)
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self.look)

    def watch(self, project: Project | None) -> None:
        """Watch a project, or none."""
        self._project = project
        if project is None:
            self._timer.stop()
        else:
            self._timer.start()
            self.look()

    def look(self) -> None:
        """Show how it is now."""
        project = self._project
        if project is None:
            return
        failure = project.failure
        self._buttons.setVisible(failure is not None)
        if failure is not None:
            self.line.setText(f"<b style='color: #d55e00'>✖ Not saved:</b> {failure}")
        elif project.unsaved:
            self.line.setText("Saving…")
        else:
            self.line.setText("✔ All changes saved")

    def try_again(self) -> None:
        """Save now, and show how it went."""
        self._do(lambda project: project.save())

    def save_elsewhere(self, folder: Path) -> None:
        """Go on in another folder, with all that could not be saved."""
        self._do(lambda project: project.move_to(folder))
        if self._project is not None and self._project.failure is None:
            self.moved.emit()

    def _do(self, what: Callable[[Project], None]) -> None:
        if self._project is None:
            return
        try:
            what(self._project)
        except NapariAllError as error:
            self.look()
            self._buttons.setVisible(True)
            self.line.setText(f"<b style='color: #d55e00'>✖ Not saved:</b> {error}")
            return
        self.look()

    def _ask(self) -> None:
        folder = QFileDialog.getExistingDirectory(
            self, "An empty folder for the project", recall("folders/project", "")
        )
        if folder:
            remember("folders/project", str(Path(folder).parent))
            self.save_elsewhere(Path(folder))
