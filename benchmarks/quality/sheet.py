"""A sheet of a method's worst fields: image | true outlines | found outlines."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from napari_all.classes import NUCLEUS
from napari_all.types import RGBImage

from .samples import REFERENCE
from .scoring import Field

_TILE_PX = 420
_TITLE_PX = 22
_CELL, _NUCLEUS, _IGNORED = (0, 190, 0), (230, 30, 30), (120, 120, 120)
LEGEND = "green = cells, red = nuclei, grey = ignored"


def write_sheet(path: Path, set_name: str, fields: list[Field], count: int = 6) -> None:
    """Write the fields of lowest Dice as a PNG."""
    rows = [_row(f, set_name == REFERENCE) for f in sorted(fields, key=lambda f: f.dice)[:count]]
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.concatenate(rows)[..., ::-1])


def _row(one: Field, instances: bool) -> RGBImage:
    sample, result = one.sample, one.result
    nuclei = None if instances or result.parts == "cell" else result.classes == NUCLEUS
    true = _outlined(sample.rgb, sample.truth if instances else (sample.truth > 0).astype(np.int32))
    if not instances:
        true = _lines(true, sample.truth == NUCLEUS, _NUCLEUS)
    if sample.ignore is not None:
        true = _lines(true, sample.ignore, _IGNORED)
    found = _outlined(sample.rgb, result.labels)
    if nuclei is not None:
        found = _lines(found, nuclei, _NUCLEUS)
    titles = (sample.name, "true", f"found, Dice {one.dice:.3f}")
    pictures = (_enlarged(sample.rgb), true, found)
    return np.concatenate([_titled(*pair) for pair in zip(titles, pictures, strict=True)], axis=1)


def _enlarged(plane: np.ndarray, how: int = cv2.INTER_CUBIC) -> np.ndarray:
    scale = _TILE_PX / max(plane.shape[:2])
    size = (round(plane.shape[1] * scale), round(plane.shape[0] * scale))
    return np.asarray(cv2.resize(plane, size, interpolation=how))


def _outlined(rgb: RGBImage, labels: np.ndarray) -> RGBImage:
    picture = _enlarged(rgb)
    for label in np.unique(labels[labels > 0]):
        picture = _lines(picture, labels == label, _CELL)
    return picture


def _lines(picture: RGBImage, mask: np.ndarray, colour: tuple[int, int, int]) -> RGBImage:
    large = _enlarged(mask.astype(np.uint8), cv2.INTER_NEAREST)
    contours, _ = cv2.findContours(large, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    return np.asarray(cv2.drawContours(picture, contours, -1, colour, 2))


def _titled(title: str, picture: RGBImage) -> RGBImage:
    tile = np.zeros((_TILE_PX + _TITLE_PX, _TILE_PX + 4, 3), np.uint8)
    tile[_TITLE_PX : _TITLE_PX + picture.shape[0], : picture.shape[1]] = picture
    cv2.putText(tile, title, (4, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
    return tile
