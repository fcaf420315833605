"""Where the wrong pixels of nuclei and whole cells lie, over all cells of a set: a picture without any image."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from napari_all.classes import NUCLEUS

from .scoring import EDGE_PX, Field, from_border

SIDE_PX, REACH = 96, 1.4
"""Side of a map in pixels, and how many cell radii it reaches from the cell's middle."""
PARTS: Mapping[str, Callable[[NDArray[np.uint8]], NDArray[np.bool_]]] = {
    "nucleus": lambda classes: classes == NUCLEUS,
    "whole cell": lambda classes: classes > 0,
}
_TILE_PX, _TITLE_PX = 288, 40
_ROWS = [
    (part, step, beyond_px)
    for part in PARTS
    for step, beyond_px in (("all wrong pixels", 0.0), (f"further than {EDGE_PX:g} px from the true border", EDGE_PX))
]
_MISSED, _FALSE = np.array((230, 159, 0)), np.array((86, 180, 233))
LEGEND = "orange = missed, blue = claimed; ring = the cell's border; full colour = 20 % of the cells"
_FULL = 0.2


def error_maps(
    fields: Sequence[Field], part: str, beyond_px: float = 0.0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the shares (S, S) of images in which a place of the cell is missed, or claimed to be of the part.

    Each cell is moved and scaled so that the middle of its true mask is the map's and its radius, of a disc of the same
    area, is `1 / REACH` of the map's half side.

    Parameters
    ----------
    fields
        Of wbc-zheng: one cell per image, true classes.
    part
        Key of `PARTS`.
    beyond_px
        Leave out wrong pixels that are nearer to the true border of the part.
    """
    of = PARTS[part]
    total = np.zeros((2, SIDE_PX, SIDE_PX))
    for one in fields:
        true, found = of(one.sample.truth), of(one.result.classes)
        far = from_border(true) > beyond_px
        cell = one.sample.truth > 0
        y, x = ndimage.center_of_mass(cell)
        scale = SIDE_PX / (2 * REACH * np.sqrt(cell.sum() / np.pi))
        middle = (SIDE_PX - 1) / 2
        move = np.array([[scale, 0, middle - scale * x], [0, scale, middle - scale * y]])
        for plane, wrong in zip(total, (true & ~found & far, found & ~true & far), strict=True):
            plane += cv2.warpAffine(wrong.astype(np.float32), move, (SIDE_PX, SIDE_PX), flags=cv2.INTER_LINEAR)
    missed, claimed = total / max(1, len(fields))
    return missed, claimed


def draw_error_maps(sets: Mapping[str, Sequence[Field]]) -> Image.Image:
    """Draw a column per set and a row per part: all wrong pixels, and those beyond the border's doubt."""
    picture = Image.new("RGB", (_TILE_PX * len(sets), len(_ROWS) * (_TILE_PX + _TITLE_PX) + 20), "white")
    draw = ImageDraw.Draw(picture)
    for column, (title, fields) in enumerate(sets.items()):
        for row, (part, step, beyond_px) in enumerate(_ROWS):
            left, top = column * _TILE_PX, row * (_TILE_PX + _TITLE_PX)
            draw.text((left + 8, top + 6), title, fill="black")
            draw.text((left + 8, top + 22), f"{part}: {step}", fill=(90, 90, 90))
            tile = Image.fromarray(_coloured(*error_maps(fields, part, beyond_px)))
            side = _TILE_PX - 16
            picture.paste(tile.resize((side, side), Image.Resampling.BICUBIC), (left + 8, top + _TITLE_PX))
            middle, radius = (left + 8 + side / 2, top + _TITLE_PX + side / 2), side / 2 / REACH
            box = (middle[0] - radius, middle[1] - radius, middle[0] + radius, middle[1] + radius)
            draw.ellipse(box, outline=(120, 120, 120))
    draw.text((8, picture.height - 18), LEGEND, fill="black")
    return picture


def _coloured(missed: NDArray[np.float64], claimed: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return (S, S, 3): white where nothing is wrong, towards a colour the more often it is."""
    ink = (255 - _MISSED) * missed[..., None] + (255 - _FALSE) * claimed[..., None]
    return np.clip(255 - ink / _FULL, 0, 255).astype(np.uint8)
