"""Readers for napari: label files with their sidecar, and images that napari's own reader shows wrongly."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from napari.layers import Image, Labels
from napari.utils.notifications import show_info

from napari_all.errors import ImageError, MaskError
from napari_all.gui.layer_notes import ImageNotes
from napari_all.gui.layers import FILE_KEY, Origin, image_layer, labels_layer
from napari_all.gui.slides import slide_labels_layer, slide_layer
from napari_all.io.cell_class_table import read_cell_classes
from napari_all.io.images import read_image
from napari_all.io.importers import Imported, ImportRequest
from napari_all.io.importing import read_cells, recognise
from napari_all.io.masks import LABELS_ENDING, read_labels
from napari_all.io.sidecar import Sidecar
from napari_all.io.slides import is_slide
from napari_all.segmentation.measure import measure_cells, with_classes
from napari_all.types import LabelImage, RGBImage

LayerData = tuple[Any, dict[str, Any], str]
Reader = Callable[[str | Sequence[str]], list[LayerData]]


def get_labels_reader(path: str | Sequence[str]) -> Reader | None:
    """Return a reader for `*_labels.tif`, or None for other files."""
    return _read_labels if all(p.endswith(LABELS_ENDING) for p in _paths(path)) else None


def get_image_reader(path: str | Sequence[str]) -> Reader | None:
    """Return a reader for single colour images and slides; None leaves stacks, grey images and the like to napari.

    The file is read here already, because only its content tells what it is.
    """
    if any(p.endswith(LABELS_ENDING) for p in _paths(path)):
        return None
    layers: list[LayerData] = []
    for one in _paths(path):
        try:
            if is_slide(Path(one)):
                layers.append(slide_layer(Path(one)).as_layer_data_tuple())
                continue
            record, rgb = read_image(Path(one))
        except ImageError:
            return None
        if not _has_colour(rgb):
            return None
        layer = image_layer(rgb, Path(one).stem, ImageNotes(record), record.pixel_size_um)
        layers.append(layer.as_layer_data_tuple())
    return lambda _: layers


def get_cells_reader(path: str | Sequence[str]) -> Reader | None:
    """Return a reader for cells of other programs (QuPath, ImageJ, COCO …), told by their content, else None."""
    try:
        formats = [recognise(Path(one)) for one in _paths(path)]
    except MaskError:
        return None

    def read(_: str | Sequence[str]) -> list[LayerData]:
        pairs = zip(_paths(path), formats, strict=True)
        found = [(Path(one), cells) for one, kind in pairs for cells in read_cells(Path(one), kind, ImportRequest())]
        return [_imported_layer(file, cells).as_layer_data_tuple() for file, cells in found]

    return read


def _imported_layer(path: Path, found: Imported) -> Labels:
    for note in found.notes:
        show_info(f"{path.name}: {note}")
    name = Path(found.sidecar.image or found.image or path.name).stem
    return _cells_layer(name, found.labels, Origin(found.sidecar, found.classes), found.cell_classes)


def read_labels_layer(path: Path) -> Labels:
    """Read a label image with sidecar, classes map and classes of cells; cells are measured on the way."""
    found = read_labels(path)
    try:
        given = read_cell_classes(path)
    except (OSError, ValueError, KeyError) as error:
        raise MaskError(
            f"the classes of cells beside {path.name} are damaged ({error}); restore or delete them"
        ) from error
    layer = _cells_layer(path.stem, found.labels, Origin(found.sidecar or Sidecar(), found.classes), given)
    layer.metadata[FILE_KEY] = path
    return layer


def _cells_layer(name: str, labels: LabelImage, made: Origin, given: Mapping[int, str]) -> Labels:
    cells = with_classes(measure_cells(labels, made.classes, made.sidecar.parts or "cell"), given)
    return labels_layer(labels, name, made, [dataclasses.asdict(cell) for cell in cells])


def read_image_layer(path: Path) -> Image:
    """Read an image as RGB uint8, with its pixel size as the layer's scale."""
    record, rgb = read_image(path)
    return image_layer(rgb, path.stem, ImageNotes(record), record.pixel_size_um)


def _read_labels(path: str | Sequence[str]) -> list[LayerData]:
    read = [slide_labels_layer(Path(p)) if is_slide(Path(p)) else read_labels_layer(Path(p)) for p in _paths(path)]
    return [layer.as_layer_data_tuple() for layer in read]


def _has_colour(rgb: RGBImage) -> bool:
    return bool((rgb[..., 0] != rgb[..., 1]).any() or (rgb[..., 1] != rgb[..., 2]).any())


def _paths(path: str | Sequence[str]) -> list[str]:
    return [path] if isinstance(path, str) else list(path)
