"""What a classifier is shown of an image: balanced colours with a mask, the plain image, the white cells alone.

The name of the view stands in a model's card (`extra["view"]`; without one it is `DEFAULT_VIEW`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_all.data.scalebar import paint_out_scale_bar
from napari_all.data.transforms import Prepared, prepare, resized
from napari_all.errors import MaskError, unknown_name
from napari_all.types import BoolMask, RGBImage

DEFAULT_VIEW = "balanced+mask"


@dataclass(frozen=True)
class View:
    """One way to show an image to a classifier.

    Attributes
    ----------
    name, summary
        Key and one sentence for people.
    channels
        Number of channels C: groups of red, green, blue; one left over is a mask (255 = white cell).
    blank
        (C,) what an empty pixel looks like, where that is the same in every image.
    """

    name: str
    summary: str
    channels: int
    _shown: Callable[[RGBImage, Prepared], NDArray[np.uint8]]
    blank: tuple[int, ...] | None = None

    @property
    def masked(self) -> bool:
        """Whether the last channel is a mask of the white cells."""
        return self.channels % 3 == 1

    def prepare(self, rgb: RGBImage, size_px: int, mask: BoolMask | None = None) -> Prepared:
        """Return the view (S, S, C) and the measures of the whole picture, which are the same for every view.

        Parameters
        ----------
        rgb
            (Y, X, 3) uint8; squeezed to a square whatever its shape.
        size_px
            Side S of the result.
        mask
            (Y, X) bool, the white cells from a segmentation; found by their colour (a* of CIE Lab) when not given.

        Raises
        ------
        MaskError
            Mask and image differ in size.
        """
        if mask is not None and mask.shape != rgb.shape[:2]:
            raise MaskError(f"the mask is {mask.shape}, the image is {rgb.shape[:2]}; give the mask of this image")
        prepared = prepare(rgb, size_px, mask)
        return replace(prepared, shown=self._shown(rgb, prepared))

    def make(self, rgb: RGBImage, size_px: int, mask: BoolMask | None = None) -> NDArray[np.uint8]:
        """Return the view alone, (S, S, C) uint8; see `prepare`."""
        return self.prepare(rgb, size_px, mask).shown


def white_cells(rgb: RGBImage, size_px: int) -> BoolMask:
    """Return (Y, X) bool: where a view of that size sees white cells when no mask is given."""
    small = prepare(rgb, size_px).shown[..., 3] > _CELL
    rows, columns = (np.arange(n) * size_px // n for n in rgb.shape[:2])
    return np.asarray(small[rows[:, None], columns])


def view_named(name: str) -> View:
    """Return a view by name; `UsageError` names the valid ones."""
    if name not in VIEWS:
        raise unknown_name("view", name, VIEWS)
    return VIEWS[name]


_CELL = 127
"""Above this the soft mask says white cell."""


def _without_bar(rgb: RGBImage, prepared: Prepared) -> NDArray[np.uint8]:
    return resized(paint_out_scale_bar(rgb), len(prepared.shown))


def _cells_only(image: NDArray[Any], prepared: Prepared) -> NDArray[np.uint8]:
    """Blacken all but the white cells, as the dataset's `Segmented` images are."""
    return np.where(prepared.shown[..., 3:] > _CELL, image, np.uint8(0))


def _both(rgb: RGBImage, prepared: Prepared) -> NDArray[np.uint8]:
    image = _without_bar(rgb, prepared)
    return np.concatenate([image, _cells_only(image, prepared)], axis=2)


VIEWS = {
    view.name: view
    for view in (
        View(
            DEFAULT_VIEW,
            "White balance, scale bar and its corner painted over, and a soft mask of the white cells.",
            4,
            lambda rgb, prepared: prepared.shown,
            blank=(255, 255, 255, 0),
        ),
        View("rgb", "The image with its scale bar painted over.", 3, _without_bar),
        View("rgb+segmented", "The image, and once more with all but the white cells in black.", 6, _both),
        View(
            "cells",
            "The image with all but the white cells in black.",
            3,
            lambda rgb, prepared: _cells_only(_without_bar(rgb, prepared), prepared),
            blank=(0, 0, 0),
        ),
    )
}
"""Views by name."""
