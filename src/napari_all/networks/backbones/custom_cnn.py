"""The custom CNN of the paper (Reza et al. 2025, doi 10.11591/ijeecs.v38.i2.pp950-959)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from napari_all.config import Settings
from napari_all.networks.backbones import Backbone

if TYPE_CHECKING:
    import torch

_LITERAL_DROPOUT, _WORKING_DROPOUT = 0.8, 0.2


class CustomCNNOptions(Settings):
    """Which reading of the paper, and the ends of the network."""

    classes: int = Field(4, ge=2, le=64, description="Number of outputs")
    channels: int = Field(3, ge=1, le=12, description="Number of input channels")
    size_px: int = Field(224, ge=64, le=512, description="Side of the input, which its dense layer is made for")
    variant: Literal["working", "literal"] = Field(
        "working",
        description="literal: dropout 0.8 three times before batch norm, as printed, which evaluates wrongly; "
        "working: less dropout, and batch-norm statistics measured anew after training",
    )
    dropout: float | None = Field(
        None, ge=0.0, lt=1.0, description="Share dropped in training, three times; none = 0.2, or 0.8 if literal"
    )
    padding: Literal["same", "valid"] = Field("same", description="Of the convolutions; the paper does not say")

    @model_validator(mode="after")
    def _literal_is_literal(self) -> Self:
        if self.variant == "literal" and self.dropout not in (None, _LITERAL_DROPOUT):
            raise ValueError(f"the literal variant drops {_LITERAL_DROPOUT}; leave dropout out or take 'working'")
        return self

    @property
    def dropped(self) -> float:
        """Share dropped in training."""
        if self.dropout is not None:
            return self.dropout
        return _LITERAL_DROPOUT if self.variant == "literal" else _WORKING_DROPOUT


def _make(options: CustomCNNOptions) -> torch.nn.Module:
    from napari_all.networks.modules.custom_cnn import CustomCNN

    return CustomCNN(options.classes, options.channels, options.size_px, options.dropped, options.padding)


ENTRY = Backbone(
    name="custom_cnn",
    title="Custom CNN (the paper's)",
    summary="Four convolutions and two dense layers: 3.0 million weights at 224 px.",
    task="classification",
    options=CustomCNNOptions,
    make=_make,
    recalibrate=lambda options: options.variant == "working",
)
