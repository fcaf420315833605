"""Which files a command means: files, folders and globs become a sorted list of named images."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from napari_all.errors import UsageError
from napari_all.io.images import IMAGE_SUFFIXES
from napari_all.io.slides import SLIDE_SUFFIXES, is_zarr

OUTPUT_ENDINGS = (
    "_labels.tif", "_classes.tif", "_uncertainty.tif", "_smudges.tif", "_labels.ome.tif", "_mask.png", "_labels.png",
    "_ignore.tif", "_artefacts.tif",
    "_gradcam.png", "_gradcam.tif",
)  # fmt: skip
"""Endings of what napari-all writes beside images; a folder's search leaves them out."""


@dataclass(frozen=True)
class InputImage:
    """A file and the name it goes by.

    Attributes
    ----------
    path
        The file; of an OME-Zarr its folder.
    name
        POSIX path relative to the folder that was given; the bare file name for a file given singly.
    """

    path: Path
    name: str

    @property
    def stem(self) -> str:
        """The name without its ending, sub-folders kept: what outputs are named after."""
        return str(PurePosixPath(self.name).with_suffix(""))


def find_images(inputs: Sequence[str | Path], *, slides: bool = False) -> tuple[InputImage, ...]:
    """Return the images that files, folders (searched recursively) and globs stand for, sorted by name.

    A folder or a glob gives the files with an image's ending, without hidden files and napari-all's own outputs. A file
    given singly is taken whatever its ending. A file met twice is taken once.

    Parameters
    ----------
    slides
        Take what is read piece by piece, too: files with a slide's ending, and OME-Zarr folders, also given singly.

    Raises
    ------
    UsageError
        When an input does not exist or holds no image, or when two images would have outputs of one name
        (compared without case, as some file systems do); the message names both.
    """
    endings = (*IMAGE_SUFFIXES, *SLIDE_SUFFIXES) if slides else IMAGE_SUFFIXES
    images = _find(inputs, partial(_looks_like_image, endings=endings), "image", endings, zarr=slides)
    _refuse_clashes(images)
    return images


def find_files(inputs: Sequence[str | Path], kind: str, endings: Sequence[str]) -> tuple[InputImage, ...]:
    """Return the files of a kind that files, folders and globs stand for, likewise; two may have one stem."""

    def wanted(path: Path) -> bool:
        hidden = any(part.startswith(".") for part in path.parts)
        return path.name.lower().endswith(tuple(endings)) and not hidden

    return _find(inputs, wanted, kind, endings)


def _find(
    inputs: Sequence[str | Path],
    wanted: Callable[[Path], bool],
    kind: str,
    endings: Sequence[str],
    *,
    zarr: bool = False,
) -> tuple[InputImage, ...]:
    found: dict[str, InputImage] = {}
    for given in inputs:
        images = _expand(given, wanted, zarr)
        if not images:
            raise UsageError(f"no {kind} in {Path(given).name or str(given)!r}; readable endings: {', '.join(endings)}")
        for image in images:
            found.setdefault(os.path.abspath(image.path), image)  # noqa: PTH100 - must not follow links
    return tuple(sorted(found.values(), key=lambda image: image.name))


def _expand(given: str | Path, wanted: Callable[[Path], bool], zarr: bool) -> list[InputImage]:
    path = Path(given)
    if path.is_file() or (zarr and is_zarr(path)):
        return [InputImage(path, path.name)]
    if path.is_dir():
        return [InputImage(file, file.relative_to(path).as_posix()) for file in _walk(path, wanted, zarr)]
    if glob.has_magic(str(given)):
        base = _fixed_part(path)
        matches = base.glob(str(path.relative_to(base)))
        return [
            InputImage(m, m.relative_to(base).as_posix())
            for m in matches
            if m.is_file() and wanted(m.relative_to(base))
        ]
    raise UsageError(f"input {str(given)!r} does not exist; give files, folders or globs")


def _walk(folder: Path, wanted: Callable[[Path], bool], zarr: bool) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        stores = [f for f in folders if is_zarr(Path(root, f))]
        folders[:] = [f for f in folders if not f.startswith(".") and f not in stores]
        yield from (Path(root, f) for f in stores if zarr and not f.startswith("."))
        yield from (Path(root, f) for f in files if wanted(Path(f)))


def _looks_like_image(path: Path, endings: tuple[str, ...]) -> bool:
    """Judge by the name alone; `path` is relative to the folder that was given."""
    name = path.name.lower()
    hidden = any(part.startswith(".") for part in path.parts)
    return name.endswith(endings) and not name.endswith(OUTPUT_ENDINGS) and not hidden


def _fixed_part(pattern: Path) -> Path:
    fixed = []
    for part in pattern.parts:
        if glob.has_magic(part):
            break
        fixed.append(part)
    return Path(*fixed)


def _refuse_clashes(images: Iterable[InputImage]) -> None:
    seen: dict[str, InputImage] = {}
    for image in images:
        other = seen.setdefault(image.stem.casefold(), image)
        if other is not image:
            raise UsageError(
                f"two inputs would have the same output name: {other.path} and {image.path}; "
                "rename one, or give their common folder so that sub-folders keep them apart"
            )
