"""DenseNet201 (Huang et al. 2017, doi 10.1109/CVPR.2017.243)."""

from __future__ import annotations

from napari_all.networks.backbones._timm import timm_backbone

ENTRY = timm_backbone(
    name="densenet201",
    title="DenseNet201",
    summary="Densely connected blocks: 18 million weights.",
    timm="densenet201",
    cam_layer="features.norm5",
)
