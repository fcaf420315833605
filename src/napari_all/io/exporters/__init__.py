"""Export formats, one module each; adding a module adds a format everywhere."""

from __future__ import annotations

from napari_all.io.exporters._exporter import Exporter, ExportItem
from napari_all.registry import Registry

EXPORTERS: Registry[Exporter] = Registry("export format", __name__, Exporter)

__all__ = ["EXPORTERS", "ExportItem", "Exporter"]
