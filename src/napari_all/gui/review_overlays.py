"""Layers of the review that only show something: parts of the cells, marks, what differs from the prediction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import EllipsisType
from typing import Any, TypeAlias

import numpy as np
from napari import Viewer
from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap
from numpy.typing import NDArray

from napari_all.gui.layers import PREVIEW_KEY, parts_layer, placement
from napari_all.project.planes import Pixels
from napari_all.segmentation.editing import Mark

Where: TypeAlias = tuple[NDArray[np.intp], NDArray[np.intp]] | EllipsisType
"""(y, x) of some pixels, or all of them."""
Seen = Callable[[Pixels, Where], NDArray[np.uint8]]
MakeLayer = Callable[[NDArray[np.uint8], str, Labels], Labels]
IGNORED = max(Mark) + 1
"""Stands for what is ignored, where marks and ignored places are seen in one layer."""
MARK_COLOURS = {Mark.SMUDGE: "#cc79a7", Mark.ARTEFACT: "#555555", IGNORED: "#ffffff"}
MANY = 0.02
"""From this share of an image on, all of it is painted anew: quicker than pixel by pixel."""


class Overlay:
    """One layer below the cells, kept true to the planes of the image that is shown.

    Parameters
    ----------
    viewer
        Gets the layer.
    words
        What it shows; the layer is named after the image and this.
    seen
        Returns what is to be seen of some pixels, 0 = nothing.
    make
        Makes the layer from an array of its own.
    wanted
        Whether it is visible.
    """

    def __init__(self, viewer: Viewer, words: str, seen: Seen, make: MakeLayer, wanted: bool) -> None:
        self._viewer, self._words, self._seen, self._make, self._wanted = viewer, words, seen, make, wanted
        self._pixels: Pixels | None = None
        self._cells: Labels | None = None
        self._stem = ""
        self.layer: Labels | None = None

    @property
    def there(self) -> bool:
        """Whether the layer is in the viewer."""
        return self.layer is not None and self.layer in self._viewer.layers

    @property
    def seen(self) -> bool:
        """Whether there is anything to see."""
        return self.there and self.layer is not None and bool(np.asarray(self.layer.data).max(initial=0))

    def show(self, pixels: Pixels, cells: Labels, stem: str, *, known: bool = True) -> None:
        """Show an image in the place of the one before; nothing of it where it is not `known`."""
        self._pixels, self._cells, self._stem = pixels if known else None, cells, stem
        plane = np.array(self._seen(pixels, ...)) if known else np.zeros(pixels.shape, np.uint8)
        if self.there and self.layer is not None:
            self.layer.data = plane
            self.layer.name = f"{stem} {self._words}"
        elif known:
            self._add(plane)  # also where there is nothing to see yet: to add a layer takes longer than an edit may

    def follow(self, where: tuple[NDArray[np.intp], NDArray[np.intp]]) -> None:
        """Show what changed."""
        if self._pixels is not None and self.there and self.layer is not None:
            repaint(self.layer, where, partial(self._seen, self._pixels))

    def want(self, wanted: bool) -> None:
        """Let it be seen, or hide it."""
        self._wanted = wanted
        if self.there and self.layer is not None:
            self.layer.visible = wanted

    def let_go(self) -> None:
        """Take the layer out of the viewer."""
        if self.there:
            self._viewer.layers.remove(self.layer)
        self.layer = self._pixels = self._cells = None

    def _add(self, plane: NDArray[np.uint8]) -> None:
        """Add the layer below the cells, which stay the layer that is worked on."""
        if self._cells is None:
            return
        layers = self._viewer.layers
        active = layers.selection.active
        self.layer = self._make(plane, f"{self._stem} {self._words}", self._cells)
        self.layer.visible = self._wanted
        forget_history(self.layer)
        layers.append(self.layer)
        layers.move(layers.index(self.layer), layers.index(self._cells))
        layers.selection.active = active


def overlays(viewer: Viewer) -> tuple[Overlay, Overlay]:
    """Return what shows the parts of the cells, and what shows the marks and what is ignored."""
    return (
        Overlay(viewer, "parts", lambda pixels, where: pixels.classes[where], parts_layer, False),
        Overlay(viewer, "marks", _marks, _marks_layer, True),
    )


def repaint(
    layer: Labels, where: tuple[NDArray[np.intp], NDArray[np.intp]], seen: Callable[[Where], NDArray[Any]]
) -> None:
    """Show other values at some pixels of a layer, in the way that is quickest; `seen` returns them for places."""
    if len(where[0]) >= MANY * layer.data.size:
        layer.data[...] = seen(...)
    elif layer.visible:
        layer.data_setitem(where, seen(where))
        return
    else:
        layer.data[where] = seen(where)
    layer.refresh(extent=False)  # nothing while it is hidden


def forget_history(layer: Labels) -> None:
    """Let a layer keep no history of its own: the project has one, and large changes would fill the memory."""
    layer._history_limit = 0
    layer._reset_history()


def seen_layer(plane: NDArray[np.uint8], name: str, cells: Labels, colours: Mapping[int, str]) -> Labels:
    """Make a layer in the place of the cells that only shows values of a plane in their colours."""
    table: dict[int | None, Any] = {None: "transparent", 0: "transparent"}
    for code, colour in colours.items():
        table[code] = colour
    layer = Labels(plane, name=name, opacity=0.6, colormap=DirectLabelColormap(color_dict=table), **placement(cells))
    layer.metadata[PREVIEW_KEY] = True
    layer.editable = False
    return layer


def _marks_layer(plane: NDArray[np.uint8], name: str, cells: Labels) -> Labels:
    return seen_layer(plane, name, cells, MARK_COLOURS)


def _marks(pixels: Pixels, where: Where) -> NDArray[np.uint8]:
    return np.where(pixels.ignore[where], np.uint8(IGNORED), pixels.marks[where])
