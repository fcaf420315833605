"""Read cells of another program's file: the format is told by its content, and damage becomes a `MaskError`."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from PIL import Image

from napari_all.errors import ImageError, MaskError, NapariAllError
from napari_all.io.importers import IMPORTERS, Imported, Importer, ImportRequest
from napari_all.io.tiff import DAMAGE

_DAMAGE = (*DAMAGE, EOFError, MemoryError, RecursionError, zipfile.BadZipFile, Image.DecompressionBombError)
"""What decoders raise on damaged files and traps."""

T = TypeVar("T")


def recognise(path: Path, only: str | None = None) -> Importer:
    """Return the format of a file by its content.

    Parameters
    ----------
    only
        Name of the one format that is asked for.

    Raises
    ------
    MaskError
        The file is missing, empty or of no format that is read; the message names them.
    UsageError
        `only` names no format.
    """
    formats = [IMPORTERS[only]] if only is not None else list(IMPORTERS.values())
    try:
        found = next((importer for importer in formats if importer.recognises(path)), None)
    except OSError as error:
        raise MaskError(f"cannot open {path.name}: {error.strerror or error}; check the path") from error
    if found is None:
        titles = ", ".join(importer.title for importer in formats)
        raise MaskError(f"{path.name} is no file of cells of a known kind ({titles}); export it in one of these")
    return found


def read_cells(path: Path, importer: Importer, request: ImportRequest) -> Iterator[Imported]:
    """Yield the images in a file; `MaskError` for anything that does not fit, naming the file."""
    found = _guarded(path, lambda: importer.read(path, request))
    while (one := _guarded(path, lambda: next(found, None))) is not None:
        yield one


def images_in(path: Path, importer: Importer) -> list[str] | None:
    """Return the names of the images in a file of a format that holds several, else None; raises as `read_cells`."""
    return None if importer.images is None else _guarded(path, lambda: importer.images(path))  # type: ignore[misc]


def _guarded(path: Path, work: Callable[[], T]) -> T:
    try:
        return work()
    except (ImageError, MaskError) as error:
        told = _without_folder(str(error), path)
        raise MaskError(told if path.name in told else f"{path.name}: {told}") from error
    except NapariAllError:
        raise
    except _DAMAGE as error:
        told = _without_folder(str(error) or type(error).__name__, path)
        raise MaskError(f"{path.name} is damaged ({told[:200]}); copy or export it again") from error


def _without_folder(text: str, path: Path) -> str:
    """Return a decoder's words without this machine's folders."""
    return text.replace(str(path.resolve()), path.name).replace(str(path), path.name)
