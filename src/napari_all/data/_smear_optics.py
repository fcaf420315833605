"""What light, lens and camera make of a painted smear, and the scale bar that their software burns in."""

from __future__ import annotations

import cv2
import numpy as np

from napari_all.data._smear_paint import Canvas
from napari_all.types import RGBImage


def expose(canvas: Canvas, blur_px: float | None, noise: float, illumination: float | None) -> RGBImage:
    """Turn optical density into an image as a camera sees it."""
    rng, (height, width) = canvas.rng, canvas.shape
    fall = rng.uniform(0.02, 0.1) if illumination is None else illumination
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    cy, cx = rng.uniform(0.3, 0.7, 2)
    far = ((y / height - cy) ** 2 + (x / width - cx) ** 2) / 0.5
    tint = rng.uniform(0.985, 1.02, 3) * rng.uniform(1.0, 1.06)
    light = np.asarray(canvas.stain.background, np.float32) * tint.astype(np.float32)
    image = light * np.exp(-canvas.density) * (1 - np.float32(fall) * far)[..., None]
    image += 1.2 * canvas.noise.cut("broad", canvas.shape)[..., None]
    defocus = canvas.diameter / 48 * float(rng.choice([0.1, 0.2, 0.5]))
    sigma = 0.5 + defocus if blur_px is None else blur_px
    if sigma > 0:
        image = cv2.GaussianBlur(image, (0, 0), sigma)
    grey = image.mean(-1, keepdims=True)
    colour = cv2.GaussianBlur(image - grey, (0, 0), 0.8)
    grain = cv2.GaussianBlur(rng.standard_normal((height, width), dtype=np.float32), (0, 0), 0.6) * 2
    result: RGBImage = np.clip(grey + colour + noise * grain[..., None] + 0.5, 0, 255).astype(np.uint8)
    return result


def scale_bar_box(shape: tuple[int, int]) -> tuple[slice, slice]:
    """Return where the scale bar's white box lies: the lower right corner, a margin away from the edges."""
    height, width = shape
    tall, wide = max(12, height // 20), max(30, width // 8)
    bottom, right = height - height // 60, width - width // 50
    return slice(bottom - tall, bottom), slice(right - wide, right)


def draw_scale_bar(rgb: RGBImage, box: tuple[slice, slice], ink: tuple[int, int, int]) -> None:
    """Draw a white box with a bar and its length in pixels."""
    top, left = box[0].start, box[1].start
    tall, wide = box[0].stop - top, box[1].stop - left
    rgb[box] = 255
    base, length = top + int(tall * 0.86), int(wide * 0.84)
    start = left + (wide - length) // 2
    thick = max(1, rgb.shape[0] // 400)
    cv2.line(rgb, (start, base), (start + length, base), ink, thick)
    for end in (start, start + length):
        cv2.line(rgb, (end, base - tall // 6), (end, base), ink, thick)
    text = f"{length} px"
    size = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 1, 1)[0]
    scale = min(0.5 * tall / size[1], 0.8 * wide / size[0])
    origin = (left + int((wide - size[0] * scale) / 2), top + int(tall * 0.62))
    cv2.putText(rgb, text, origin, cv2.FONT_HERSHEY_SIMPLEX, scale, ink, thick, cv2.LINE_AA)
