"""The audit's figures: how well each shortcut tells the classes, and cells on other backgrounds to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, ImageDraw

from napari_all.evaluation.chart import font, text_width
from napari_all.evaluation.shortcuts import ShortcutScore
from napari_all.types import RGBImage

# Okabe and Ito, safe for the colour-blind
_COLOURS = {"random": (0, 114, 178), "blocks": (86, 180, 233), "clusters": (230, 159, 0)}
SPLIT_WORDS = {"random": "random split", "blocks": "blocks of file order", "clusters": "whole groups held out"}
_PLAIN, _PALE = (110, 110, 110), (226, 226, 226)
_BAR, _GAP, _LEFT, _PLOT, _RIGHT, _TOP, _BOTTOM = 15, 14, 340, 520, 70, 66, 44
_TEXT = 16
_TILE = 224


@dataclass(frozen=True)
class Composite:
    """One exchange of a background: (Y, X, 3) image, donor of the background and result, with what is said of each."""

    kept: RGBImage
    kept_title: str
    donor: RGBImage
    donor_title: str
    made: RGBImage
    made_title: str


def draw_shortcuts(scores: Sequence[ShortcutScore]) -> Image.Image:
    """Draw a bar per descriptor and split with its 95 % interval, and the line of chance; at least one score."""
    names = list(dict.fromkeys(s.descriptor for s in scores))
    splits = [split for split in _COLOURS if any(s.split == split for s in scores)]
    block = len(splits) * _BAR + _GAP
    height = _TOP + len(names) * block + _BOTTOM
    picture = Image.new("RGB", (_LEFT + _PLOT + _RIGHT, height), "white")
    draw = ImageDraw.Draw(picture)
    draw.text((12, 8), "What a quick classifier tells from one thing only: right answers, %", "black", font(18))
    _legend(draw, splits)
    _grid(draw, height)
    for row, name in enumerate(names):
        top = _TOP + row * block + _GAP // 2
        found = {s.split: s for s in scores if s.descriptor == name}
        one = next(iter(found.values()))
        words = one.title if one.sees_cells else f"* {one.title}"
        middle = top + len(splits) * _BAR / 2
        draw.text((_LEFT - 10 - text_width(words), middle - 9), words, "black", font(_TEXT))
        for number, split in enumerate(splits):
            if split in found:
                _bar(draw, top + number * _BAR, found[split], _COLOURS[split])
    chance = _x(max(s.chance for s in scores))
    draw.line((chance, _TOP, chance, height - _BOTTOM), fill=(213, 94, 0), width=2)
    draw.text((chance - 22, height - _BOTTOM + 20), "chance", (213, 94, 0), font(_TEXT))
    draw.text((12, height - 22), "* no white cell is seen", _PLAIN, font(_TEXT))
    return picture


def draw_composites(rows: Sequence[Composite]) -> Image.Image:
    """Draw rows of image | background of | result, each with its words above; at least one row."""
    drawn = [
        np.concatenate(
            [_tile(c.kept, c.kept_title), _tile(c.donor, c.donor_title), _tile(c.made, c.made_title)], axis=1
        )
        for c in rows
    ]
    return Image.fromarray(np.concatenate(drawn, axis=0))


def _x(share: float) -> float:
    return _LEFT + share * _PLOT


def _bar(draw: ImageDraw.ImageDraw, top: float, score: ShortcutScore, colour: tuple[int, int, int]) -> None:
    draw.rectangle((_LEFT, top + 1, _x(score.accuracy), top + _BAR - 2), fill=colour)
    middle = top + _BAR / 2 - 0.5
    low, high = (_x(v) for v in score.interval)
    draw.line((low, middle, high, middle), fill="black")
    for end in (low, high):
        draw.line((end, middle - 3, end, middle + 3), fill="black")
    draw.text((high + 6, top - 1), f"{100 * score.accuracy:.1f}", "black", font(13))


def _grid(draw: ImageDraw.ImageDraw, height: int) -> None:
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        draw.line((_x(share), _TOP, _x(share), height - _BOTTOM), fill=_PALE)
        words = f"{100 * share:.0f}"
        draw.text((_x(share) - text_width(words) / 2, height - _BOTTOM + 2), words, _PLAIN, font(_TEXT))


def _legend(draw: ImageDraw.ImageDraw, splits: Sequence[str]) -> None:
    x = _LEFT
    for split in splits:
        draw.rectangle((x, 40, x + 12, 52), fill=_COLOURS[split])
        draw.text((x + 18, 36), SPLIT_WORDS[split], "black", font(_TEXT))
        x += 18 + text_width(SPLIT_WORDS[split]) + 24


def _tile(picture: RGBImage, title: str) -> RGBImage:
    height, width = picture.shape[:2]
    scale = _TILE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    tile = Image.new("RGB", (_TILE + 6, _TILE + 40), "white")
    tile.paste(Image.fromarray(np.asarray(cv2.resize(picture, size, interpolation=how), np.uint8)), (0, 36))
    ImageDraw.Draw(tile).multiline_text((2, 0), title, "black", font(13), spacing=2)
    return np.asarray(tile, np.uint8)
