"""What is known of the viewer's images and of a folder's: the rows of the Subtype widget's table. Knows no Qt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from napari.layers import Image, Layer

from napari_all.gui.layer_notes import ImageNotes, image_notes
from napari_all.types import Prediction, RGBImage


@dataclass(frozen=True, eq=False)
class Entry:
    """One image: in a layer, in a file of a folder, or both.

    Attributes
    ----------
    name
        What the table and the exports call it.
    prediction, error
        One of them is None.
    path
        Its file, if it is known.
    layer
        Its layer, while it is open.
    thumbnail
        (S, S, 3) uint8; None until somebody looks at it.
    cam_in_cells
        Share of the Grad-CAM heat inside white cells, 0..1, once it was asked for.
    """

    name: str
    prediction: Prediction | None = None
    error: str | None = None
    path: Path | None = None
    layer: Image | None = None
    thumbnail: RGBImage | None = None
    cam_in_cells: float | None = None


class Entries:
    """Rows of a folder that was classified, then of the layers that were."""

    def __init__(self) -> None:
        self._folder: list[Entry] = []

    def set_folder(self, folder: Path, rows: Sequence[Mapping[str, Any]]) -> None:
        """Take over what the job `classify_folder` found."""
        self._folder = [
            Entry(row["image"], prediction_from(row["prediction"]), row["error"], folder / row["image"]) for row in rows
        ]

    def keep_thumbnails(self, found: Mapping[Path, RGBImage]) -> None:
        """Take over thumbnails of the folder's files."""
        self._folder = with_thumbnails(self._folder, found)

    def rows(self, layers: Iterable[Layer]) -> list[Entry]:
        """Return one entry per image; what a layer says of a file of the folder counts more, for it is newer."""
        layers = [layer for layer in layers if isinstance(layer, Image)]
        open_files = {path: layer for layer in reversed(layers) if (path := path_of(layer)) is not None}
        known = [_opened(entry, open_files.get(entry.path)) if entry.path else entry for entry in self._folder]
        shown = {entry.path for entry in known}
        names = {entry.name for entry in known}
        for layer in layers:
            notes, path = image_notes(layer), path_of(layer)
            if notes.prediction is None or (path is not None and path in shown):
                continue
            name = layer.name if path is None or path.name in names else path.name
            names.add(name)
            known.append(_noted(Entry(name, path=path, layer=layer), notes))
        return known


def with_thumbnails(entries: Iterable[Entry], found: Mapping[Path, RGBImage]) -> list[Entry]:
    """Return entries with the thumbnails of their files, where there are some."""
    return [replace(e, thumbnail=found[e.path]) if e.path is not None and e.path in found else e for e in entries]


def path_of(layer: Layer) -> Path | None:
    """Return the file of an image layer, if it came from one."""
    record = image_notes(layer).record
    return None if record is None else record.path


def prediction_from(value: Mapping[str, Any] | None) -> Prediction | None:
    """Return the `Prediction` that the engine sent."""
    return None if value is None else Prediction(**{**value, "probabilities": tuple(value["probabilities"])})


def _opened(entry: Entry, layer: Image | None) -> Entry:
    return entry if layer is None else _noted(replace(entry, layer=layer), image_notes(layer))


def _noted(entry: Entry, notes: ImageNotes) -> Entry:
    found = replace(entry, cam_in_cells=notes.cam_in_cells)
    if notes.thumbnail is not None:
        found = replace(found, thumbnail=notes.thumbnail)
    return found if notes.prediction is None else replace(found, prediction=notes.prediction, error=None)
