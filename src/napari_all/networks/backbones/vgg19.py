"""VGG19 (Simonyan and Zisserman 2015, arXiv 1409.1556)."""

from __future__ import annotations

from napari_all.networks.backbones._timm import timm_backbone

ENTRY = timm_backbone(
    name="vgg19",
    title="VGG19",
    summary="Nineteen plain layers: 140 million weights, slow without a GPU, hard to train from scratch.",
    timm="vgg19",
    cam_layer="features.35",
)
