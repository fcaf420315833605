"""What the engine sent back becomes layers."""

from __future__ import annotations

from typing import Any

from napari import Viewer
from napari.layers import Image, Labels
from numpy.typing import NDArray

from napari_all.gui.layers import Origin, labels_layer, origin, parts_layer, record_of, show_outlines
from napari_all.io.masks import sidecar_for
from napari_all.types import Segmentation

OUTLINE_PIXELS = 2_500_000
"""napari needs half a second and more to outline larger label images, in the window's thread."""


def segmentation_from(value: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Segmentation:
    """Return the `Segmentation` that the job `segment_image` sent."""
    return Segmentation(**{**value["segmentation"], **arrays})


def add_parts(viewer: Viewer, cells: Labels) -> Labels | None:
    """Add nucleus and cytoplasm as a layer to look at below the cells, which then let it be seen."""
    made = origin(cells)
    if made.classes is None:
        return None
    parts = parts_layer(made.classes, f"{cells.name} parts", cells)
    viewer.add_layer(parts)
    viewer.layers.move(viewer.layers.index(parts), viewer.layers.index(cells))
    if cells.data.size <= OUTLINE_PIXELS:
        show_outlines(cells, True)
    else:
        cells.opacity = 0.3
    viewer.layers.selection.active = cells
    return parts


def add_segmentation(viewer: Viewer, value: dict[str, Any], arrays: dict[str, NDArray[Any]], image: Image) -> Labels:
    """Add the result of `segment_image` as a new labels layer over its image; no layer is overwritten."""
    made = segmentation_from(value, arrays)
    origin = Origin(sidecar_for(made, record_of(image)), made.classes, image)
    layer = labels_layer(made.labels, f"{image.name} {made.method}", origin, value["cells"])
    viewer.add_layer(layer)
    return layer
