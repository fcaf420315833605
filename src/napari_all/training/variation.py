"""Variants of what a classifier is shown, for training: turned, zoomed, blurred, restained, cut out."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_all.training.classifier_settings import VariationSettings

Shown = NDArray[np.uint8]
_SMALLEST_CUT, _LARGEST_CUT = 1 / 8, 1 / 3


def vary(shown: Shown, rng: np.random.Generator, settings: VariationSettings, blank: tuple[int, ...] | None) -> Shown:
    """Draw one variant.

    Parameters
    ----------
    shown
        (S, S, C) uint8 as a view makes it: one or several RGB images and, in channels left over, masks.
    rng
        Source of chance; the same state gives the same variant.
    blank
        (C,) what a pixel without anything looks like; beyond the border and in the cut-out squares. None = the image
        is mirrored at its border, and squares become grey.

    Returns
    -------
    (S, S, C) uint8.
    """
    size = len(shown)
    matrix = _affine(size, rng, settings)
    varied = np.concatenate([_warped(shown[..., part], matrix, blank and blank[part]) for part in parts_of(shown)], 2)
    if rng.random() < settings.blur:
        varied = cv2.GaussianBlur(varied, (0, 0), rng.uniform(0.4, 1.0))
    varied = np.asarray(cv2.LUT(varied, _levels(varied, rng, settings)), np.uint8)
    return _cut_out(varied, rng, settings.cutout, blank)


def parts_of(shown: Shown) -> list[slice]:
    """Return the channels that are warped together: OpenCV fills borders of at most four."""
    channels = shown.shape[2]
    return [slice(0, channels)] if channels <= 4 else [slice(i, min(i + 3, channels)) for i in range(0, channels, 3)]


def _warped(planes: Shown, matrix: NDArray[np.float64], blank: tuple[int, ...] | None) -> Shown:
    mode = cv2.BORDER_REFLECT_101 if blank is None else cv2.BORDER_CONSTANT
    warped = cv2.warpAffine(
        planes, matrix, planes.shape[:2], flags=cv2.INTER_LINEAR, borderMode=mode, borderValue=blank or 0
    )
    return np.asarray(warped, np.uint8).reshape(planes.shape)


def _affine(size: int, rng: np.random.Generator, settings: VariationSettings) -> NDArray[np.float64]:
    """Return the (2, 3) matrix of a random turn, mirror, zoom, stretch and shift about the centre."""
    angle, mirror = rng.uniform(0.0, 2.0 * np.pi) * settings.rotate, rng.choice((-1.0, 1.0))
    mirror = mirror if settings.flip else 1.0
    zoom = np.exp(settings.crop * np.clip(rng.normal(), -2, 2))
    stretch = np.exp(settings.stretch * rng.normal())
    cos, sin = np.cos(angle) * zoom, np.sin(angle) * zoom
    turn = np.array([[cos * stretch * mirror, -sin], [sin * stretch * mirror, cos]])
    centre = size / 2 + settings.shift * size * rng.normal(size=2)
    return np.concatenate([turn, (size / 2 - turn @ centre)[:, None]], axis=1)


def _levels(shown: Shown, rng: np.random.Generator, settings: VariationSettings) -> NDArray[np.uint8]:
    """Return a (1, 256, C) table of new levels: stain thicker or thinner, contrast, brightness; masks stay."""
    gamma = np.exp(settings.stain * rng.normal() + settings.stain * rng.normal(size=3))
    contrast, shift = np.exp(_spread(rng, settings.contrast)), _spread(rng, settings.brightness)
    level = np.arange(256) / 255.0
    colour = np.maximum(level, 0.03)[:, None] ** gamma
    images, masks = divmod(shown.shape[2], 3)
    middle = shown[..., : 3 * images].mean() / 255.0
    colour = np.clip((colour - middle) * contrast + middle + shift, 0.0, 1.0)
    colour[0] = 0.0  # what a view has blackened stays black
    table = np.concatenate([colour] * images + [level[:, None]] * masks, axis=1)
    return np.asarray((table * 255.0).round(), np.uint8)[None]


def _cut_out(shown: Shown, rng: np.random.Generator, share: float, blank: tuple[int, ...] | None) -> Shown:
    """Blank a square of an eighth to a third of the side in some of the images (DeVries and Taylor 2017)."""
    if share and rng.random() < share:
        side = round(len(shown) * rng.uniform(_SMALLEST_CUT, _LARGEST_CUT))
        y, x = rng.integers(0, len(shown) - side + 1, 2)
        shown[y : y + side, x : x + side] = (128,) * shown.shape[2] if blank is None else blank
    return shown


def _spread(rng: np.random.Generator, strength: float) -> float:
    return strength * rng.normal() if strength else 0.0
