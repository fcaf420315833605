"""`project.json`: the version of the format, and which images the project is about."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from napari_all import __version__
from napari_all.config import Settings
from napari_all.errors import ProjectError, UsageError
from napari_all.files import write_json
from napari_all.segmentation.cell_classes import CellClasses

VERSION = 1


class ImageReference(Settings):
    """An image of the project."""

    image: str = Field(description="POSIX path relative to the folder of the images")
    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="SHA-256 of the file")
    bytes: int = Field(ge=0, description="Size of the file")


class Manifest(Settings):
    """What `project.json` holds."""

    format: Literal["napari-all-project"] = "napari-all-project"
    version: Literal[1] = Field(1, description="Version of the project's format")
    software: str = Field(default_factory=lambda: f"napari-all {__version__}", description="Program that made it")
    created: str = Field(
        default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"), description="UTC, ISO 8601"
    )
    images_folder: str = Field(description="Folder of the images, relative to the project where one drive holds both")
    cell_classes: tuple[str, ...] = Field(CellClasses().names, description="Classes that a cell may be given")
    settings: dict[str, Any] = Field(default_factory=dict, description="What the bench keeps (model, order, target)")
    images: tuple[ImageReference, ...] = Field(description="The images, in the order of their names")

    def write(self, path: Path) -> None:
        """Write it as JSON, whole or not at all."""
        write_json(path, self.model_dump(mode="json"))


def read_version(path: Path) -> int:
    """Read the version of the format from `project.json`.

    Raises
    ------
    ProjectError
        The folder is no project, the file is damaged, or a newer program has written it.
    """
    version = _read(path).get("version")
    if not isinstance(version, int):
        raise ProjectError(f"{path.name} says format {version!r}, which is no number; restore it from a copy")
    if version > VERSION:
        raise ProjectError(
            f"the project was made by a newer napari-all (format {version}; this one knows {VERSION}); "
            "update napari-all"
        )
    return version


def read_manifest(path: Path) -> Manifest:
    """Read `project.json`.

    Raises
    ------
    ProjectError
        The folder is no project, the file is damaged, or its version is not the one this program knows.
    """
    version = read_version(path)
    if version != VERSION:
        raise ProjectError(f"{path.name} says format {version}, this program knows {VERSION}; open the project once")
    try:
        return Manifest.parse(_read(path))
    except UsageError as error:
        raise ProjectError(f"{path.name} is damaged ({error}); restore it from a copy of the project") from error


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ProjectError(f"{path.parent.name!r} is no project: it holds no {path.name}; choose another") from error
    except (OSError, ValueError) as error:
        raise ProjectError(f"{path.name} cannot be read ({error}); restore it from a copy of the project") from error
    if not isinstance(found, dict) or found.get("format") != "napari-all-project":
        raise ProjectError(f"{path.name} does not belong to a project of napari-all; choose another folder")
    return found


def folder_reference(images: Path, project: Path) -> str:
    """Return the folder of the images as a POSIX path relative to the project, or absolute on another drive."""
    try:
        return Path(os.path.relpath(images.resolve(), project.resolve())).as_posix()
    except ValueError:  # Windows: another drive
        return images.resolve().as_posix()
