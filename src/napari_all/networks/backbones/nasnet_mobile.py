"""NASNet-A Mobile, built from its published cells (Zoph et al. 2018, doi 10.1109/CVPR.2018.00907)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from napari_all.config import Settings
from napari_all.networks.backbones import Backbone

if TYPE_CHECKING:
    import torch


class NASNetMobileOptions(Settings):
    """Ends of the network."""

    classes: int = Field(4, ge=2, le=1000, description="Number of outputs")
    channels: int = Field(3, ge=1, le=12, description="Number of input channels")
    dropout: float = Field(0.2, ge=0.0, lt=1.0, description="Share of pooled features dropped in training")


def _make(options: NASNetMobileOptions) -> torch.nn.Module:
    from napari_all.networks.modules.nasnet import NASNet

    return NASNet(options.classes, options.channels, options.dropout)


ENTRY = Backbone(
    name="nasnet_mobile",
    title="NASNet-A Mobile",
    summary="Searched cells, 4 @ 1056: 4.2 million weights.",
    task="classification",
    options=NASNetMobileOptions,
    make=_make,
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
)
