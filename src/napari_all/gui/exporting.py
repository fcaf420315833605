"""Labels layers become what exporters take: one way for the widget, the Save button and napari's Save dialog."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Labels
from numpy.typing import NDArray

from napari_all.gui.layers import as_labels, current_classes, origin
from napari_all.io.exporters import ExportItem
from napari_all.io.masks import LABELS_ENDING
from napari_all.workflows.export import make_item

_LABELS_NAME = LABELS_ENDING.removesuffix(".tif")
_REFUSED = r'[<>:"/\\|?*\x00-\x1f]+'
"""What some file system does not take in a name."""


def stem_of(layer: Labels) -> str:
    """Return the stem of a layer's files: its image's name, else the layer's."""
    name = Path(origin(layer).sidecar.image).stem or layer.name.removesuffix(_LABELS_NAME)
    return _safe(name)


def stems(layers: Sequence[Labels]) -> list[str]:
    """Return a stem per layer; layers of one image are told apart by their own names, then by numbers."""
    own = [stem_of(layer) for layer in layers]
    named = [stem if own.count(stem) == 1 else _safe(layer.name) for stem, layer in zip(own, layers, strict=True)]
    return [
        stem if named.count(stem) == 1 else f"{stem} {named[: index + 1].count(stem)}"
        for index, stem in enumerate(named)
    ]


def request_for(layers: Sequence[Labels], names: Sequence[str]) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return config and arrays that tell the engine of layers."""
    items: list[dict[str, Any]] = []
    arrays: dict[str, NDArray[Any]] = {}
    for index, (layer, name) in enumerate(zip(layers, names, strict=True)):
        made, labels = origin(layer), as_labels(layer).copy()
        classes = current_classes(labels, made)
        items.append(
            {
                "stem": name,
                "image": made.sidecar.image or name,
                "sidecar": made.sidecar.model_dump(mode="json"),
                "cell_classes": {str(label): given for label, given in cell_classes(layer.features).items()},
            }
        )
        arrays[f"labels{index}"] = labels
        if classes is not None:
            arrays[f"classes{index}"] = classes
    return {"items": items}, arrays


def item_from_layer_data(data: Any, attributes: Mapping[str, Any]) -> ExportItem:
    """Return what an exporter takes from what napari's Save dialog gives."""
    scale = attributes.get("scale")
    layer = Labels(np.asarray(data), name=attributes.get("name", "labels"), metadata=attributes.get("metadata"))
    if scale is not None:
        layer.scale = scale
        layer.units = attributes.get("units") or layer.units
    made, labels = origin(layer), as_labels(layer)
    given = cell_classes(attributes.get("features"))
    return make_item(made.sidecar.image or stem_of(layer), labels, made.sidecar, current_classes(labels, made), given)


def cell_classes(features: Any) -> dict[int, str]:
    """Return the classes that a person gave to cells, by label, from a layer's table."""
    if features is None or not {"index", "cell_class"} <= set(features):
        return {}
    pairs = zip(features["index"], features["cell_class"], strict=True)
    return {int(label): given for label, given in pairs if isinstance(given, str)}


def _safe(name: str) -> str:
    return re.sub(_REFUSED, "_", name).strip(" .") or "labels"
