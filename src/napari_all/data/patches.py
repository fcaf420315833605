"""Training patches: geometric augmentation of image and mask together, and of colour, light and focus of the image."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from napari_all.config import Settings
from napari_all.data.mask_items import BACKGROUND, COUNTS, MaskItem

Patch = tuple[NDArray[np.uint8], NDArray[np.uint8]]
"""(P, P, 3) image and (P, P, 6) target, uint8."""


class AugmentSettings(Settings):
    """How training patches vary; every kind can be turned off."""

    rotate: bool = Field(True, description="Turn by any angle")
    flip: bool = Field(True, description="Mirror")
    crop: bool = Field(True, description="Cut patches at random places; off = the middle of the image")
    scale_smallest: float = Field(0.45, gt=0, le=1, description="Smallest cell, as a share of its nominal size")
    scale_largest: float = Field(1.8, ge=1, le=8, description="Largest cell, as a share of its nominal size")
    stretch: float = Field(0.05, ge=0, le=0.3, description="Spread of height against width")
    contrast: float = Field(1.0, ge=0, le=3, description="Strength of contrast and gamma changes; 0 = none")
    brightness: float = Field(1.0, ge=0, le=3, description="Strength of changes of light, even and uneven; 0 = none")
    stain: float = Field(1.0, ge=0, le=3, description="Strength of changes of stain and hue; 0 = none")
    focus: float = Field(1.0, ge=0, le=1, description="Share of the usual blur, sharpening, noise and JPEG damage")
    debris: float = Field(0.0, ge=0, le=1, description="Share of patches with painted stain dirt and drying rings")
    cutout: float = Field(0.0, ge=0, le=1, description="Share of patches that lose a square, which then does not count")


def cut_patch(
    item: MaskItem, rng: np.random.Generator, size_px: int, cell_px: float | None, settings: AugmentSettings
) -> Patch:
    """Draw one patch.

    Parameters
    ----------
    size_px
        Side of the patch.
    cell_px
        Nominal diameter of a cell in the patch; None = the patch shows the whole image, whatever its cells' size.
    """
    scale = _nominal_scale(item, rng, size_px, cell_px) * _scale_change(rng, settings)
    if cell_px is None:
        scale_yx = np.array([size_px / n for n in item.rgb.shape[:2]]) * scale / _whole_scale(item, size_px)
    else:
        scale_yx = np.array([scale, scale])
    level = int(np.clip(np.floor(-np.log2(scale_yx.max())), 0, 2))
    image, target = item.images[level], item.targets[level]
    scale_yx = scale_yx * np.array([n / m for n, m in zip(item.rgb.shape[:2], image.shape[:2], strict=True)])
    matrix = _turn(rng, settings) @ np.diag(scale_yx[::-1] * np.exp(rng.normal(0.0, settings.stretch, 2)))
    centre = _centre(image.shape[:2], rng, 0.5 * size_px / scale_yx, settings.crop and cell_px is not None)
    # pixel centres lie at whole numbers, so the middle of n pixels is (n - 1) / 2
    shift = np.full(2, (size_px - 1) / 2) - matrix @ (centre[::-1] - 0.5)
    affine = np.hstack([matrix, shift[:, None]])
    how = cv2.INTER_CUBIC if scale_yx.max() > 1.2 and rng.random() < 0.5 else cv2.INTER_LINEAR
    side = (size_px, size_px)
    border = cv2.BORDER_REFLECT_101
    patch = np.asarray(cv2.warpAffine(image, affine, side, flags=how, borderMode=border), dtype=np.uint8)
    codes = np.asarray(cv2.warpAffine(target, affine, side, flags=cv2.INTER_LINEAR, borderMode=border), dtype=np.uint8)
    if settings.debris and rng.random() < settings.debris:
        patch = with_debris(patch, codes[..., BACKGROUND] == 255, rng)
    return _cut_out(recolour(patch, rng, settings), codes, rng, settings.cutout)


def _whole_scale(item: MaskItem, size_px: int) -> float:
    return float(size_px / np.sqrt(item.rgb.shape[0] * item.rgb.shape[1]))


def _nominal_scale(item: MaskItem, rng: np.random.Generator, size_px: int, cell_px: float | None) -> float:
    if cell_px is None:
        return _whole_scale(item, size_px)
    if item.diameter_px is not None:
        return cell_px / item.diameter_px
    # Without a cell no scale is right, and all must be seen: from the whole image to details.
    smallest = min(1.0, size_px / min(item.rgb.shape[:2]))
    return float(np.exp(rng.uniform(np.log(smallest), np.log(max(1.0, 2 * smallest)))))


def _scale_change(rng: np.random.Generator, settings: AugmentSettings) -> float:
    limits = (settings.scale_smallest, settings.scale_largest)
    wide = rng.random() < 0.35
    change = np.exp(rng.uniform(*np.log(limits)) if wide else rng.normal(0.0, 0.2))
    return float(np.clip(change, *limits))


def _turn(rng: np.random.Generator, settings: AugmentSettings) -> NDArray[np.float64]:
    angle = rng.uniform(0.0, 2.0 * np.pi) if settings.rotate else 0.0
    mirror = rng.choice([-1.0, 1.0]) if settings.flip else 1.0
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return turn @ np.diag([mirror, 1.0])


def _centre(
    shape: tuple[int, int], rng: np.random.Generator, half: NDArray[np.float64], anywhere: bool
) -> NDArray[np.float64]:
    """Return (y, x) of the patch's middle in the image's pixels; mostly inside, a little beyond its borders."""
    if not anywhere:
        return np.array(shape) / 2
    inner = 0.7 * half
    return np.array(
        [rng.uniform(min(h, 0.5 * n), max(n - h, 0.5 * n)) for h, n in zip(inner, shape, strict=True)]
    ) + rng.normal(0.0, 0.16 * half)


def with_debris(rgb: NDArray[np.uint8], background: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Paint what is often taken for a nucleus onto the background: dark grains, and rings as drying leaves them.

    Parameters
    ----------
    rgb
        (P, P, 3) uint8.
    background
        (P, P) bool, where it may lie.
    """
    out = rgb.astype(np.float32)
    y, x = np.mgrid[: rgb.shape[0], : rgb.shape[1]].astype(np.float32)
    places = np.argwhere(background)
    if len(places) == 0:
        return rgb
    middle = places[rng.integers(len(places))]
    spread = rng.uniform(2.0, 0.5 * rgb.shape[0])
    dark = rng.uniform(10.0, 110.0) + rng.normal(0.0, 25.0, 3)
    rings = rng.random() < 0.5
    for _ in range(int(rng.integers(1, 9))):
        at = middle + rng.normal(0.0, spread, 2)
        radius, squeeze = rng.uniform(0.8, 5.0), rng.uniform(0.7, 1.4)
        distance = np.hypot((y - at[0]) * squeeze, x - at[1])
        rim = np.clip(rng.uniform(0.8, 1.6) - np.abs(distance - radius), 0.0, 1.0)
        grain = np.clip(radius + 0.5 - distance, 0.0, 1.0)
        layers = [(grain, np.full(3, 245.0)), (rim, dark)] if rings else [(grain, dark)]
        for cover, colour in layers:
            alpha = (cover * background * rng.uniform(0.6, 1.0))[..., None]
            out = out * (1.0 - alpha) + alpha * colour
    return np.asarray(np.clip(out, 0.0, 255.0), dtype=np.uint8)


