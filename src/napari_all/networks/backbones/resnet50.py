"""ResNet50 (He et al. 2016, doi 10.1109/CVPR.2016.90)."""

from __future__ import annotations

from napari_all.networks.backbones._timm import timm_backbone

ENTRY = timm_backbone(
    name="resnet50",
    title="ResNet50",
    summary="Residual bottleneck blocks: 24 million weights.",
    timm="resnet50",
    cam_layer="layer4",
)
