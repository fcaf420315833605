"""What an open project hands out."""

from __future__ import annotations

from dataclasses import dataclass

from napari_all.io.sidecar import Sidecar
from napari_all.project.change import Change
from napari_all.project.planes import Pixels, Values
from napari_all.types import ImageRecord, RGBImage


@dataclass(frozen=True, eq=False)
class Opened:
    """An image as it is now; its arrays are the caller's own.

    Attributes
    ----------
    record, rgb
        The image file and its pixels.
    pixels, values
        Labels and the rest.
    sidecar
        What is known of where the labels came from (method, model, parts).
    reports
        What was repaired while it was loaded, for the person to read.
    """

    record: ImageRecord
    rgb: RGBImage
    pixels: Pixels
    values: Values
    sidecar: Sidecar
    reports: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Replayed:
    """What an undo or a redo did, to be repeated on what is shown: the image, and the change applied to it."""

    image: str
    change: Change
