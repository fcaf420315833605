"""What the classifiers of timm share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pydantic import Field

from napari_all.config import Settings
from napari_all.networks.backbones import Backbone
from napari_all.networks.device import explain_import_error

if TYPE_CHECKING:
    import torch

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Mean and std of ImageNet's channels, as most of its networks expect."""
HALVES = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
"""Scaling to -1..1, as Google's networks expect."""


class TimmOptions(Settings):
    """Ends of the network."""

    classes: int = Field(4, ge=2, le=1000, description="Number of outputs")
    channels: int = Field(3, ge=1, le=12, description="Number of input channels")
    dropout: float = Field(0.2, ge=0.0, lt=1.0, description="Share of pooled features dropped in training")


def timm_backbone(
    name: str,
    title: str,
    summary: str,
    timm: str,
    *,
    cam_layer: str,
    scaling: tuple[tuple[float, float, float], tuple[float, float, float]] = IMAGENET,
    native_px: int = 224,
    **more: Any,
) -> Backbone:
    """Return the registry's entry of a network of timm; `more` goes to the network itself."""
    return Backbone(
        name=name,
        title=title,
        summary=summary,
        task="classification",
        options=TimmOptions,
        make=_maker(timm, cam_layer, more),
        native_px=native_px,
        mean=scaling[0],
        std=scaling[1],
        timm=timm,
    )


def _maker(timm: str, cam_layer: str, more: dict[str, Any]) -> Callable[[TimmOptions], torch.nn.Module]:
    def make(options: TimmOptions) -> torch.nn.Module:
        try:
            from napari_all.networks.modules.timm_classifier import TimmClassifier
        except (ImportError, RuntimeError) as error:
            raise explain_import_error("timm", error) from error
        return TimmClassifier(timm, cam_layer, options.classes, options.channels, options.dropout, **more)

    return make
