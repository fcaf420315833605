"""The buttons of the tools that work on the canvas, with their keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from napari import Viewer
from napari.layers import Labels
from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import QGridLayout, QGroupBox, QPushButton, QWidget

from napari_all.gui.canvas_tools import CanvasTools, Points, Tool
from napari_all.gui.corrections import TOOLS


class ToolButtons(QGroupBox):
    """One button for each tool of `TOOLS`; the tool whose button is down is up on the canvas.

    Parameters
    ----------
    viewer
        The viewer whose canvas is worked on.
    layer_of
        Returns the labels layer to work on, or None.
    on_gesture
        Called with the tool and its points when a gesture is complete.
    say
        Shows what to do next; empty when no tool is up.
    """

    def __init__(
        self,
        viewer: Viewer,
        layer_of: Callable[[], Labels | None],
        on_gesture: Callable[[Tool, Points], None],
        say: Callable[[str], None],
    ) -> None:
        super().__init__("Tools")
        self._layer_of, self._say = layer_of, say
        self.tools = CanvasTools(viewer, on_gesture)
        self.buttons: dict[str, QPushButton] = {}
        grid = QGridLayout(self)
        for index, tool in enumerate(TOOLS):
            button = QPushButton(f"{tool.name}   [{tool.key}]")
            button.setCheckable(True)
            button.setToolTip(f"{tool.tip} ({tool.key}; again or Esc to stop)")
            button.clicked.connect(partial(self._on_tool, tool))
            self.buttons[tool.name] = button
            grid.addWidget(button, index // 2, index % 2)

    @property
    def keys(self) -> dict[str, Callable[[], None]]:
        """What each key does while the panel of these buttons is in front."""
        return {tool.key: self.buttons[tool.name].click for tool in TOOLS}

    def lay_down(self) -> None:
        """Lay down the tool that is up."""
        self.tools.lay_down()
        for button in self.buttons.values():
            button.setChecked(False)
        self._say("")

    def renew(self) -> None:
        """Begin anew with the tool that is up, on the layer that is there now."""
        tool, layer = self.tools.tool, self._layer_of()
        if tool is not None:
            self.tools.take(tool, layer)

    def _on_tool(self, tool: Tool, checked: bool) -> None:
        layer = self._layer_of()
        if not checked or layer is None:
            self.lay_down()
            return
        for name, button in self.buttons.items():
            button.setChecked(name == tool.name)
        self.tools.take(tool, layer)
        self._say(tool.hint)


def bind_keys(viewer: Viewer, keys: Mapping[str, Callable[[], object]], bound: bool) -> None:
    """Give keys on the canvas something to do, or give them back."""
    for key, slot in keys.items():
        viewer.bind_key(key, _presser(slot) if bound else None, overwrite=True)


def panel_keys(panel: QWidget, keys: Mapping[str, Callable[[], object]]) -> list[QShortcut]:
    """Let keys work while the focus is on a panel; return what does it."""
    shortcuts = []
    for key, slot in keys.items():
        shortcut = QShortcut(QKeySequence(key), panel)
        shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        shortcut.activated.connect(slot)
        shortcuts.append(shortcut)
    return shortcuts


def _presser(slot: Callable[[], object]) -> Callable[[Viewer], None]:
    # A function, not a partial: napari looks up the __name__ of what is bound.
    def press(viewer: Viewer) -> None:
        slot()

    return press
