"""NASNet-A Large (Zoph et al. 2018, doi 10.1109/CVPR.2018.00907)."""

from __future__ import annotations

from napari_all.networks.backbones._timm import HALVES, timm_backbone

ENTRY = timm_backbone(
    name="nasnet_large",
    title="NASNet-A Large",
    summary="Searched cells, 6 @ 4032: 85 million weights, slow without a GPU; made for 331 px.",
    timm="nasnetalarge",
    cam_layer="act",
    scaling=HALVES,
    native_px=331,
)
