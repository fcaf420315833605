"""Writers for napari's Save dialog: `write_<format>` for each entry of `EXPORTERS`, named in the manifest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from napari_all.gui.exporting import item_from_layer_data
from napari_all.io.exporters import EXPORTERS

LayerData = tuple[Any, dict[str, Any], str]
_PREFIX = "write_"


def __getattr__(name: str) -> Callable[..., list[str]]:
    """Return the writer of a format by the name in the manifest, where `_` stands for `-`."""
    formats = {f"{_PREFIX}{key.replace('-', '_')}": key for key in EXPORTERS}
    if name not in formats:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    key = formats[name]
    return partial(_write if EXPORTERS[key].combines else _write_one, key)


def _write_one(name: str, path: str, data: Any, attributes: dict[str, Any]) -> list[str]:
    return _write(name, path, [(data, attributes, "labels")])


def _write(name: str, path: str, layers: Sequence[LayerData]) -> list[str]:
    items = [item_from_layer_data(data, attributes) for data, attributes, _ in layers]
    return [str(file) for file in EXPORTERS[name].write(Path(path), items)]
