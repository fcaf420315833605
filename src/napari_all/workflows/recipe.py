"""Rebuild hand-corrected masks from a recipe: which images, which method, which corrections, in which order.

Images that may not be passed on are not needed to pass on the work on them: a recipe names each image and its
SHA-256, the segmentation it began from, and every correction. It also holds the SHA-256 of each result, so that a
later change of the code that would change a mask is told, never silent.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, ValidationError

from napari_all.config import Settings
from napari_all.errors import UsageError
from napari_all.files import write_bytes
from napari_all.workflows.segment import SegmentConfig

Point: TypeAlias = tuple[float, float]
"""(y, x) in pixels."""


class Delete(Settings):
    """Take cells away (precipitate, platelets, stained red cells)."""

    op: Literal["delete"] = "delete"
    at: tuple[Point, ...] = Field(description="One point in each cell")


class Merge(Settings):
    """Make one cell of several pieces."""

    op: Literal["merge"] = "merge"
    at: tuple[Point, ...] = Field(min_length=2, description="One point in each piece")


class Split(Settings):
    """Cut a cell along a line."""

    op: Literal["split"] = "split"
    line: tuple[Point, ...] = Field(min_length=2, description="From background to background across the cell")


class Grow(Settings):
    """Move the edge of cells outwards, or inwards with a negative number."""

    op: Literal["grow"] = "grow"
    at: tuple[Point, ...] = Field(description="One point in each cell")
    pixels: int = Field(1, ge=-10, le=10, description="How far, in pixels")


class Smooth(Settings):
    """Round off the outline of cells and fill their holes."""

    op: Literal["smooth"] = "smooth"
    at: tuple[Point, ...] = Field(description="One point in each cell")
    radius_px: int = Field(2, ge=1, le=10, description="Size of the teeth that go, in pixels")


class AddPolygon(Settings):
    """Add a cell by its outline; pixels of other cells stay theirs."""

    op: Literal["add_polygon"] = "add_polygon"
    points: tuple[Point, ...] = Field(min_length=3, description="Outline")


class AddEllipse(Settings):
    """Add a cell as an ellipse; pixels of other cells stay theirs."""

    op: Literal["add_ellipse"] = "add_ellipse"
    centre: Point = Field(description="Middle")
    radii: Point = Field(description="Half axes in pixels, (y, x) before turning")
    angle: float = Field(0.0, ge=-180, le=180, description="Turn in degrees, from y towards x")


class Ignore(Settings):
    """Make labelled blobs part of the ignore mask (what cannot be decided)."""

    op: Literal["ignore"] = "ignore"
    at: tuple[Point, ...] = Field(description="One point in each blob")


class IgnorePolygon(Settings):
    """Ignore the inside of an outline; cells that lie mostly inside go, the others keep their pixels."""

    op: Literal["ignore_polygon"] = "ignore_polygon"
    points: tuple[Point, ...] = Field(min_length=3, description="Outline")


class Smudge(Settings):
    """Make labelled blobs smudges: the smear, basket or bare ragged nucleus that a broken white cell leaves."""

    op: Literal["smudge"] = "smudge"
    at: tuple[Point, ...] = Field(description="One point in each blob")


class SmudgePolygon(Settings):
    """Draw a smudge by its outline; cells that lie mostly inside become part of it, the others keep their pixels."""

    op: Literal["smudge_polygon"] = "smudge_polygon"
    points: tuple[Point, ...] = Field(min_length=3, description="Outline")


Correction: TypeAlias = Annotated[
    Delete | Merge | Split | Grow | Smooth | AddPolygon | AddEllipse | Ignore | IgnorePolygon | Smudge | SmudgePolygon,
    Field(discriminator="op"),
]


class NucleusPolygon(Settings):
    """Replace the nucleus of the cell under an outline by the part of the outline inside that cell."""

    op: Literal["nucleus_polygon"] = "nucleus_polygon"
    points: tuple[Point, ...] = Field(min_length=3, description="Outline")


class NucleusEllipse(Settings):
    """Replace the nucleus of the cell under an ellipse by the part of the ellipse inside that cell."""

    op: Literal["nucleus_ellipse"] = "nucleus_ellipse"
    centre: Point = Field(description="Middle")
    radii: Point = Field(description="Half axes in pixels, (y, x) before turning")
    angle: float = Field(0.0, ge=-180, le=180, description="Turn in degrees, from y towards x")


class NucleusLevel(Settings):
    """Find the nucleus of single cells again at another level."""

    op: Literal["level"] = "level"
    at: tuple[Point, ...] = Field(description="One point in each cell")
    level: float = Field(gt=0, lt=1, description="In place of the field's level")


class NucleusWhole(Settings):
    """The nucleus fills these cells: no cytoplasm can be seen."""

    op: Literal["whole"] = "whole"
    at: tuple[Point, ...] = Field(description="One point in each cell")


class NucleusUnknown(Settings):
    """Where the nucleus of these cells ends cannot be told."""

    op: Literal["unknown"] = "unknown"
    at: tuple[Point, ...] = Field(description="One point in each cell")


NucleusCorrection: TypeAlias = Annotated[
    NucleusPolygon | NucleusEllipse | NucleusLevel | NucleusWhole | NucleusUnknown,
    Field(discriminator="op"),
]


class NucleiRecipe(Settings):
    """How the nuclei inside the final cells of an image are made.

    Each cell is measured on a scale of its own, 0 = bright background of the field, 1 = darkest third of the cell.
    """

    level: float = Field(0.65, gt=0, lt=1, description="What lies above this is nucleus; lower makes nuclei larger")
    hue_weight: float = Field(
        0.3, ge=0, le=1, description="Share of red minus green (parts blue cytoplasm); the rest is darkness in green"
    )
    smooth_px: float = Field(0.7, ge=0, le=3, description="Blur before measuring (Gaussian sigma in pixels)")
    min_share: float = Field(0.15, ge=0, le=1, description="Lobes smaller than this share of the largest are dropped")
    corrections: tuple[NucleusCorrection, ...] = Field((), description="Applied in this order")


class FieldRecipe(Settings):
    """How the mask of one image is made."""

    image: str = Field(description="POSIX path of the image inside the data folder")
    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="SHA-256 of the image file")
    segmentation: SegmentConfig = Field(description="What the corrections start from")
    corrections: tuple[Correction, ...] = Field((), description="Applied in this order")
    nuclei: NucleiRecipe | None = Field(None, description="How nuclei are made; none = cells only")
    result_sha256: str | None = Field(
        None, description="SHA-256 of the result (see `FieldMask.sha256`); none = not yet accepted"
    )
    note: str = Field("", description="What was doubtful")


class Recipe(Settings):
    """A set of masks that can be rebuilt from the images."""

    format: Literal["napari-all-mask-recipe"] = "napari-all-mask-recipe"
    version: Literal[1] = 1
    note: str = Field("", description="Who drew the masks, by which rules")
    fields: tuple[FieldRecipe, ...] = Field(description="One entry per image")


def read_recipe(path: Path) -> Recipe:
    """Read and check a recipe file (JSON); raise `UsageError` that names the file and the bad field."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot read recipe {path.name}: {error.strerror}; give the path of a recipe") from error
    try:
        return Recipe.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"{path.name} is no valid recipe: {where}: {first['msg']}") from error


