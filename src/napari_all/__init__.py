"""napari-all: stained blood smears to corrected, classified, exported cells. For research use only.

The names below are what scripts need; each is imported when first used, so importing the package stays light.

>>> record, rgb = napari_all.read_image(path)
>>> cells = napari_all.segment_image(rgb, napari_all.make_config("unet"))
>>> napari_all.measure_cells(cells.labels, cells.classes, cells.parts)
"""

from importlib import import_module as _import_module
from importlib.metadata import version as _version
from typing import Any

__version__ = _version("napari-all")

_HOMES = {
    "ClassifyConfig": "workflows.classify",
    "SegmentConfig": "workflows.segment",
    "classify_image": "workflows.classify",
    "find_images": "io.inputs",
    "make_config": "workflows.segment",
    "make_smear": "data.synthetic",
    "measure_cells": "segmentation.measure",
    "read_image": "io.images",
    "read_labels": "io.masks",
    "segment_image": "workflows.segment",
    "write_labels": "io.masks",
}

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(_import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted(__all__)
