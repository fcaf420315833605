"""Brings a part of a layer into the middle of the view."""

from __future__ import annotations

from napari import Viewer
from napari.layers import Layer

from napari_all.segmentation.editing.windows import Window

SEEN_PX = 40
"""What is gone to is at least this large on the screen."""


def centre_on(viewer: Viewer, layer: Layer, window: Window) -> None:
    """Bring a window of a layer (rows, columns) into the middle, and nearer where it would hardly be seen."""
    world = layer.data_to_world([(side.start + side.stop - 1) / 2 for side in window])
    camera = viewer.scene.camera
    camera.center = (*camera.center[:-2], *world)[-3:]
    size = max(side.stop - side.start for side in window) * float(layer.scale[-1])
    if camera.zoom * size < SEEN_PX:
        camera.zoom = SEEN_PX / size
