"""Vision transformer, small (Dosovitskiy et al. 2021, arXiv 2010.11929; Touvron et al. 2021, arXiv 2012.12877)."""

from __future__ import annotations

from napari_all.networks.backbones._timm import HALVES, timm_backbone

ENTRY = timm_backbone(
    name="vit_small",
    title="ViT Small",
    summary="Transformer on patches of 16 px: 22 million weights; sides that are multiples of 16.",
    timm="vit_small_patch16_224",
    cam_layer="blocks.11.norm1",
    scaling=HALVES,
    dynamic_img_size=True,  # the position embedding is interpolated to the size of the input
)
