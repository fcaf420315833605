"""`images.csv`: one row per image, so that opening a project and ordering its images reads no other file.

All of it can be made again: status, flag and cells from the logs, the rest by predicting again.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pydantic import Field, ValidationError

from napari_all.config import Settings
from napari_all.io.tables import read_table, write_table
from napari_all.types import ImageStatus

INDEX_VERSION = 1


class ImageEntry(Settings):
    """What a project knows of an image without opening it; a row of `images.csv`."""

    image: str = Field(description="POSIX path relative to the folder of the images")
    status: ImageStatus = Field("none", description="none, predicted, in work, corrected, accepted or excluded")
    flag: bool = Field(False, description="true when a person wants to come back to the image")
    cells: int | None = Field(None, description="number of cells; empty without labels")
    uncertainty: float | None = Field(
        None, description="1 minus the Dice to be expected by the network's own probabilities, 0..1; empty without one"
    )
    predicted: str | None = Field(None, description="predicted subtype; empty where none was predicted")
    confidence: float | None = Field(None, description="probability of the predicted subtype, calibrated")
    quality: str | None = Field(None, description="what may be wrong with the image, by semicolons; empty = not known")
    edits: int = Field(0, description="changes that a person made and did not take back")
    dice: float | None = Field(None, description="Dice of the labels with what they began from, at the last save")
    log_bytes: int = Field(0, description="size of the image's log that this row was made from")
    schema_version: int = Field(INDEX_VERSION, description="version of this table's layout")


INDEX_FIELDS = {name: field.description or "" for name, field in ImageEntry.model_fields.items()}


def write_index(path: Path, entries: Iterable[ImageEntry]) -> None:
    """Write the table, whole or not at all."""
    write_table(path, tuple(INDEX_FIELDS), (entry.model_dump() for entry in entries))


def read_index(path: Path) -> dict[str, ImageEntry]:
    """Return the rows by image; none where the file is missing or damaged, because the logs tell as well."""
    try:
        rows = read_table(path)
        return {row["image"]: ImageEntry.model_validate({k: v for k, v in row.items() if v != ""}) for row in rows}
    except (OSError, ValidationError, ValueError, KeyError, AttributeError):
        return {}
