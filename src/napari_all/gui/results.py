"""What the engine sent back becomes layers."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari import Viewer
from napari.layers import Image, Labels, Layer
from numpy.typing import NDArray

from napari_all.gui.layers import (
    Origin,
    labels_layer,
    origin,
    parts_layer,
    record_of,
    show_outlines,
    smudges_layer,
    uncertainty_layer,
)
from napari_all.io.sidecar import sidecar_for
from napari_all.types import Segmentation

OUTLINE_PIXELS = 2_500_000
"""napari needs half a second and more to outline larger label images, in the window's thread."""


def segmentation_from(value: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Segmentation:
    """Return the `Segmentation` that the job `segment_image` sent."""
    return Segmentation(**{**value["segmentation"], **arrays})


def add_parts(viewer: Viewer, cells: Labels) -> Labels | None:
    """Add nucleus and cytoplasm as a layer to look at below the cells, which then let it be seen.

    Nothing is added where they are not told apart.
    """
    made = origin(cells)
    if made.classes is None or made.sidecar.parts != "nucleus+cytoplasm":
        return None
    parts = parts_layer(made.classes, f"{cells.name} parts", cells)
    _add_below(viewer, parts, cells)
    if cells.data.size <= OUTLINE_PIXELS:
        show_outlines(cells, True)
    else:
        cells.opacity = 0.3
    return parts


def add_uncertainty(viewer: Viewer, uncertainty: NDArray[np.uint8], cells: Labels) -> Image:
    """Add how unsure the network was of each pixel as a layer to look at below the cells."""
    layer = uncertainty_layer(uncertainty, f"{cells.name} uncertainty", cells)
    _add_below(viewer, layer, cells)
    return layer


def add_segmentation(viewer: Viewer, value: dict[str, Any], arrays: dict[str, NDArray[Any]], image: Image) -> Labels:
    """Add the result of `segment_image` as a new labels layer over its image; no layer is overwritten.

    Smudge cells, where some were found, get a layer of their own to look at.
    """
    made = segmentation_from(value, arrays)
    origin = Origin(sidecar_for(made, record_of(image)), made.classes, image)
    layer = labels_layer(made.labels, f"{image.name} {made.method}", origin, value["cells"])
    viewer.add_layer(layer)
    if made.smudges is not None and made.smudges.any():
        _add_below(viewer, smudges_layer(made.smudges, f"{image.name} smudge cells", layer), layer)
    return layer


def _add_below(viewer: Viewer, layer: Layer, cells: Labels) -> None:
    """Add a layer that only shows something; the cells stay the ones worked on."""
    viewer.add_layer(layer)
    viewer.layers.move(viewer.layers.index(layer), viewer.layers.index(cells))
    viewer.layers.selection.active = cells
