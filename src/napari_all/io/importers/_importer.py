"""What an import format is; the registry of formats is `napari_all.io.importers.IMPORTERS`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from napari_all.io.images import MAX_PIXELS
from napari_all.io.masks import LabelsFile
from napari_all.io.sidecar import Sidecar
from napari_all.types import ClassesMap, LabelImage


@dataclass(frozen=True)
class ImportRequest:
    """What is known before a file is read.

    Attributes
    ----------
    max_pixels
        Largest width times height of a label image that is made.
    shape
        (Y, X) of the image, for formats that hold outlines only; None where it is not known.
    labels_of
        Gives the label image of an image by its name, for tables, which hold no outlines; raises `MaskError` where
        there is none. None where nobody said where label images lie.
    """

    max_pixels: int = MAX_PIXELS
    shape: tuple[int, int] | None = None
    labels_of: Callable[[str], LabelsFile] | None = None


@dataclass(frozen=True)
class Imported:
    """The cells of one image, as another program knows them.

    Attributes
    ----------
    image
        POSIX name of the image as the file tells it; empty where it does not.
    labels
        (Y, X) int32.
    sidecar
        Pixel size, `parts` and, in napari-all's own exports, how the labels were made.
    classes
        (Y, X) uint8 classes map, or None where nothing is known of the parts.
    cell_classes
        Classes given to cells, by label.
    notes
        What could not be taken over, in words.
    """

    image: str
    labels: LabelImage
    sidecar: Sidecar
    classes: ClassesMap | None = None
    cell_classes: Mapping[int, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Importer:
    """Entry of the registry of import formats.

    Attributes
    ----------
    name, title, summary
        Key, display name and one sentence for people.
    endings
        What names of such files end with, longest first: for the search of folders, and left out of the image's name.
    recognises
        (path) -> whether the content is of this format; reads little, and no two formats claim one file.
    read
        (path, request) -> the images in the file, made as they are asked for. Raises `MaskError`; what decoders raise
        on damage may come through, `read_cells` turns it into one.
    images
        (path) -> names of the images in a file that holds several; None for formats of one image.
    """

    name: str
    title: str
    summary: str
    endings: tuple[str, ...]
    recognises: Callable[[Path], bool]
    read: Callable[[Path, ImportRequest], Iterator[Imported]]
    images: Callable[[Path], list[str]] | None = None
