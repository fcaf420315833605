"""What a training measures over epochs as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageDraw

_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM, _RIGHT = 460, 300, 52, 28, 28, 12
# Okabe and Ito, safe for the colour-blind
_COLOURS = ((0, 114, 178), (213, 94, 0), (0, 158, 115))
Panels: TypeAlias = Sequence[tuple[str, Sequence[tuple[str, str]]]]
"""Titles, each with its lines: column of the curves' table and label."""
SEGMENTER_PANELS: Panels = (
    ("Loss", (("train_loss", "training"), ("val_loss", "validation"))),
    ("Dice on the validation images", (("val_cell_dice", "cell"), ("val_nucleus_dice", "nucleus"))),
)
CLASSIFIER_PANELS: Panels = (
    ("Accuracy", (("train_accuracy", "training"), ("val_accuracy", "validation"), ("test_accuracy", "test"))),
    ("Loss", (("train_loss", "training"), ("val_loss", "validation"), ("test_loss", "test"))),
)
"""As in Figures 4 and 6 of Reza et al. 2025 (doi 10.11591/ijeecs.v38.i2.pp950-959)."""


def draw_curves(rows: Sequence[Mapping[str, float]], panels: Panels) -> Image.Image:
    """Draw the rows of `napari_all.training.curves.read_curves`, panels side by side."""
    picture = Image.new("RGB", (_WIDTH * len(panels), _HEIGHT), "white")
    for number, (title, series) in enumerate(panels):
        lines = [(label, [(row["epoch"], row[key]) for row in rows if key in row]) for key, label in series]
        _panel(ImageDraw.Draw(picture), number * _WIDTH, title, [(label, line) for label, line in lines if line])
    return picture


def _panel(
    draw: ImageDraw.ImageDraw, x0: int, title: str, lines: Sequence[tuple[str, Sequence[tuple[float, float]]]]
) -> None:
    left, right, top, bottom = x0 + _LEFT, x0 + _WIDTH - _RIGHT, _TOP, _HEIGHT - _BOTTOM
    draw.text((left, 6), title, fill="black")
    draw.rectangle((left, top, right, bottom), outline=(150, 150, 150))
    values = [v for _, line in lines for _, v in line]
    if not values:
        return
    last = max(epoch for _, line in lines for epoch, _ in line)
    low, high = min(values), max(values)
    high = high if high > low else low + 1e-3
    for share in np.linspace(0.0, 1.0, 5):
        y = bottom - share * (bottom - top)
        draw.line((left, y, right, y), fill=(225, 225, 225))
        draw.text((x0 + 4, y - 6), f"{low + share * (high - low):.3f}", fill="black")
    draw.text((left, bottom + 8), "epoch 1", fill="black")
    draw.text((right - 40, bottom + 8), f"{last:.0f}", fill="black")
    for number, (label, line) in enumerate(lines):
        points = [
            (
                left + (epoch - 1) / max(1.0, last - 1) * (right - left),
                bottom - (value - low) / (high - low) * (bottom - top),
            )
            for epoch, value in line
        ]
        if len(points) > 1:
            draw.line(points, fill=_COLOURS[number], width=2)
        for x, y in points:
            draw.ellipse((x - 2, y - 2, x + 2, y + 2), fill=_COLOURS[number])
        draw.text((right - 90, top + 6 + 14 * number), label, fill=_COLOURS[number])
