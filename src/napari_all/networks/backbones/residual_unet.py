"""Our small residual U-Net."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from napari_all.config import Settings
from napari_all.networks.backbones import Backbone

if TYPE_CHECKING:
    import torch


class ResidualUNetOptions(Settings):
    """Size of the network."""

    classes: int = Field(3, ge=2, le=16, description="Number of outputs")
    widths: tuple[int, ...] = Field(
        (16, 32, 64, 128, 192), min_length=2, max_length=7, description="Channels per level, from full resolution"
    )


def _make(options: ResidualUNetOptions) -> torch.nn.Module:
    from napari_all.networks.modules.residual_unet import ResidualUNet

    return ResidualUNet(options.classes, options.widths)


def _folded(module: torch.nn.Module) -> torch.nn.Module:
    from napari_all.networks.modules.residual_unet import folded

    return folded(module)


ENTRY = Backbone(
    name="residual_unet",
    title="Small residual U-Net",
    summary="U-Net with residual blocks and added skips: 1.6 million weights, fast without a GPU.",
    task="segmentation",
    options=ResidualUNetOptions,
    make=_make,
    stride=lambda options: 2 ** (len(options.widths) - 1),
    for_inference=_folded,
)
