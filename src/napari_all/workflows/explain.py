"""Show where in an image the classifier finds what speaks for a subtype: the job behind `classify --explain`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from napari_all.data.views import white_cells
from napari_all.files import atomic_path, inside
from napari_all.io.masks import write_plane
from napari_all.monitor import Monitor, NullMonitor
from napari_all.types import BoolMask, RGBImage
from napari_all.workflows.classify import ClassifyConfig, predictor_of

PICTURE_ENDING, MAP_ENDING = "_gradcam.png", "_gradcam.tif"
_OUTLINE = (255, 255, 255)
_MOST = 0.65
"""Share of the colour of the heat in the overlay where the map is 1."""


@dataclass(frozen=True)
class Explanation:
    """Where what speaks for a subtype lies.

    Attributes
    ----------
    cam
        (Y, X) float32 on 0..1, Grad-CAM; see `napari_all.classification.gradcam`.
    mask
        (Y, X) bool, the white cells.
    in_cells
        Share of the map's mass inside them, 0..1; None where the map is all zero.
    """

    cam: NDArray[np.float32]
    mask: BoolMask
    in_cells: float | None


def explain_image(
    rgb: RGBImage,
    config: ClassifyConfig,
    mask: BoolMask | None = None,
    *,
    class_index: int | None = None,
    monitor: Monitor | None = None,
) -> Explanation:
    """Explain the prediction for one (Y, X, 3) uint8 image.

    Parameters
    ----------
    rgb
        (Y, X, 3) uint8.
    config
        As for the prediction; the map is that of the image as it is, also with `tta`.
    mask
        (Y, X) bool, the white cells by a segmentation; None = where the network is shown them.
    class_index
        Which of the subtypes to explain; None = the predicted one.

    Raises
    ------
    CheckpointError
        The model is missing or damaged.
    UsageError
        The device, or the class, is not there.
    Cancelled
        The monitor asks to stop.
    """
    from napari_all.classification.gradcam import grad_cam, share_inside

    (monitor or NullMonitor()).raise_if_cancelled()
    predictor = predictor_of(config)
    cam = grad_cam(predictor, rgb, class_index)
    cells = white_cells(rgb, predictor.size_px) if mask is None else mask
    share = share_inside(cam, cells)
    return Explanation(cam, cells, None if math.isnan(share) else share)


def overlay(rgb: RGBImage, explanation: Explanation) -> RGBImage:
    """Return the image (Y, X, 3) uint8 with the heat over it, clear where the map is 0, and white cells outlined."""
    colours = cv2.applyColorMap((explanation.cam * 255).round().astype(np.uint8), cv2.COLORMAP_TURBO)[..., ::-1]
    weight = _MOST * explanation.cam[..., None]
    painted = np.ascontiguousarray((rgb * (1.0 - weight) + colours * weight).round().astype(np.uint8))
    outlines, _ = cv2.findContours(explanation.mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(painted, outlines, -1, _OUTLINE, 1)
    return painted


def explanation_files(stem: str, folder: Path) -> tuple[Path, Path]:
    """Return where the picture and the map of an image go; sub-folders of its name are mirrored."""
    return inside(folder, f"{stem}{PICTURE_ENDING}"), inside(folder, f"{stem}{MAP_ENDING}")


def write_explanation(
    stem: str,
    folder: Path,
    rgb: RGBImage,
    explanation: Explanation,
    pixel_size_um: tuple[float, float] | None = None,
) -> tuple[Path, Path]:
    """Write the overlay as PNG and the map as 32-bit float TIFF, each whole or not at all.

    Raises
    ------
    SaveError
        The disk refuses.
    """
    picture, heat = explanation_files(stem, folder)
    with atomic_path(picture) as path:
        Image.fromarray(overlay(rgb, explanation)).save(path)
    write_plane(heat, explanation.cam, pixel_size_um)
    return picture, heat
