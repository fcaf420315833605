"""Where in an image a classifier finds what speaks for a class: Grad-CAM.

Selvaraju et al. 2017, Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization
(doi 10.1109/ICCV.2017.74). For a transformer the maps are the tokens of the patches where they enter the last block.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_all.classification.predictor import Predictor, as_input
from napari_all.errors import UsageError
from napari_all.networks.device import import_torch
from napari_all.types import BoolMask, RGBImage

if TYPE_CHECKING:
    import torch
    from torch import Tensor

HeatMap = NDArray[np.float32]
"""(Y, X) float32 on 0..1."""


def grad_cam(predictor: Predictor, rgb: RGBImage, class_index: int | None = None) -> HeatMap:
    """Return how much each place of an image speaks for a class.

    Parameters
    ----------
    predictor
        Any classifier.
    rgb
        (Y, X, 3) uint8.
    class_index
        Class to explain, as an index into the card's classes; None = the one with the highest logit.

    Returns
    -------
    (Y, X) float32 on 0..1 at the image's size, 1 at its highest; all 0 where nothing speaks for the class. It is as
    coarse as the maps of the network's `cam_layer`, and tells nothing of ways round that layer.

    Raises
    ------
    UsageError
        There is no such class.
    """
    classes = predictor.card.classes
    if class_index is not None and not 0 <= class_index < len(classes):
        raise UsageError(f"class index {class_index} is none of 0 to {len(classes) - 1}, {', '.join(classes)}")
    x = as_input(predictor.view.make(rgb, predictor.size_px)[None], predictor.card.input, predictor.device)
    maps, slopes = (_as_maps(tensor.float()) for tensor in _output_and_slope(predictor.network, x, class_index))
    weights = slopes.mean(dim=(1, 2), keepdim=True)
    cam = (weights * maps).sum(0).clamp_min(0.0).cpu().numpy()
    return _at_size(cam, rgb.shape[:2])


def share_inside(cam: HeatMap, mask: BoolMask) -> float:
    """Return the share of a heat map's mass inside a mask, 0..1; nan where the map is all zero.

    Parameters
    ----------
    cam
        (Y, X) float32.
    mask
        (Y, X) bool of the same size, the white cells.
    """
    total = float(cam.sum(dtype=np.float64))
    return float(cam[mask].sum(dtype=np.float64)) / total if total > 0.0 else math.nan


def _output_and_slope(network: torch.nn.Module, x: Tensor, class_index: int | None) -> tuple[Tensor, Tensor]:
    """Return the output of the network's Grad-CAM layer and the slope of one logit by it."""
    kept: list[Tensor] = []

    def keep(layer: torch.nn.Module, inputs: object, output: Tensor) -> Tensor:
        kept.append(output)
        return output.clone()  # the next layer may work in place

    hook = network.cam_layer().register_forward_hook(keep)  # type: ignore[operator]
    library = import_torch()
    try:
        with library.enable_grad():
            logits = network(x.requires_grad_())[0]  # the weights may be frozen
            wanted = int(logits.argmax()) if class_index is None else class_index
            (slope,) = library.autograd.grad(logits[wanted], kept[0])
    finally:
        hook.remove()
    return kept[0].detach(), slope


def _as_maps(output: Tensor) -> Tensor:
    """Return (K, Y, X) of a layer's output (1, K, Y, X), or of tokens (1, T, K) whose last Y X are square patches."""
    if output.ndim == 4:
        return output[0]
    tokens = output.shape[1]
    side = math.isqrt(tokens)
    return output[0, tokens - side**2 :].T.reshape(-1, side, side)


def _at_size(cam: HeatMap, shape: tuple[int, ...]) -> HeatMap:
    highest = float(cam.max())
    if not highest > 0.0:
        return np.zeros(shape, np.float32)
    large = cv2.resize(cam / highest, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.clip(large / large.max(), 0.0, 1.0), np.float32)
