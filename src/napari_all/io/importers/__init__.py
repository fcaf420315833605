"""Formats of cells that are read, one module each; adding a module adds a format everywhere."""

from __future__ import annotations

from napari_all.io.importers._importer import Imported, Importer, ImportRequest
from napari_all.registry import Registry

IMPORTERS: Registry[Importer] = Registry("import format", __name__, Importer)

__all__ = ["IMPORTERS", "ImportRequest", "Imported", "Importer"]
