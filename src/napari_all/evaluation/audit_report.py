"""What the shortcut audit found: the layout of `audit.json`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from napari_all import __version__
from napari_all.config import Settings
from napari_all.evaluation.intervals import wilson
from napari_all.evaluation.quality import QualityLimits
from napari_all.evaluation.shortcuts import ShortcutScore

SAME_CLASS = "same class"
"""`origin` of the backgrounds of other images of the same class: what pasting alone changes."""


class Share(Settings):
    """A number of images of which something holds, with its Wilson 95 % interval."""

    what: str = Field(description="What holds of the images counted")
    count: int = Field(ge=0, description="Images of which it holds")
    images: int = Field(ge=0, description="Images looked at")
    share: float = Field(ge=0.0, le=1.0, description="count / images")
    interval: tuple[float, float] = Field(description="Wilson 95 % interval")

    @classmethod
    def of(cls, what: str, count: int, images: int) -> Share:
        """Return the share of `count` among `images`, at least one."""
        return cls(what=what, count=count, images=images, share=count / images, interval=wilson(count, images))


class Overlap(Settings):
    """Images that show one field or parts of it, and what that does to a split."""

    source: Literal["table", "computed", "none"] = Field(description="Where the groups come from")
    groups: int = Field(0, description="Groups of two or more images")
    images: int = Field(0, description="Images in such groups")
    clusters: int = Field(0, description="Appearance clusters or own groups (patients)")
    leaks: list[Share] = Field(
        default_factory=list, description="Per split: tested images that overlap an image trained on"
    )


class QualityCount(Settings):
    """How many images have one fault."""

    flag: str = Field(description="Fault; see `evaluation.quality.FLAGS`")
    images: int = Field(ge=0, description="Images that have it")
    by_class: dict[str, int] = Field(description="The same by class")
    examples: list[str] = Field(description="A few of them")


class BackgroundChange(Share):
    """Predictions that changed when the white cells were pasted on the background of an image of another class."""

    light: Literal["as photographed", "relit"] = Field(description="Whether cells were shown in the other's light")
    origin: str = Field(description="Class of the background, 'other class' for all, or 'same class' (the control)")
    towards: int = Field(ge=0, description="Changed predictions that now name the class of the background")


class ModelAudit(Settings):
    """What a trained model does when what it must not look at is changed."""

    model: str = Field(description="Name of the model")
    sha256: str = Field(description="SHA-256 of its weights")
    accuracy: list[Share] = Field(description="Right answers by part of the split, or of all images")
    sample: int = Field(description="Images on which the changes below were tried")
    blanked: list[Share] = Field(description="Right answers on the sample, whole and with parts blanked")
    bars: list[Share] = Field(description="Changed predictions by what was done to the scale bar")
    backgrounds: list[BackgroundChange] = Field(description="Changed predictions by light and class of the background")


class Failure(Settings):
    """An image that could not be read."""

    image: str = Field(description="Its key")
    error: str = Field(description="What went wrong")


class AuditReport(Settings):
    """`audit.json`."""

    schema_version: Literal[1] = Field(1, description="Version of this file's layout")
    software: str = Field(default_factory=lambda: f"napari-all {__version__}", description="Program that measured")
    images: int = Field(description="Images that were read")
    classes: dict[str, int] = Field(description="Images by class")
    method: str = Field(description="Segmentation method of the white cells for shortcuts and quality")
    verdict: list[str] = Field(description="Plain sentences, made by the rules of `evaluation.audit_verdict`")
    overlap: Overlap
    shortcuts: list[ShortcutScore]
    limits: QualityLimits
    quality: list[QualityCount]
    model: ModelAudit | None = None
    notes: list[str] = Field(default_factory=list, description="What was left out, and why")
    failed: list[Failure] = Field(default_factory=list)
