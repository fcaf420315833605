"""How much a person has changed: the labels of an image against what they began from."""

from __future__ import annotations

from napari_all.errors import MaskError
from napari_all.evaluation.masks import dice
from napari_all.io.masks import read_plane
from napari_all.project.held import Held
from napari_all.project.layout import Layout
from napari_all.project.planes import Pixels


def dice_with_start(layout: Layout, held: Held, pixels: Pixels) -> float | None:
    """Return the Dice of labels with what they began from; None where they began from nothing that can be read."""
    if held.begin.start == "nothing":
        return None
    try:
        start = read_plane(layout.labels(held.image, "predictions")) > 0
        return round(dice(pixels.labels > 0, start, pixels.ignore), 6)
    except MaskError:  # a damaged prediction must not keep the corrections from being saved
        return None
