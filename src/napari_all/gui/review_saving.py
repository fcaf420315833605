"""Says whether everything is on the disk, and where it is not, why, with what can be done about it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_all.errors import Cancelled
from napari_all.gui.background import Background
from napari_all.gui.memory import recall, remember
from napari_all.project.project import Project

LOOK_MS = 250


class SavingState(QWidget):
    """One quiet line while all is well; a reason and buttons where saving fails.

    Saving again and copying the project elsewhere go on in a thread of their own; the person works on meanwhile.
    """

    moved = Signal()
    """The project lies in another folder now."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._project: Project | None = None
        self._files: Background | None = None
        self._copying: _Copying | None = None
        self._busy = False
        self._refused = ""
        self._build()
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self.look)

    def _build(self) -> None:
        self.line = QLabel()
        self.line.setWordWrap(True)
        self.again = QPushButton("&Try again")
        self.again.setToolTip("Save now")
        self.elsewhere = QPushButton("Sa&ve elsewhere…")
        self.elsewhere.setToolTip("Copy the project into another folder, with what could not be saved, and go on there")
        self.stop = QPushButton("&Stop copying")
        self.stop.setToolTip("Stay in this folder")
        self._buttons = QWidget()
        row = QHBoxLayout(self._buttons)
        row.setContentsMargins(0, 0, 0, 0)
        for button in (self.again, self.elsewhere, self.stop):
            row.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.line)
        layout.addWidget(self._buttons)
        self.again.clicked.connect(self.try_again)
        self.elsewhere.clicked.connect(self._ask)
        self.stop.clicked.connect(self.stop_copying)

    def watch(self, project: Project | None) -> None:
        """Watch a project, or none."""
        self.finish()
        self._project, self._refused = project, ""
        if project is None:
            self._timer.stop()
        else:
            self._files = Background("saving", self)
            self._timer.start()
            self.look()

    def finish(self) -> None:
        """Stop copying, and wait until nothing is saved from here any more; before the project is closed."""
        self.stop_copying()
        if self._files is not None:
            self._files.close()
            self._files.deleteLater()
            self._files = None
        self._copying, self._busy = None, False

    def look(self) -> None:
        """Show how it is now."""
        project = self._project
        if project is None:
            return
        failure = project.failure
        wrong = str(failure) if failure is not None else self._refused
        for button in (self.again, self.elsewhere):
            button.setVisible(bool(wrong) and not self._busy)
        self.stop.setVisible(self._copying is not None)
        self._buttons.setVisible(bool(wrong) or self._copying is not None)
        if self._copying is not None:
            self.line.setText(self._copying.words)
        elif wrong:
            self.line.setText(f"<b style='color: #d55e00'>✖ Not saved:</b> {wrong}")
        elif self._busy or project.unsaved:
            self.line.setText("Saving…")
        else:
            self.line.setText("✔ All changes saved")

    def try_again(self) -> None:
        """Save now, and show how it went."""
        if self._project is not None:
            self._do(self._project.save, self.look)

    def save_elsewhere(self, folder: Path) -> None:
        """Go on in another folder, with all that could not be saved."""
        project = self._project
        if project is not None and not self._busy:
            copying = self._copying = _Copying(folder.name)
            self._do(lambda: project.move_to(folder, copying), self.moved.emit)

    def stop_copying(self) -> None:
        """Stay in the folder where the project is."""
        if self._copying is not None:
            self._copying.cancel()

    def _do(self, work: Callable[[], None], done: Callable[[], None]) -> None:
        if self._files is None or self._busy:
            return
        self._busy, self._refused = True, ""

        def ended(reason: str = "") -> None:
            stopped = self._copying is not None and self._copying.cancelled
            self._busy, self._copying = False, None
            self._refused = "" if stopped else reason
            self.look()

        def went_well(_: None) -> None:
            ended()
            done()

        self._files.run(work, went_well, ended)
        self.look()

    def _ask(self) -> None:
        folder = QFileDialog.getExistingDirectory(
            self, "An empty folder for the project", recall("folders/project", "")
        )
        if folder:
            remember("folders/project", str(Path(folder).parent))
            self.save_elsewhere(Path(folder))


class _Copying:
    """Progress of a copy, told by the thread that copies and read by the window."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._stop = threading.Event()
        self.words = f"Copying the project to {folder}…"

    @property
    def cancelled(self) -> bool:
        """Whether the person wants no copy any more."""
        return self._stop.is_set()

    def cancel(self) -> None:
        """Ask the copying to stop."""
        self._stop.set()

    def report(self, stage: str, done: int, total: int) -> None:
        """Keep the words for the window."""
        self.words = f"Copying the project to {self._folder}: {done} of {total} files"

    def message(self, text: str) -> None:
        """Nothing is told but progress."""

    def raise_if_cancelled(self) -> None:
        """Raise `Cancelled` once the person has asked for it."""
        if self.cancelled:
            raise Cancelled("stopped at the user's wish")
