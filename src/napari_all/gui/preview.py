"""The live preview: one uint8 labels layer over an image, changed in place so that it keeps up with a slider."""

from __future__ import annotations

import math
from collections import deque

import numpy as np
from napari import Viewer
from napari.layers import Image, Labels
from numpy.typing import NDArray

from napari_all.gui.layer_colours import CELL_COLOURS, preview_colormap
from napari_all.gui.layers import PREVIEW_KEY, placement
from napari_all.types import BoolMask, RGBImage

FULL_PIXELS = 2100 * 2100
"""Images beyond this are previewed on every second, third … pixel; what is made from them is not."""
SLOW_S = 0.06
"""A threshold that takes longer makes a slider stick."""
LEAST_PIXELS = 500_000
"""A preview of fewer pixels is not thinned out further."""
NAME = "Threshold preview"


class Preview:
    """Shows what a threshold takes of one image."""

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self._layer: Labels | None = None
        self._image: Image | None = None
        self._seen: RGBImage | None = None
        self._times: deque[float] = deque(maxlen=3)
        self.step = 1

    @property
    def layer(self) -> Labels | None:
        """The preview's layer while it is in the viewer."""
        return self._layer if self._layer is not None and self._layer in self._viewer.layers else None

    def attach(self, image: Image, rgb: RGBImage) -> RGBImage:
        """Preview `image` from now on; return its pixels as the preview uses them."""
        if image is not self._image:
            self.remove()
            self._image = image
            self.step = max(1, math.ceil(math.sqrt(rgb.shape[0] * rgb.shape[1] / FULL_PIXELS)))
        if self._seen is None:
            self._seen = np.ascontiguousarray(rgb[:: self.step, :: self.step])
        return self._seen

    def took(self, seconds: float) -> None:
        """Look at fewer pixels from now on when a threshold is too slow for a slider, not just once."""
        self._times.append(seconds)
        if self._seen is None or self._seen.shape[0] * self._seen.shape[1] < LEAST_PIXELS:
            return
        if len(self._times) == self._times.maxlen and min(self._times) > SLOW_S:
            self.step += 1
            self.remove_layer()
            self._seen = None
            self._times.clear()

    def show_mask(self, mask: BoolMask) -> None:
        """Show the bare threshold."""
        self._show(mask.view(np.uint8))

    def show_labels(self, labels: NDArray[np.int32]) -> None:
        """Show cleaned cells of the full image; neighbours get unlike colours."""
        seen = labels[:: self.step, :: self.step]
        self._show(np.where(seen > 0, seen % len(CELL_COLOURS) + 2, 0).astype(np.uint8))

    def remove_layer(self) -> None:
        """Take the layer out of the viewer."""
        if self.layer is not None:
            self._viewer.layers.remove(self.layer)
        self._layer = None

    def remove(self) -> None:
        """Take the layer out of the viewer and forget the image."""
        self.remove_layer()
        self._image = self._seen = None
        self._times.clear()

    def _show(self, values: NDArray[np.uint8]) -> None:
        layer = self.layer
        if layer is None or layer.data.shape != values.shape:
            self._add(values)
            return
        layer.data[...] = values
        layer.visible = True
        layer.refresh(thumbnail=False, extent=False, highlight=False)

    def _add(self, values: NDArray[np.uint8]) -> None:
        assert self._image is not None
        where = placement(self._image)
        where["scale"] = tuple(np.multiply(where["scale"], self.step))
        layer = Labels(values.copy(), name=NAME, opacity=0.6, colormap=preview_colormap(), **where)
        layer.metadata[PREVIEW_KEY] = True
        layer.editable = False
        chosen = set(self._viewer.layers.selection)
        self._viewer.add_layer(layer)
        self._viewer.layers.selection = chosen or {self._image}
        self._layer = layer
