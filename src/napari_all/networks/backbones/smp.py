"""Architectures and encoders of segmentation-models-pytorch, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from napari_all.config import Settings
from napari_all.errors import UsageError, unknown_name
from napari_all.networks.backbones import Backbone
from napari_all.networks.device import explain_import_error

if TYPE_CHECKING:
    import torch

ARCHITECTURES = (
    "unet", "unetplusplus", "manet", "linknet", "fpn", "pspnet", "deeplabv3", "deeplabv3plus", "pan", "upernet",
    "segformer", "dpt",
)  # fmt: skip
"""What the library offers; a test compares."""


class SmpOptions(Settings):
    """Which of the library's networks; always from random weights, since no model hub is asked."""

    classes: int = Field(3, ge=2, le=16, description="Number of outputs")
    architecture: str = Field("unet", description=f"One of {', '.join(ARCHITECTURES)}")
    encoder: str = Field("resnet34", description="Encoder by the library's name; tu-<name> takes one of timm")


def _make(options: SmpOptions) -> torch.nn.Module:
    try:
        import segmentation_models_pytorch as smp
    except (ImportError, RuntimeError) as error:
        raise explain_import_error("segmentation-models-pytorch", error) from error
    if options.architecture not in ARCHITECTURES:
        raise unknown_name("architecture", options.architecture, ARCHITECTURES)
    encoders = smp.encoders.get_encoder_names()
    if options.encoder not in encoders and not options.encoder.startswith("tu-"):
        raise unknown_name("encoder", options.encoder, encoders)
    sizes = {"dynamic_img_size": True} if options.architecture == "dpt" else {}
    try:
        module: torch.nn.Module = smp.create_model(
            options.architecture, options.encoder, encoder_weights=None, classes=options.classes, **sizes
        )
    except (ValueError, RuntimeError, KeyError, NotImplementedError) as error:
        raise UsageError(
            f"architecture {options.architecture!r} cannot have the encoder {options.encoder!r} ({error}); choose "
            f"another encoder, such as {'tu-vit_tiny_patch16_224' if sizes else 'resnet34'}"
        ) from error
    return module


ENTRY = Backbone(
    name="smp",
    title="segmentation-models-pytorch",
    summary="Any architecture and encoder of segmentation-models-pytorch, from random weights.",
    task="segmentation",
    options=SmpOptions,
    make=_make,
    stride=lambda options: 128 if options.architecture == "pan" else 32,  # pan pools its deepest level three times
)
