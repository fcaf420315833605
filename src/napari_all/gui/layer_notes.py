"""What an image layer keeps beside its pixels."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari.layers import Layer

from napari_all.types import ImageRecord, Prediction, RGBImage

KEY = "napari_all"
"""Key of `layer.metadata` under which napari-all keeps an `Origin` (labels) or `ImageNotes` (images)."""


@dataclass(frozen=True)
class ImageNotes:
    """What an image layer keeps beside its pixels; `cam_in_cells` is the share of Grad-CAM's heat in white cells."""

    record: ImageRecord | None = None
    prediction: Prediction | None = None
    thumbnail: RGBImage | None = None
    cam_in_cells: float | None = None


def image_notes(layer: Layer) -> ImageNotes:
    """Return the notes of an image layer; empty ones when it has none."""
    notes = layer.metadata.get(KEY)
    return notes if isinstance(notes, ImageNotes) else ImageNotes()


def source_of(layer: Layer) -> Path:
    """Return the file of an image layer, or a place-holder where it has none."""
    record = image_notes(layer).record
    return record.path if record is not None and record.path is not None else Path("IMAGE")


def note(layer: Layer, **changes: Any) -> None:
    """Change the notes of an image layer."""
    layer.metadata[KEY] = dataclasses.replace(image_notes(layer), **changes)
