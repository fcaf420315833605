"""What tells where a cut-out image lies in its slide."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from pydantic import Field

from napari_all.config import Settings
from napari_all.errors import MaskError, UsageError
from napari_all.io.masks import LABELS_ENDING

REGION_ENDING = "_region.json"


class Region(Settings):
    """What `<name>_region.json` tells of a cut-out image."""

    schema_version: Literal[1] = Field(1, description="Version of this file's layout")
    slide: str = Field(description="File name of the slide")
    slide_sha256: str = Field(description="SHA-256 of the slide")
    y: int = Field(ge=0, description="First row of the region in the slide")
    x: int = Field(ge=0, description="First column")
    height: int = Field(ge=1, description="Rows")
    width: int = Field(ge=1, description="Columns")

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the slide."""
        return slice(self.y, self.y + self.height), slice(self.x, self.x + self.width)


def read_region(corrected: Path) -> Region:
    """Return the region whose label image this is; `MaskError` when its file is missing or damaged."""
    path = corrected.with_name(corrected.name.removesuffix(LABELS_ENDING) + REGION_ENDING)
    try:
        return Region.parse(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise MaskError(f"{path.name} is missing; put it beside {corrected.name} as it was cut out") from error
    except (ValueError, UsageError) as error:
        raise MaskError(f"{path.name} is damaged ({error}); cut the region out again") from error
