"""The U-Net of the paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from napari_all.config import Settings
from napari_all.networks.backbones import Backbone

if TYPE_CHECKING:
    import torch


class ClassicUNetOptions(Settings):
    """Size of the network."""

    classes: int = Field(2, ge=2, le=16, description="Number of outputs")
    widths: tuple[int, ...] = Field(
        (64, 128, 256, 512, 1024), min_length=2, max_length=6, description="Channels per level, from full resolution"
    )


def _make(options: ClassicUNetOptions) -> torch.nn.Module:
    from napari_all.networks.modules.classic_unet import ClassicUNet

    return ClassicUNet(options.classes, options.widths)


ENTRY = Backbone(
    name="classic_unet",
    title="Classic U-Net (the paper's)",
    summary="U-Net of 64 to 1024 channels with transposed convolutions: 31 million weights, slow without a GPU.",
    task="segmentation",
    options=ClassicUNetOptions,
    make=_make,
    stride=lambda options: 2 ** (len(options.widths) - 1),
)
