"""What is fixed for a whole slide before its blocks are segmented, so that a cell comes out alike in every block."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_all.errors import UsageError
from napari_all.io.slides import Slide
from napari_all.monitor import Monitor
from napari_all.segmentation.blocks import blocks
from napari_all.segmentation.editing.windows import Window
from napari_all.segmentation.instances import components
from napari_all.segmentation.methods import METHODS
from napari_all.segmentation.normalise import background_colour
from napari_all.segmentation.postprocess import smallest_area, typical_area
from napari_all.types import RGBImage, Segmentation
from napari_all.workflows.segment import SegmentConfig
from napari_all.workflows.segment_files import Extras

_OVERVIEW_PIXELS = 4_000_000
_STAINED, _DARK = 0.15, 0.45
"""Share of the background's light that glass with something on it swallows, and what nuclei do."""
_LOOKS, _LOOK_PX = 3, 2048
"""How many places are looked at, and how large they are."""

Found: TypeAlias = Generator[Segmentation, None, None]
"""What is found in windows of a slide, in their order; closing it ends the work on those that were not asked for."""
Finder: TypeAlias = Callable[[Slide, Sequence[Window], SegmentConfig, Monitor], Found]
"""Segments windows of a slide; raises what `segment_image` raises."""


@dataclass(frozen=True)
class Overview:
    """A small copy of a slide.

    Attributes
    ----------
    light
        (Y, X) float, the share of the background's light that comes through, in the colour where it is least.
    scale
        Its pixels per pixel of the slide.
    """

    light: NDArray[Any]
    scale: float

    @classmethod
    def of(cls, slide: Slide) -> Overview:
        """Make it."""
        small, scale = slide.overview(_OVERVIEW_PIXELS)
        return cls((small / background_colour(small)).min(axis=2), scale)

    def is_stained(self, window: Window) -> bool:
        """Tell whether there is anything on the glass."""
        return bool((self._piece(window) < 1 - _STAINED).any())

    def darkest(self, shape: tuple[int, int]) -> list[Window]:
        """Return the places of a slide of `shape` (Y, X) that show most of what is as dark as nuclei."""
        places = [place.window for place in blocks(shape, _LOOK_PX, 0)]
        dark = [np.count_nonzero(self._piece(place) < 1 - _DARK) for place in places]
        return [places[at] for at in np.argsort(dark, kind="stable")[::-1][:_LOOKS]]

    def _piece(self, window: Window) -> NDArray[Any]:
        """Return what it shows of a window, a pixel more on each side."""
        rows, columns = (
            slice(max(0, int(side.start * self.scale) - 1), int(np.ceil(side.stop * self.scale)) + 1) for side in window
        )
        return self.light[rows, columns]


def check_for_slides(config: SegmentConfig, extras: Extras) -> None:
    """Raise `UsageError` for what cannot be done block by block."""
    if not METHODS[config.method].by_blocks:
        able = ", ".join(name for name in METHODS if METHODS[name].by_blocks)
        raise UsageError(f"method {config.method!r} sets its limits by the whole field; for a slide use {able}")
    if config.postprocess.normalise != "none":
        raise UsageError(f"normalise={config.postprocess.normalise} looks at the whole field; for a slide use none")
    asked = [name for name, wanted in extras.model_dump().items() if wanted]
    if asked:
        raise UsageError(f"of a slide no {asked[0]} map is written; cut a region out and segment that")


def fix(
    slide: Slide, overview: Overview, config: SegmentConfig, monitor: Monitor, find: Finder
) -> tuple[SegmentConfig, float]:
    """Return a configuration in which nothing is automatic any more, and the diameter of a typical cell in pixels.

    Limits of colour are found on the pixels of the darkest places, the diameter is the median of what they show.

    Raises
    ------
    UsageError
        They show no cell.
    """
    given = config.settings.get("diameter_px")
    if given is not None:
        return config, float(given)
    windows = overview.darkest(slide.record.shape)
    resolve = METHODS[config.method].resolve
    if resolve is not None:
        limits = resolve(_side_by_side(slide, windows), config.method_settings())
        config = config.updated(settings=limits.model_dump(mode="json"))
    with closing(find(slide, windows, config, monitor)) as found:
        diameters = [px for px in map(_diameter, found) if px is not None]
    if not diameters:
        raise UsageError(
            "no white cell was found at the darkest places of the slide; give the settings yourself, tried on a region "
            "that was cut out"
        )
    diameter = round(float(np.median(diameters)), 1)
    if "diameter_px" in config.settings:
        return config.updated(settings=config.settings | {"diameter_px": diameter}), diameter
    least = round(smallest_area(np.pi / 4 * diameter**2, config.postprocess))
    return config.updated(postprocess=config.postprocess.updated(min_area_px=least)), diameter


def _side_by_side(slide: Slide, windows: Sequence[Window]) -> RGBImage:
    """Return the pixels of some windows as one image."""
    parts = [slide.levels[0][window] for window in windows]
    width = min(part.shape[1] for part in parts)
    return np.concatenate([part[:, :width] for part in parts])


def _diameter(found: Segmentation) -> float | None:
    """Return the diameter that was used, or else that of a typical cell; None without a cell."""
    if not found.labels.any():
        return None
    area = typical_area(components(found.labels > 0))  # touching cells uncut, as the smallest area of a field is found
    return found.diameter_px or (area and 2 * float(np.sqrt(area / np.pi)))