def write_recipe(path: Path, recipe: Recipe) -> None:
    """Write a recipe as JSON with one correction a line, so that changes can be reviewed; whole or not at all."""
    lines = ["{"]
    for key, value in recipe.model_dump(mode="json").items():
        if key != "fields":
            lines.append(f' "{key}": {_compact(value)},')
    lines.append(' "fields": [')
    lines.append(",\n".join(_field_text(field) for field in recipe.fields))
    lines.append(" ]\n}\n")
    write_bytes(path, "\n".join(lines).encode())


def _field_text(field: FieldRecipe) -> str:
    values = field.model_dump(mode="json")
    corrections, nuclei = values.pop("corrections"), values.pop("nuclei")
    lines = [f'   "{key}": {_compact(value)}' for key, value in values.items()]
    lines.append(f'   "corrections": {_one_a_line(corrections)}')
    if nuclei is not None:
        nucleus_corrections = nuclei.pop("corrections")
        head = _compact(nuclei).removesuffix("}")
        lines.append(f'   "nuclei": {head}, "corrections": {_one_a_line(nucleus_corrections)}}}')
    return "  {\n" + ",\n".join(lines) + "\n  }"


def _one_a_line(items: list[Any]) -> str:
    return "[" + ",".join(f"\n    {_compact(item)}" for item in items) + "]"


def _compact(value: Any) -> str:
    """JSON on one line, whole numbers without a decimal point."""
    return json.dumps(_whole(value), ensure_ascii=False)


def _whole(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    return [_whole(item) for item in value] if isinstance(value, list) else value
