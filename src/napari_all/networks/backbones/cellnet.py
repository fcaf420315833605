"""Our small classifier that is told where the white cells are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from napari_all.config import Settings
from napari_all.networks.backbones import Backbone

if TYPE_CHECKING:
    import torch


class CellNetOptions(Settings):
    """Size of the network."""

    classes: int = Field(4, ge=2, le=64, description="Number of outputs")
    channels: int = Field(4, ge=4, le=4, description="Red, green, blue and the mask that it pools by")
    widths: tuple[int, ...] = Field(
        (16, 32, 48, 64), min_length=3, max_length=6, description="Channels of the stem and of each block"
    )
    dropout: float = Field(0.2, ge=0.0, lt=1.0, description="Share of pooled features dropped in training")


def _make(options: CellNetOptions) -> torch.nn.Module:
    from napari_all.networks.modules.cellnet import CellNet

    return CellNet(options.classes, options.widths, options.dropout)


ENTRY = Backbone(
    name="cellnet",
    title="Small white-cell network",
    summary="Residual network of 0.12 million weights that pools over white cells and over the rest.",
    task="classification",
    options=CellNetOptions,
    make=_make,
    native_px=128,
)
