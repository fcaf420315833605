"""JSON of strangers: told apart by its first letters, read whole only up to a size."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from napari_all.errors import MaskError

_HEAD = 65_536
_MOST_BYTES = 1_000_000_000
_GEOJSON = re.compile(r'"type"\s*:\s*"(FeatureCollection|Feature)"')
_COCO = re.compile(r'^\s*\{\s*"(info|licenses|images|annotations|categories|type)"\s*:')


def is_geojson(path: Path) -> bool:
    """Tell whether a file begins like GeoJSON: a Feature, a collection of them or a list of them."""
    return bool(_GEOJSON.search(_head(path)))


def is_coco(path: Path) -> bool:
    """Tell whether a file begins like COCO's annotations."""
    head = _head(path)
    return bool(_COCO.match(head)) and not _GEOJSON.search(head)


def load(path: Path) -> Any:
    """Return what a JSON file holds; `MaskError` for files too large, `ValueError` or `RecursionError` for damage."""
    size = path.stat().st_size
    if size > _MOST_BYTES:
        raise MaskError(f"{path.name} has {size:,} bytes, over the limit of {_MOST_BYTES:,}; export it in parts")
    return json.loads(path.read_text(encoding="utf-8-sig"))


def _head(path: Path) -> str:
    with path.open("rb") as stream:
        return stream.read(_HEAD).decode("utf-8-sig", errors="replace")
