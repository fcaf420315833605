"""The Review window of the benchmarks that need one."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


class ReviewWindow:
    """The real window, 1280 x 800, with a project open."""

    def __init__(self, folder: Path) -> None:
        import napari

        from napari_all.gui.review import ReviewPanel

        self.viewer = napari.Viewer()
        self.viewer.window._qt_window.resize(1280, 800)
        self.panel = ReviewPanel(self.viewer)
        self.viewer.window.add_dock_widget(self.panel, name="Review")
        self.panel.open_project(folder)
        self.session: Any = self.panel.session

    def work(self, until: Callable[[], bool], pause_s: float) -> float:
        """Let the window work until something holds; return the longest time in which it did not answer."""
        from qtpy.QtWidgets import QApplication

        longest = 0.0
        while not until():
            start = time.perf_counter()
            QApplication.processEvents()
            longest = max(longest, time.perf_counter() - start)
            time.sleep(pause_s)
        return longest

    def close(self) -> None:
        """Close the project and the window."""
        self.panel.close_project()
        self.viewer.close()
