"""Cells of a table on the canvas: a frame around those selected, the view centred on one, a click that selects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from napari import Viewer
from napari.layers import Labels, Points

from napari_all.gui.camera import centre_on
from napari_all.gui.layers import PREVIEW_KEY, placement
from napari_all.segmentation.editing import CellIndex

FRAME = 1.3
"""Side of the frame as a multiple of the cell's."""
_MOVED_PX = 4.0
"""A press that moves farther than this on the screen moves the picture."""


class CellsOnCanvas:
    """Shows and hears which cells are selected.

    Parameters
    ----------
    viewer
        Where the image is shown.
    on_click
        Called with the label of the cell that was clicked (0 = none), and whether it is added to those selected.
    """

    def __init__(self, viewer: Viewer, on_click: Callable[[int, bool], None]) -> None:
        self._viewer, self._on_click = viewer, on_click
        self._labels: Labels | None = None
        self._frames: Points | None = None

    def listen(self, labels: Labels | None) -> None:
        """Hear clicks on the cells of a layer, and the picking of a label; None: rest."""
        if self._labels is not None:
            self._labels.events.selected_label.disconnect(self._on_picked)
            if self._on_press in self._viewer.mouse_drag_callbacks:
                self._viewer.mouse_drag_callbacks.remove(self._on_press)
        self._labels = labels
        if labels is None:
            self._remove()
        else:
            labels.events.selected_label.connect(self._on_picked)
            self._viewer.mouse_drag_callbacks.append(self._on_press)

    def mark(self, selected: Sequence[int], cells: CellIndex) -> None:
        """Draw a frame around cells."""
        labels = self._labels
        windows = [cells.window(label) for label in selected if label in cells]
        if labels is None or not windows:
            self._remove()
            return
        middles = np.asarray([[(side.start + side.stop - 1) / 2 for side in window] for window in windows])
        sizes = np.asarray([max(side.stop - side.start for side in window) for window in windows]) * FRAME + 4
        if self._frames is None or self._frames not in self._viewer.layers:
            self._frames = Points(
                middles, size=sizes, symbol="square", face_color="transparent", border_color="#ffee00",
                border_width=0.06, name="selected cells", **placement(labels),
            )  # fmt: skip
            self._frames.metadata[PREVIEW_KEY] = True
            self._viewer.add_layer(self._frames)
            self._frames.editable = False
            self._viewer.layers.selection.active = labels
        else:
            self._frames.data = middles
            self._frames.size = sizes
        if len(selected) == 1:
            labels.selected_label = selected[0]

    def centre(self, label: int, cells: CellIndex) -> None:
        """Bring a cell into the middle of the view, and nearer where it would hardly be seen."""
        if self._labels is None or label not in cells:
            return
        centre_on(self._viewer, self._labels, cells.window(label))

    def _remove(self) -> None:
        if self._frames is not None and self._frames in self._viewer.layers:
            active = self._viewer.layers.selection.active
            self._viewer.layers.remove(self._frames)
            if self._labels is not None and active is not None and active in self._viewer.layers:
                self._viewer.layers.selection.active = active
        self._frames = None

    def _on_picked(self, event: Any = None) -> None:
        if self._labels is not None and str(self._labels.mode) == "pick":
            self._on_click(int(self._labels.selected_label), False)

    def _on_press(self, viewer: Viewer, event: Any) -> Iterator[None]:
        labels = self._labels
        if labels is None or labels not in viewer.layers or event.button != 1 or str(labels.mode) != "pan_zoom":
            return
        start = np.asarray(event.pos, float)
        add = "Shift" in event.modifiers or "Control" in event.modifiers
        position = event.position
        yield
        while event.type == "mouse_move":
            yield
        if np.abs(np.asarray(event.pos, float) - start).max() > _MOVED_PX:
            return
        value = labels.get_value(position, world=True)
        self._on_click(int(value or 0), add)