def _cut_out(image: NDArray[np.uint8], target: NDArray[np.uint8], rng: np.random.Generator, share: float) -> Patch:
    """Blank a square in image and target (DeVries and Taylor 2017, arXiv 1708.04552); it does not count."""
    if share and rng.random() < share:
        size = image.shape[0]
        side = int(rng.integers(size // 8, size // 3 + 1))
        y, x = rng.integers(0, size - side + 1, 2)
        window = np.s_[y : y + side, x : x + side]
        image[window] = np.median(image, axis=(0, 1)).astype(np.uint8)
        target[window] = 0
        target[(*window, BACKGROUND)] = 255
        target[(*window, COUNTS)] = 0
    return image, target


def recolour(rgb: NDArray[np.uint8], rng: np.random.Generator, settings: AugmentSettings) -> NDArray[np.uint8]:
    """Change stain, illumination, focus, noise and compression at random; uint8 in and out."""
    x = rgb.astype(np.float32) / np.float32(255.0)
    strength = rng.choice([0.0, 0.35, 1.0], p=[0.15, 0.6, 0.25])
    x = _restain(x, rng, strength * settings.stain)
    x = _relight(x, rng, strength * settings.brightness, strength * settings.contrast)
    if rng.random() < 0.3 * settings.focus:
        x = np.asarray(cv2.GaussianBlur(x, (0, 0), float(rng.uniform(0.4, 1.6))), dtype=np.float32)
    elif rng.random() < 0.2 * settings.focus:
        x = x + rng.uniform(0.2, 1.0) * (x - cv2.GaussianBlur(x, (0, 0), 1.2))
    if rng.random() < 0.3 * settings.focus:
        x = x + rng.normal(0.0, rng.uniform(0.005, 0.03), x.shape).astype(np.float32)
    out = np.clip(x * 255.0 + 0.5, 0, 255).astype(np.uint8)
    if rng.random() < 0.15 * settings.focus:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(40, 90))]
        out = np.asarray(cv2.imdecode(cv2.imencode(".jpg", out, quality)[1], cv2.IMREAD_COLOR), dtype=np.uint8)
    return np.asarray(out, dtype=np.uint8)


