"""Keys that work while a panel is in front, on the canvas and on the panel, and may change with what it shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from napari import Viewer
from qtpy.QtWidgets import QWidget

from napari_all.gui.tool_buttons import bind_keys, panel_keys

Keys: TypeAlias = dict[str, Callable[[], object]]


class FrontKeys:
    """Takes keys and gives them back.

    Parameters
    ----------
    on_panel, on_canvas
        What each key does there now; napari and Qt write some of them otherwise.
    """

    def __init__(
        self, viewer: Viewer, panel: QWidget, on_panel: Callable[[], Keys], on_canvas: Callable[[], Keys]
    ) -> None:
        self._viewer, self._panel, self._on_panel, self._on_canvas = viewer, panel, on_panel, on_canvas
        self._bound: Keys = {}
        self._shortcuts = panel_keys(panel, on_panel())

    def take(self, front: bool) -> None:
        """Take the keys of the canvas as they are now, or only give back what was taken."""
        bind_keys(self._viewer, self._bound, False)
        self._bound = self._on_canvas() if front else {}
        bind_keys(self._viewer, self._bound, True)

    def renew(self, front: bool) -> None:
        """Take up that the keys do something else now."""
        for shortcut in self._shortcuts:
            shortcut.setEnabled(False)
            shortcut.deleteLater()
        self._shortcuts = panel_keys(self._panel, self._on_panel())
        self.take(front)
