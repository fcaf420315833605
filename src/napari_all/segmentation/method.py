"""What a segmentation method is; the registry of methods is `napari_all.segmentation.methods.METHODS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from napari_all.config import Settings
from napari_all.monitor import Monitor
from napari_all.segmentation.normalise import Normalise
from napari_all.types import BoolMask, ClassesMap, Parts, RGBImage


class PostprocessSettings(Settings):
    """What all methods share, applied in the order of the fields: colours before the method, cleaning after it."""

    normalise: Normalise = Field("none", description="Colours brought to a common ground before the method sees them")
    fill_holes: bool = Field(True, description="Fill holes inside cells")
    smooth_px: int = Field(1, ge=0, le=20, description="Radius of the smoothing disc in pixels; 0 = none")
    min_area_px: int | None = Field(
        None,
        ge=0,
        le=1_000_000,
        description="Smallest cell kept, in square pixels; none = a fifth of the median cell",
    )
    split_touching: bool = Field(True, description="Cut touching cells apart")
    split_depth: float = Field(
        0.12,
        ge=0.0,
        le=1.0,
        description="How deep a waist must be to be cut, as a share of the cell radius; smaller cuts more",
    )
    clear_border: bool = Field(False, description="Drop cells that touch the image border")

    @field_validator("normalise", mode="before")
    @classmethod
    def _named(cls, value: object) -> object:
        return "none" if value is None else value  # `--set normalise=none` comes as None


@dataclass(frozen=True)
class RawSegmentation:
    """What a method gives before cleaning.

    Attributes
    ----------
    classes
        (Y, X) uint8 classes map (0 background, 1 cytoplasm, 2 nucleus or whole cell).
    uncertainty
        (Y, X) uint8, entropy of the network's probabilities, 255 = all classes equally likely; None without one.
    foreground
        (Y, X) uint8, the network's probability of a cell, 255 = certain; None without one.
    diameter_px
        Cell diameter in pixels used by the method, or None.
    smudge
        (Y, X) bool, where the foreground looks like a smudge cell; None where the method cannot tell.
    parts
        What the classes map parts, where that depends on the model; None = as the method says.
    """

    classes: ClassesMap
    uncertainty: NDArray[np.uint8] | None = None
    foreground: NDArray[np.uint8] | None = None
    diameter_px: float | None = None
    model: str | None = None
    model_sha256: str | None = None
    device: str | None = None
    smudge: BoolMask | None = None
    parts: Parts | None = None


@dataclass(frozen=True)
class Preset:
    """A named pair of method settings and cleaning."""

    settings: Settings
    postprocess: PostprocessSettings = field(default_factory=PostprocessSettings)
    summary: str = ""


@dataclass(frozen=True)
class SegmentationMethod:
    """Entry of the registry of segmentation methods.

    Attributes
    ----------
    name, title, summary
        Key, display name and one sentence for people.
    parts
        What the classes map parts, unless a result says otherwise.
    settings
        Type of the method's settings; forms and `--set` are made from it.
    presets
        Named settings; "default" is always there.
    run
        (rgb, settings, monitor) -> RawSegmentation.
    in_engine
        True when it needs torch, so the window runs it in the engine process.
    preview
        (rgb, settings) -> (Y, X) bool, the bare threshold, fast enough to follow a slider; None without one.
    resolve
        (rgb, settings) -> settings with what is automatic filled in and `automatic` off, so that a form can show the
        values found; None where the settings have no field `automatic`.
    by_blocks
        True when a block of a large image comes out as in the whole, once what is automatic is fixed.
    """

    name: str
    title: str
    summary: str
    parts: Parts
    settings: type[Settings]
    presets: Mapping[str, Preset]
    run: Callable[[RGBImage, Settings, Monitor], RawSegmentation]
    in_engine: bool = False
    preview: Callable[[RGBImage, Settings], BoolMask] | None = None
    resolve: Callable[[RGBImage, Settings], Settings] | None = None
    by_blocks: bool = False
