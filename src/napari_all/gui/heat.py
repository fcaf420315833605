"""Grad-CAM as an image layer over its image, and what is said of it."""

from __future__ import annotations

import numpy as np
from napari import Viewer
from napari.layers import Image, Labels, Layer
from napari.utils.colormaps import Colormap
from numpy.typing import NDArray

from napari_all.gui.layers import PREVIEW_KEY, as_labels, is_cells, origin, placement, to_rgb
from napari_all.types import BoolMask

_OF, _TOLD = "napari_all_heat_of", "napari_all_heat_told"


def show_heat(viewer: Viewer, cam: NDArray[np.float32], image: Image, told: str) -> Image:
    """Put a heat map (Y, X) on 0..1, and what is said of it, right above its image, in the place of an earlier one.

    The image stays selected.
    """
    remove_heat(viewer, image)
    layer = Image(
        cam,
        name=f"Grad-CAM: {image.name}",
        contrast_limits=(0.0, 1.0),
        colormap=heat_colormap(),
        blending="translucent",
        metadata={PREVIEW_KEY: True, _OF: image, _TOLD: told},
        **placement(image),
    )
    viewer.add_layer(layer)
    viewer.layers.move(viewer.layers.index(layer), viewer.layers.index(image) + 1)
    image.visible = True
    viewer.layers.selection.active = image
    return layer


def remove_heat(viewer: Viewer, image: Image) -> None:
    """Remove the Grad-CAM layer of an image, if there is one."""
    for layer in [layer for layer in viewer.layers if heat_of(layer) is image]:
        viewer.layers.remove(layer)


def heat_of(layer: Layer) -> Image | None:
    """Return the image that a Grad-CAM layer belongs to; None for every other layer."""
    found = layer.metadata.get(_OF)
    return found if isinstance(found, Image) else None


def heat_words(viewer: Viewer, image: Layer | None) -> str:
    """Return what was said of the Grad-CAM layer of an image; nothing where there is none."""
    return next(
        (str(layer.metadata[_TOLD]) for layer in viewer.layers if image is not None and heat_of(layer) is image), ""
    )


def cells_of(viewer: Viewer, image: Image) -> Labels | None:
    """Return the topmost layer of cells that were made from an image and are as large, if there is one."""
    for layer in reversed(viewer.layers):
        if not isinstance(layer, Labels) or not is_cells(layer) or origin(layer).image is not image:
            continue
        if as_labels(layer).shape == to_rgb(image).shape[:2]:
            return layer
    return None


def mask_of(cells: Labels) -> BoolMask:
    """Return where a layer has cells, (Y, X) bool."""
    return as_labels(cells) > 0


def told_of_heat(predicted: str, in_cells: float | None, cells: Labels | None) -> str:
    """Return what a Grad-CAM shows, in words."""
    if in_cells is None:
        return f"Grad-CAM: nothing in this image speaks for {predicted} by itself."
    which = "where the network is shown them" if cells is None else f"those of '{cells.name}'"
    said = f"Grad-CAM for {predicted}: {in_cells:.0%} of the heat lies inside white cells ({which})."
    return f"{said} Heat beside cells means that stain or red cells speak for it."


def heat_colormap() -> Colormap:
    """Return the colours of heat: clear where nothing speaks for the class, then blue, green, yellow to red."""
    colours = [[0.2, 0.2, 0.9, 0.0], [0.1, 0.7, 0.9, 0.25], [0.5, 0.95, 0.2, 0.4], [1, 0.8, 0, 0.55], [0.9, 0, 0, 0.7]]
    return Colormap(colours, name="heat", controls=[0, 0.25, 0.5, 0.75, 1])
