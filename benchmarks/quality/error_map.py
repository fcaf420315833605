"""Where the wrong pixels of nuclei lie, over all cells of a set laid on one another, as a picture without any image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from napari_all.classes import NUCLEUS

from .scoring import EDGE_PX, Field, from_border

SIDE_PX, REACH = 96, 1.4
"""Side of a map in pixels, and how many cell radii it reaches from the cell's middle."""
_TILE_PX, _TITLE_PX, _STEPS = 288, 40, ("all wrong pixels", f"further than {EDGE_PX:g} px from the true border")
_MISSED, _FALSE = np.array((230, 159, 0)), np.array((86, 180, 233))
LEGEND = "orange = nucleus missed, blue = nucleus claimed; ring = the cell's border; full colour = 20 % of the cells"
_FULL = 0.2


def error_maps(fields: Sequence[Field], beyond_px: float = 0.0) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the shares (S, S) of images in which a place of the cell is missed nucleus, or claimed to be one.

    Each cell is moved and scaled so that the middle of its true mask is the map's and its radius, of a disc of the same
    area, is `1 / REACH` of the map's half side.

    Parameters
    ----------
    fields
        Of wbc-zheng: one cell per image, true classes.
    beyond_px
        Leave out wrong pixels that are nearer to the true border of the nucleus.
    """
    total = np.zeros((2, SIDE_PX, SIDE_PX))
    for one in fields:
        true, found = one.sample.truth == NUCLEUS, one.result.classes == NUCLEUS
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
    """Draw a column per set: all wrong pixels above, those beyond the border's doubt below."""
    picture = Image.new("RGB", (_TILE_PX * len(sets), 2 * (_TILE_PX + _TITLE_PX) + 20), "white")
    draw = ImageDraw.Draw(picture)
    for column, (title, fields) in enumerate(sets.items()):
        for row, (step, beyond) in enumerate(zip(_STEPS, (0.0, EDGE_PX), strict=True)):
            left, top = column * _TILE_PX, row * (_TILE_PX + _TITLE_PX)
            draw.text((left + 8, top + 6), title, fill="black")
            draw.text((left + 8, top + 22), step, fill=(90, 90, 90))
            tile = Image.fromarray(_coloured(*error_maps(fields, beyond)))
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