def _restain(x: NDArray[np.float32], rng: np.random.Generator, strength: float) -> NDArray[np.float32]:
    """Mix and scale optical densities, and turn the hue about the grey axis."""
    if strength and rng.random() < 0.6:
        density = -np.log(np.clip(x, 0.02, 1.0))
        mix = np.eye(3) + rng.normal(0.0, 0.10 * strength, (3, 3))
        gain = np.exp(rng.normal(0.0, 0.25 * strength, 3) + rng.normal(0.0, 0.15 * strength))
        x = np.exp(-np.clip(density @ (mix * gain).astype(np.float32), 0.0, 4.0))
    if strength and rng.random() < 0.5:
        x = x @ _hue_matrix(rng.normal(0.0, 0.35 * strength))
    return x


def _relight(
    x: NDArray[np.float32], rng: np.random.Generator, brightness: float, contrast: float
) -> NDArray[np.float32]:
    """Change the light's colour and strength, gamma and black level, and let one side be darker."""
    gain = np.exp(rng.normal(0.0, 0.12 * brightness, 3) + rng.normal(0.0, 0.10 * brightness))
    gamma = np.exp(rng.normal(0.0, 0.2 * contrast) + rng.normal(0.0, 0.06 * contrast, 3))
    offset = rng.normal(0.0, 0.03 * contrast, 3) + rng.normal(0.0, 0.04 * contrast)
    if brightness or contrast:
        x = np.clip(x * gain.astype(np.float32), 0.0, 1.0) ** gamma.astype(np.float32) + offset.astype(np.float32)
    if brightness and rng.random() < 0.3:
        ramp = np.linspace(-1.0, 1.0, x.shape[0], dtype=np.float32) * np.float32(rng.normal(0.0, 0.08 * brightness))
        x = x * (1.0 + (ramp[:, None, None] if rng.random() < 0.5 else ramp[None, :, None]))
    return x


def _hue_matrix(angle: float) -> NDArray[np.float32]:
    """Rotation of RGB about the grey axis (Rodrigues)."""
    cos, third = np.cos(angle), 1.0 / 3.0
    side = np.sqrt(third) * np.sin(angle)
    a, b, c = cos + third * (1 - cos), third * (1 - cos) - side, third * (1 - cos) + side
    return np.array([[a, b, c], [c, a, b], [b, c, a]], np.float32)
