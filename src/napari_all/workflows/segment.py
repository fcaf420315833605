"""Segment one image: the job behind the window's buttons and the command line alike."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from napari_all.config import Settings
from napari_all.errors import unknown_name
from napari_all.monitor import Monitor
from napari_all.segmentation.method import PostprocessSettings
from napari_all.segmentation.methods import METHODS
from napari_all.segmentation.run import segment_array
from napari_all.types import RGBImage, Segmentation


class SegmentConfig(Settings):
    """Which method runs and how: JSON-ready, the same object in `run.json`, window and command line."""

    method: str = Field("unet", description="Segmentation method")
    settings: dict[str, Any] = Field(default_factory=dict, description="The method's settings, all of them")
    postprocess: PostprocessSettings = Field(default_factory=PostprocessSettings, description="Cleaning of the masks")

    def method_settings(self) -> Settings:
        """Return the validated settings of the method."""
        return METHODS[self.method].settings.parse(self.settings)


def make_config(method: str, preset: str = "default", assignments: list[str] | None = None) -> SegmentConfig:
    """Make a configuration from a method's preset and `key=value` changes to its settings or its cleaning.

    Raises
    ------
    UsageError
        For an unknown method, preset or setting, or a value out of range.
    """
    entry = METHODS[method]
    if preset not in entry.presets:
        raise unknown_name(f"preset of {method}", preset, entry.presets)
    chosen = entry.presets[preset]
    cleaning = [a for a in assignments or [] if a.partition("=")[0].strip() in PostprocessSettings.model_fields]
    own = [a for a in assignments or [] if a not in cleaning]
    return SegmentConfig(
        method=method,
        settings=chosen.settings.updated_from_text(own).model_dump(mode="json"),
        postprocess=chosen.postprocess.updated_from_text(cleaning),
    )


def segment_image(rgb: RGBImage, config: SegmentConfig, monitor: Monitor | None = None) -> Segmentation:
    """Segment one (Y, X, 3) uint8 image; see `napari_all.segmentation.run.segment_array` for errors."""
    return segment_array(rgb, METHODS[config.method], config.method_settings(), config.postprocess, monitor)
