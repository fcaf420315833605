"""Which files of cells are to be imported, with which format, and where their label images go."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from napari_all.errors import MaskError, UsageError
from napari_all.files import inside
from napari_all.io.importers import IMPORTERS, Importer
from napari_all.io.importing import images_in, recognise
from napari_all.io.inputs import InputImage, find_files
from napari_all.io.masks import LABELS_ENDING

_OWN_PLANES = ("_classes.tif", "_uncertainty.tif", "_smudges.tif", "_ignore.tif", "_artefacts.tif", "_gradcam.tif")
"""Beside labels in a folder of napari-all's own results; none of them is a label image."""
_LONGEST_NAME = 200
"""Bytes of a name that leave room for endings below the 255 of most file systems."""
_OF_MANY_KINDS = (".json", ".png", ".tif", ".tiff", ".csv", ".zip", ".npy")
"""Files of these endings in a folder may be anything; those that are no cells are left out without a word."""


@dataclass(frozen=True)
class Planned:
    """A file, its format, and the stems of the images in it; without a format, what is wrong with it."""

    file: InputImage
    importer: Importer | None
    stems: tuple[str, ...] = ()
    error: str = ""


def plan(inputs: Sequence[str | Path], format_name: str | None) -> list[Planned]:
    """Find the files of cells among files, folders and globs; in folders, what is no cells is left out.

    Raises
    ------
    UsageError
        An input does not exist, or none holds cells.
    """
    formats = [IMPORTERS[format_name]] if format_name is not None else list(IMPORTERS.values())
    endings = sorted({ending for importer in formats for ending in importer.endings})
    singly = {os.path.abspath(given) for given in inputs if Path(given).is_file()}  # noqa: PTH100 - as find_files
    planned = []
    for file in find_files(inputs, "file of cells", endings):
        alone = os.path.abspath(file.path) in singly  # noqa: PTH100
        if not alone and file.name.endswith(_OWN_PLANES):
            continue
        importer = None
        try:
            importer = recognise(file.path, format_name)
            planned.append(Planned(file, importer, _stems(file, importer)))
        except MaskError as error:
            if alone or importer or file.path.suffix not in _OF_MANY_KINDS:
                planned.append(Planned(file, None, error=str(error)))
    if not planned:
        titles = ", ".join(importer.title for importer in formats)
        raise UsageError(f"the inputs hold no file of cells ({titles}); export one in the other program")
    return planned


def _stems(file: InputImage, importer: Importer) -> tuple[str, ...]:
    """Return where the labels go, relative to the output, without an ending."""
    names = images_in(file.path, importer)
    if names is not None:
        return tuple(str(PurePosixPath(name).with_suffix("")) for name in names)
    ending = next((e for e in importer.endings if file.name.lower().endswith(e)), file.path.suffix)
    return (file.name[: len(file.name) - len(ending)],)


def targets_of(planned: Sequence[Planned], output: Path) -> list[Path]:
    """Return the label images that will be written; `UsageError` where two would go by one name."""
    seen: dict[str, Planned] = {}
    targets = []
    for one in planned:
        for stem in one.stems:
            other = seen.setdefault(stem.casefold(), one)
            if other is not one:
                raise UsageError(
                    f"two inputs would have the same output name: {other.file.path} and {one.file.path}; "
                    "rename one, or choose one format with --format"
                )
            with suppress(MaskError):  # only this file fails, when its turn comes
                targets.append(target_of(output, stem))
    return targets


def target_of(output: Path, stem: str) -> Path:
    """Return the label image's path; `MaskError` for a name in a file that no file in the output can have."""
    try:
        if any(len(part.encode()) > _LONGEST_NAME for part in PurePosixPath(stem).parts):
            raise ValueError("longer than a file's name can be")
        return inside(output, stem + LABELS_ENDING)
    except (UsageError, OSError, ValueError) as error:
        raise MaskError(f"an image goes by the name {stem[:100]!r}, which no file can have here") from error
