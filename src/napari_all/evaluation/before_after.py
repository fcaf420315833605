"""Image, true mask and predicted mask side by side, as in Figure 5 of Reza et al. 2025."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_all.data.mask_items import CELL, CYTOPLASM, NUCLEUS, SMUDGE
from napari_all.types import BoolMask, ClassesMap, RGBImage

_TILE_PX = 224
_TITLE_PX = 20
# Okabe and Ito, safe for the colour-blind
_COLOURS = {CYTOPLASM: (86, 180, 233), NUCLEUS: (213, 94, 0), CELL: (0, 158, 115), SMUDGE: (240, 228, 66)}
_IGNORED = (90, 90, 90)
LEGEND = "blue = cytoplasm, orange = nucleus, green = cell not parted, yellow = smudge, grey = ignored"


@dataclass(frozen=True)
class Shown:
    """One row: (Y, X, 3) image, (Y, X) codes of the true mask, what was ignored, and titled (Y, X) predictions."""

    name: str
    rgb: RGBImage
    truth: NDArray[np.uint8]
    ignore: BoolMask
    predictions: Sequence[tuple[str, ClassesMap]]


def comparison(rows: Sequence[Shown]) -> RGBImage:
    """Return the rows under each other, image | true mask | predictions; at least one row."""
    drawn = []
    for row in rows:
        tiles = [_tile(row.name, row.rgb), _tile("true mask", _coloured(row.truth, row.ignore))]
        tiles += [_tile(title, _coloured(classes, row.ignore)) for title, classes in row.predictions]
        drawn.append(np.concatenate(tiles, axis=1))
    return np.concatenate(drawn, axis=0)


def _coloured(codes: NDArray[np.uint8], ignore: BoolMask) -> RGBImage:
    picture = np.zeros((*codes.shape, 3), np.uint8)
    for code, colour in _COLOURS.items():
        picture[codes == code] = colour
    picture[ignore & (codes == 0)] = _IGNORED
    return picture


def _tile(title: str, picture: RGBImage) -> RGBImage:
    height, width = picture.shape[:2]
    scale = _TILE_PX / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST
    tile = np.full((_TILE_PX + _TITLE_PX, _TILE_PX + 4, 3), 255, np.uint8)
    tile[_TITLE_PX : _TITLE_PX + size[1], : size[0]] = cv2.resize(picture, size, interpolation=how)
    cv2.putText(tile, title[-32:], (2, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1, cv2.LINE_AA)
    return tile
