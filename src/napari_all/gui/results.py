"""What the engine sent back becomes layers."""

from __future__ import annotations

import dataclasses
from typing import Any

from napari import Viewer
from napari.layers import Image, Labels
from numpy.typing import NDArray

from napari_all.gui.layers import Origin, labels_layer, record_of
from napari_all.io.masks import sidecar_for
from napari_all.types import Segmentation


def segmentation_from(value: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Segmentation:
    """Return the `Segmentation` that the job `segment_image` sent."""
    names = {field.name for field in dataclasses.fields(Segmentation)} - {"labels", "classes"}
    kept = {name: value[name] for name in names}
    return Segmentation(labels=arrays["labels"], classes=arrays["classes"], **kept)


def add_segmentation(viewer: Viewer, value: dict[str, Any], arrays: dict[str, NDArray[Any]], image: Image) -> Labels:
    """Add the result of `segment_image` as a new labels layer over its image; no layer is overwritten."""
    made = segmentation_from(value, arrays)
    origin = Origin(sidecar_for(made, record_of(image)), made.classes, image)
    layer = labels_layer(made.labels, f"{image.name} {made.method}", origin, value["cells"])
    viewer.add_layer(layer)
    return layer
