"""InceptionV3 (Szegedy et al. 2016, doi 10.1109/CVPR.2016.308)."""

from __future__ import annotations

from napari_all.networks.backbones._timm import HALVES, timm_backbone

ENTRY = timm_backbone(
    name="inception_v3",
    title="InceptionV3",
    summary="Blocks of parallel convolutions: 22 million weights; made for 299 px, takes 75 px and more.",
    timm="inception_v3",
    cam_layer="Mixed_7c",
    scaling=HALVES,
    native_px=299,
)
