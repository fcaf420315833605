"""Tools that work with the mouse on the canvas: click a cell, click two cells, draw a line or an outline."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from napari import Viewer
from napari.layers import Labels, Shapes

from napari_all.gui.layers import PREVIEW_KEY, placement

Gesture = Literal["click", "two clicks", "line", "outline", "at once"]
"""What the mouse does; a tool that works at once needs none of it."""
Need = Literal["cells", "parts", "marks", "prediction"]
MARKS, ALL_CELLS = "Marks", "All cells"
"""Groups of tools that are wanted less often."""
Points = list[tuple[float, float]]
"""(y, x) in pixels of the labels layer."""

_LEAST_DRAG_PX = 2.0


@dataclass(frozen=True)
class Tool:
    """One correction.

    Attributes
    ----------
    name, key
        Text of its button (with its mnemonic) and the key that takes it up on the canvas.
    gesture
        What the mouse does.
    hint
        What to do next, shown while the tool is up.
    tip
        Tooltip.
    needs
        What must be there for it to be of use.
    group
        Group of its button; empty for those wanted most.
    """

    name: str
    key: str
    gesture: Gesture
    hint: str
    tip: str
    needs: tuple[Need, ...] = ()
    group: str = ""


class CanvasTools:
    """Turns mouse events on one labels layer into the points of a tool's gesture.

    Parameters
    ----------
    viewer
        napari's viewer.
    on_gesture
        Called with the tool and its points when a gesture is complete.
    """

    def __init__(self, viewer: Viewer, on_gesture: Callable[[Tool, Points], None]) -> None:
        self._viewer = viewer
        self._on_gesture = on_gesture
        self._layer: Labels | None = None
        self._tool: Tool | None = None
        self._first: tuple[float, float] | None = None
        self._drawing: Shapes | None = None

    @property
    def tool(self) -> Tool | None:
        """The tool that is up, or None."""
        return self._tool

    def take(self, tool: Tool | None, layer: Labels | None) -> None:
        """Take up a tool for a layer, or lay all down with None."""
        self.lay_down()
        if tool is None or layer is None:
            return
        self._tool, self._layer = tool, layer
        self._viewer.mouse_drag_callbacks.append(self._on_press)
        self._viewer.layers.selection.active = layer
        layer.mode = "pan_zoom"
        # A drag draws instead of moving the picture; the wheel still zooms.
        layer.mouse_pan = tool.gesture in ("click", "two clicks")

    def lay_down(self) -> None:
        """Stop listening and give the mouse back to napari."""
        self._remove_drawing()
        if self._on_press in self._viewer.mouse_drag_callbacks:
            self._viewer.mouse_drag_callbacks.remove(self._on_press)
        if self._layer is not None and self._layer in self._viewer.layers:
            self._layer.mouse_pan = True
        self._tool = self._layer = self._first = None

    def _on_press(self, viewer: Viewer, event: Any) -> Iterator[None]:
        tool, layer = self._tool, self._layer
        if tool is None or layer is None or layer not in viewer.layers or event.button != 1:
            return
        if viewer.layers.selection.active is not layer:
            return
        points: Points = [self._point(layer, event)]
        drawn = tool.gesture in ("line", "outline")
        yield
        while event.type == "mouse_move":
            points.append(self._point(layer, event))
            if drawn:
                self._draw(layer, points, tool.gesture)
            yield
        points.append(self._point(layer, event))  # quick moves are dropped, the release is not
        self._remove_drawing()
        moved = float(np.ptp(np.asarray(points), axis=0).max())
        if drawn:
            if moved >= _LEAST_DRAG_PX:
                self._on_gesture(tool, points if tool.gesture == "outline" else [points[0], points[-1]])
        elif moved < 2 * _LEAST_DRAG_PX:  # else the picture was moved
            self._on_click(tool, points[-1])

    def _on_click(self, tool: Tool, point: tuple[float, float]) -> None:
        if tool.gesture == "click":
            self._on_gesture(tool, [point])
        elif self._first is None:
            self._first = point
        else:
            first, self._first = self._first, None
            self._on_gesture(tool, [first, point])

    def _point(self, layer: Labels, event: Any) -> tuple[float, float]:
        y, x = layer.world_to_data(event.position)[-2:]
        return float(y), float(x)

    def _draw(self, layer: Labels, points: Sequence[tuple[float, float]], gesture: Gesture) -> None:
        path = [points[0], points[-1]] if gesture == "line" else list(points)
        if self._drawing is None:
            self._drawing = Shapes(
                [np.asarray(path)],
                shape_type="path",
                edge_color="#ffee00",
                edge_width=_edge_width(layer),
                name="drawing",
                **placement(layer),
            )
            self._drawing.metadata[PREVIEW_KEY] = True
            self._viewer.add_layer(self._drawing)
            self._viewer.layers.selection.active = layer
        else:
            self._drawing.data = [(np.asarray(path), "path")]

    def _remove_drawing(self) -> None:
        if self._drawing is not None and self._drawing in self._viewer.layers:
            self._viewer.layers.remove(self._drawing)
            if self._layer is not None and self._layer in self._viewer.layers:
                self._viewer.layers.selection.active = self._layer
        self._drawing = None


def _edge_width(layer: Labels) -> float:
    return max(0.4, float(min(layer.data.shape)) / 400)
