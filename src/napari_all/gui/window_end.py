"""Save before napari's window closes."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QMainWindow, QMessageBox, QWidget


class WindowEnd(QObject):
    """Hears of the end of the window that a panel is in.

    Parameters
    ----------
    panel
        The panel, also its parent.
    save
        Called before the window closes; False where something could not be saved: then a person decides.
    """

    def __init__(self, panel: QWidget, save: Callable[[], bool]) -> None:
        super().__init__(panel)
        self._panel, self._save = panel, save
        self._hears = False

    def watch(self) -> None:
        """Hear of the window that the panel is in now; called as often as one likes."""
        widget = self._panel.parentWidget()
        while widget is not None and not isinstance(widget, QMainWindow):
            widget = widget.parentWidget()
        if isinstance(widget, QMainWindow) and not self._hears:
            self._hears = True  # no reference to it: it would keep the window alive for ever
            widget.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802 - Qt's name
        """Save before the window closes; where that fails, a person decides."""
        closing = event is not None and event.type() == QEvent.Type.Close and isinstance(watched, QMainWindow)
        if closing and event is not None and not self._save() and not self._ask_to_lose():
            event.ignore()
            return True
        return super().eventFilter(watched, event)

    def _ask_to_lose(self) -> bool:
        text = "What was done last cannot be saved. Close without it?"
        button = QMessageBox.StandardButton
        return QMessageBox.warning(self._panel, "Not saved", text, button.Discard | button.Cancel) == button.Discard
