"""MobileNetV2 (Sandler et al. 2018, doi 10.1109/CVPR.2018.00474)."""

from __future__ import annotations

from napari_all.networks.backbones._timm import timm_backbone

ENTRY = timm_backbone(
    name="mobilenet_v2",
    title="MobileNetV2",
    summary="Inverted residual blocks: 2.2 million weights, the fastest of the paper's networks.",
    timm="mobilenetv2_100",
    cam_layer="bn2",
)
