"""A picture of where prediction and reference differ, field beside field."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from napari_all.types import BoolMask, RGBImage

_TILE_PX = 256
_BOTH, _MISSED, _FALSE, _IGNORED = (220, 220, 220), (230, 159, 0), (86, 180, 233), (70, 70, 70)
LEGEND = "light grey = both, orange = missed, blue = falsely predicted, dark grey = ignored"


def difference(predicted: BoolMask, reference: BoolMask, ignore: BoolMask | None) -> RGBImage:
    """Return (Y, X, 3) uint8 in the colours of `LEGEND` (Okabe and Ito, safe for the colour-blind)."""
    picture = np.zeros((*predicted.shape, 3), np.uint8)
    picture[predicted & reference] = _BOTH
    picture[~predicted & reference] = _MISSED
    picture[predicted & ~reference] = _FALSE
    if ignore is not None:
        picture[ignore] = _IGNORED
    return picture


def sheet(pictures: Sequence[tuple[str, RGBImage]], columns: int = 3) -> RGBImage:
    """Lay titled pictures out in rows, each fitted into a square tile; at least one is needed."""
    tiles = [_tile(title, picture) for title, picture in pictures]
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
    rows = [np.concatenate(tiles[i : i + columns], axis=1) for i in range(0, len(tiles), columns)]
    return np.concatenate(rows, axis=0)


def _tile(title: str, picture: RGBImage) -> RGBImage:
    height, width = picture.shape[:2]
    scale = (_TILE_PX - 4) / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    tile = np.zeros((_TILE_PX + 20, _TILE_PX, 3), np.uint8)
    tile[18 : 18 + size[1], : size[0]] = cv2.resize(picture, size, interpolation=cv2.INTER_NEAREST)
    cv2.putText(tile, title[-38:], (2, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.38, (255, 255, 255), 1, cv2.LINE_AA)
    return tile
