"""A chart of lines or bars over a plain frame, drawn with Pillow: title, axes with names, legend beside the frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageDraw, ImageFont

Point = tuple[float, float]

_WIDTH, _HEIGHT = 760, 540
_LEFT, _TOP, _BOTTOM = 84, 50, 70
_TEXT_PX, _TITLE_PX = 16, 19
_GREY, _PALE = (110, 110, 110), (226, 226, 226)
_DASHES = ((), (14.0, 6.0), (3.0, 5.0), (14.0, 5.0, 3.0, 5.0))
"""Lengths drawn and left out in turn, so that lines are told apart without colour."""


@dataclass(frozen=True)
class Line:
    """A line through (x, y) points; `pattern` chooses the dashes, `marked` draws its points."""

    label: str
    points: Sequence[Point]
    colour: str
    pattern: int = 0
    marked: bool = False


@dataclass(frozen=True)
class Bar:
    """A filled bar from `low` to `high` along x, up to `value`."""

    low: float
    high: float
    value: float
    colour: str


@dataclass(frozen=True)
class Chart:
    """What a chart shows; both axes run from `x_range` and `y_range`."""

    title: str
    x_label: str
    y_label: str
    lines: Sequence[Line] = ()
    bars: Sequence[Bar] = ()
    x_range: tuple[float, float] = (0.0, 1.0)
    y_range: tuple[float, float] = (0.0, 1.0)
    notes: Sequence[str] = field(default_factory=tuple)


def draw_chart(chart: Chart) -> Image.Image:
    """Draw a chart as an RGB picture; the legend and the notes stand right of the frame."""
    texts = [line.label for line in chart.lines if line.label] + list(chart.notes)
    side = 60 + max((text_width(text) for text in texts), default=0)
    picture = Image.new("RGB", (_WIDTH - 200 + side, _HEIGHT), "white")
    frame = (_LEFT, _TOP, _WIDTH - 200, _HEIGHT - _BOTTOM)
    draw = ImageDraw.Draw(picture)
    _axes(picture, draw, chart, frame)
    for bar in chart.bars:
        low, high = _place(chart, frame, (bar.low, bar.value)), _place(chart, frame, (bar.high, chart.y_range[0]))
        draw.rectangle((low[0] + 1, low[1], high[0] - 1, high[1]), fill=bar.colour, outline=_GREY)
    draw.rectangle(frame, outline=_GREY)
    for line in chart.lines:
        places = [_place(chart, frame, point) for point in line.points]
        draw_dashed(draw, places, line.colour, line.pattern)
        if line.marked:
            for x, y in places:
                draw.ellipse((x - 4, y - 4, x + 4, y + 4), fill=line.colour)
    _legend(draw, chart, frame)
    return picture


def font(size: int = _TEXT_PX) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return Pillow's own font, which needs no file of the system."""
    return ImageFont.load_default(size)


def text_width(text: str, size: int = _TEXT_PX) -> int:
    """Return the width of a text in pixels."""
    return round(font(size).getlength(text))


def vertical_text(picture: Image.Image, text: str, x: int, y_centre: int, size: int = _TEXT_PX) -> None:
    """Write a text upwards, its left edge at x."""
    strip = Image.new("RGB", (text_width(text, size) + 2, size + 6), "white")
    ImageDraw.Draw(strip).text((0, 0), text, fill="black", font=font(size))
    turned = strip.rotate(90, expand=True)
    picture.paste(turned, (x, y_centre - turned.height // 2))


def draw_dashed(draw: ImageDraw.ImageDraw, places: Sequence[Point], colour: str, pattern: int) -> None:
    """Draw a line through places in pixels, in one of the dash patterns."""
    dashes = _DASHES[pattern % len(_DASHES)]
    if len(places) < 2:
        return
    if not dashes:
        draw.line(list(places), fill=colour, width=3, joint="curve")
        return
    path = np.asarray(places, dtype=np.float64)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
    at, turn = 0.0, 0
    while at < along[-1]:
        end = min(at + dashes[turn % len(dashes)], along[-1])
        if turn % 2 == 0:
            stops = np.concatenate([[at], along[(along > at) & (along < end)], [end]])
            xs, ys = (np.interp(stops, along, path[:, axis]) for axis in (0, 1))
            draw.line([(float(x), float(y)) for x, y in zip(xs, ys, strict=True)], fill=colour, width=3)
        at, turn = end, turn + 1


def _axes(picture: Image.Image, draw: ImageDraw.ImageDraw, chart: Chart, frame: tuple[int, int, int, int]) -> None:
    left, top, right, bottom = frame
    draw.text((left, 14), chart.title, fill="black", font=font(_TITLE_PX))
    for share in np.linspace(0.0, 1.0, 6):
        x_value, y_value = (low + share * (high - low) for low, high in (chart.x_range, chart.y_range))
        x, y = _place(chart, frame, (x_value, y_value))
        draw.line((left, y, right, y), fill=_PALE)
        draw.line((x, top, x, bottom), fill=_PALE)
        draw.text((x, bottom + 8), f"{x_value:.3g}", fill="black", font=font(), anchor="ma")
        draw.text((left - 8, y), f"{y_value:.3g}", fill="black", font=font(), anchor="rm")
    draw.text(((left + right) / 2, bottom + 36), chart.x_label, fill="black", font=font(), anchor="ma")
    vertical_text(picture, chart.y_label, 12, (top + bottom) // 2)


def _legend(draw: ImageDraw.ImageDraw, chart: Chart, frame: tuple[int, int, int, int]) -> None:
    x, y = frame[2] + 14, frame[1] + 4
    for line in chart.lines:
        if not line.label:
            continue
        draw_dashed(draw, [(x, y + 9), (x + 34, y + 9)], line.colour, line.pattern)
        draw.text((x + 42, y), line.label, fill="black", font=font())
        y += 26
    for note in chart.notes:
        draw.text((x, y + 8), note, fill="black", font=font())
        y += 22


def _place(chart: Chart, frame: tuple[int, int, int, int], point: Point) -> Point:
    left, top, right, bottom = frame
    (x0, x1), (y0, y1) = chart.x_range, chart.y_range
    return left + (point[0] - x0) / (x1 - x0) * (right - left), bottom - (point[1] - y0) / (y1 - y0) * (bottom - top)
