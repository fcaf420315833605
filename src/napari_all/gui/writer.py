"""Writers for napari's Save dialog; each is one entry of `EXPORTERS` and one line of the manifest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from napari_all.gui.exporting import item_from_layer_data
from napari_all.io.exporters import EXPORTERS

LayerData = tuple[Any, dict[str, Any], str]


def write_tiff(path: str, data: Any, attributes: dict[str, Any]) -> list[str]:
    """Write one labels layer as a label image with sidecar and classes map."""
    return _write("tiff", path, [(data, attributes, "labels")])


def write_png(path: str, data: Any, attributes: dict[str, Any]) -> list[str]:
    """Write one labels layer as a mask, 255 = cell."""
    return _write("png", path, [(data, attributes, "labels")])


def write_csv(path: str, layers: Sequence[LayerData]) -> list[str]:
    """Write the cells of labels layers as one table."""
    return _write("csv", path, layers)


def _write(name: str, path: str, layers: Sequence[LayerData]) -> list[str]:
    items = [item_from_layer_data(data, attributes) for data, attributes, _ in layers]
    return [str(file) for file in EXPORTERS[name].write(Path(path), items)]
