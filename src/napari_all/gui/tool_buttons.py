"""The buttons of the tools that work on the canvas, with their keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial

from napari import Viewer
from napari.layers import Labels
from qtpy.QtCore import Qt
from qtpy.QtGui import QFontMetrics, QKeySequence, QShortcut
from qtpy.QtWidgets import QGridLayout, QGroupBox, QPushButton, QSizePolicy, QWidget

from napari_all.gui.canvas_tools import CanvasTools, Need, Points, Tool

COLUMNS = 3
TEXT_PX = 11
"""Small enough that three columns fit the narrowest panel."""


class ToolButtons(QGroupBox):
    """One button for each tool; the tool whose button is down is up on the canvas.

    Parameters
    ----------
    tools
        In the order of their buttons; each group begins a new row.
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
        tools: Iterable[Tool],
        viewer: Viewer,
        layer_of: Callable[[], Labels | None],
        on_gesture: Callable[[Tool, Points], None],
        say: Callable[[str], None],
    ) -> None:
        super().__init__("Tools")
        self._layer_of, self._on_gesture, self._say = layer_of, on_gesture, say
        self._tools = tuple(tools)
        self.tools = CanvasTools(viewer, on_gesture)
        self.buttons = {tool.name: self._button(tool) for tool in self._tools}
        grid = QGridLayout(self)
        grid.setSpacing(3)
        row = 0
        for group in dict.fromkeys(tool.group for tool in self._tools):
            members = [tool for tool in self._tools if tool.group == group]
            for place, tool in enumerate(members):
                grid.addWidget(self.buttons[tool.name], row + place // COLUMNS, place % COLUMNS)
            row += -(-len(members) // COLUMNS) + 1
            grid.setRowMinimumHeight(row - 1, 4)
        self.setMinimumHeight(grid.totalMinimumSize().height())

    @property
    def keys(self) -> dict[str, Callable[[], object]]:
        """What each key does while the panel of these buttons is in front."""
        return {tool.key: self.buttons[tool.name].click for tool in self._tools}

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

    def allow(self, lacking: Mapping[Need, str]) -> None:
        """Switch off the tools that need what is `lacking`, each with the reason, and switch on the others."""
        for tool in self._tools:
            reason = next((lacking[need] for need in tool.needs if need in lacking), "")
            button = self.buttons[tool.name]
            button.setEnabled(not reason)
            button.setToolTip(f"{_tip(tool)}\nNot now: {reason}" if reason else _tip(tool))
            if reason and self.tools.tool is tool:
                self.lay_down()

    def _button(self, tool: Tool) -> QPushButton:
        button = QPushButton(f"{tool.name}  {tool.key.replace('Shift+', '⇧')}")
        button.setStyleSheet(f"QPushButton {{ padding: 0px; font-size: {TEXT_PX}px; }}")
        button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        font = button.font()
        font.setPixelSize(TEXT_PX)
        button.setMinimumSize(QFontMetrics(font).horizontalAdvance(button.text()) + 4, 2 * TEXT_PX + 2)
        button.setCheckable(tool.gesture != "at once")
        button.setToolTip(_tip(tool))
        button.clicked.connect(partial(self._on_tool, tool))
        return button

    def _on_tool(self, tool: Tool, checked: bool) -> None:
        layer = self._layer_of()
        if tool.gesture == "at once":
            if layer is not None:
                self._on_gesture(tool, [])
            return
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


def _tip(tool: Tool) -> str:
    stop = "" if tool.gesture == "at once" else "; again or Esc to stop"
    return f"{tool.tip} ({tool.key}{stop})"


def _presser(slot: Callable[[], object]) -> Callable[[Viewer], None]:
    # A function, not a partial: napari looks up the __name__ of what is bound.
    def press(viewer: Viewer) -> None:
        slot()

    return press
