"""File formats of models, one module each; adding a module adds a format everywhere."""

from __future__ import annotations

from napari_all.networks.model_formats._format import ModelExport, ModelFormat
from napari_all.registry import Registry

MODEL_FORMATS: Registry[ModelFormat] = Registry("model format", __name__, ModelFormat)

__all__ = ["MODEL_FORMATS", "ModelExport", "ModelFormat"]
