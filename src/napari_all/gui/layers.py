"""The only converter between layers and what workflows take and give; it holds layers, never their names."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from napari.layers import Image, Labels, Layer
from numpy.typing import NDArray

from napari_all.classes import BACKGROUND, CYTOPLASM, NUCLEUS
from napari_all.errors import ImageError
from napari_all.files import sha256_array, sha256_file
from napari_all.gui.layer_colours import cells_colormap, classes_colormap, doubt_colormap, smudges_colormap
from napari_all.gui.layer_notes import KEY, ImageNotes, image_notes, note
from napari_all.io import pixels
from napari_all.io.images import MAX_PIXELS
from napari_all.io.sidecar import Sidecar
from napari_all.types import Cell, ClassesMap, ImageRecord, LabelImage, RGBImage

FILE_KEY = "napari_all_file"
"""Key under which a labels layer that was read from a label image keeps its path."""
PREVIEW_KEY = "napari_all_preview"
"""Marks layers that only show something and are never a result."""


@dataclass(frozen=True)
class Origin:
    """What a labels layer keeps beside its pixels.

    Attributes
    ----------
    sidecar
        How the labels came about; its `status` tells whether a person corrected them.
    classes
        (Y, X) uint8 classes map as it was made; `current_classes` cuts it to the labels as they are now. None
        where nothing is known of the parts.
    image
        The image layer that the labels were made from, if it is known.
    """

    sidecar: Sidecar
    classes: ClassesMap | None = None
    image: Image | None = None


def origin(layer: Labels) -> Origin:
    """Return what a labels layer keeps; nothing is known of labels drawn by hand."""
    kept = layer.metadata.get(KEY)
    return kept if isinstance(kept, Origin) else Origin(Sidecar(pixel_size_um=pixel_size_um(layer)))


def mark_corrected(layer: Labels, corrected: bool) -> None:
    """Note that a person has corrected or approved the labels, or take that back."""
    made = origin(layer)
    status = "corrected" if corrected else "predicted"
    layer.metadata[KEY] = dataclasses.replace(made, sidecar=made.sidecar.updated(status=status))


def is_smear(layer: Layer) -> bool:
    """Return whether a layer is an image that could be a smear."""
    return isinstance(layer, Image) and PREVIEW_KEY not in layer.metadata


def is_cells(layer: Layer) -> bool:
    """Return whether a layer holds labels of cells."""
    return isinstance(layer, Labels) and PREVIEW_KEY not in layer.metadata


def is_field_cells(layer: Layer) -> bool:
    """Return whether a layer holds the cells of one field; those of a slide are to look at, in pieces."""
    return isinstance(layer, Labels) and is_cells(layer) and not layer.multiscale


def to_rgb(layer: Image) -> RGBImage:
    """Return an image layer's pixels as (Y, X, 3) uint8 by the rules of `napari_all.io.images`.

    Raises
    ------
    ImageError
        For stacks and for pixels that have no one reading as a colour field.
    """
    stored = layer.data[0] if layer.multiscale else layer.data
    if math.prod(stored.shape[:2]) > MAX_PIXELS:
        raise ImageError(
            f"layer {layer.name!r} is a slide of {stored.shape[1]:,} × {stored.shape[0]:,} pixels, too large for one "
            "piece; run 'napari-all segment' on its file, which goes through it block by block"
        )
    data = np.asarray(stored)
    if data.ndim != (3 if layer.rgb else 2) or 0 in data.shape:
        raise ImageError(
            f"layer {layer.name!r} has the shape {data.shape}; choose one field: "
            "right-click the layer and use 'Split Stack', or 'Convert to RGB' for three channels"
        )
    if data.dtype == np.bool_:
        data = data.astype(np.uint8) * np.uint8(255)
    elif np.issubdtype(data.dtype, np.floating):
        if not np.isfinite(data).all() or data.min() < 0 or data.max() > 1:
            raise ImageError(f"layer {layer.name!r} holds numbers outside 0..1; convert it to 8-bit or 16-bit RGB")
        data = np.rint(data * 255).astype(np.uint8)
    elif data.dtype != np.uint8:
        pixels.check_dtype(data.dtype, f"layer {layer.name!r}")
        data = pixels.to_uint8(data, pixels.significant_bits(data))
    if data.ndim == 2:
        return pixels.grey_to_rgb(data)
    return pixels.over_white(data[..., :3], data[..., 3]) if data.shape[2] == 4 else np.ascontiguousarray(data)


def record_of(layer: Image) -> ImageRecord:
    """Return where an image layer came from; files are hashed, arrays too."""
    known = image_notes(layer).record
    if known is not None:
        return known
    rgb = to_rgb(layer)
    path = Path(layer.source.path) if layer.source.path else None
    from_file = path is not None and path.is_file()
    record = ImageRecord(
        path=path if from_file else None,
        sha256=sha256_file(path) if path is not None and from_file else sha256_array(rgb),
        shape=(rgb.shape[0], rgb.shape[1]),
        pixel_size_um=pixel_size_um(layer),
        source="napari layer",
    )
    note(layer, record=record)
    return record


def pixel_size_um(layer: Layer) -> tuple[float, float] | None:
    """Return the (y, x) size of a pixel in micrometres, or None where the layer's unit is no length."""
    try:
        y, x = (float((1 * unit).to("micrometer").magnitude) for unit in layer.units[-2:])
    except Exception:
        return None
    return y * float(layer.scale[-2]), x * float(layer.scale[-1])


def placement(layer: Layer) -> dict[str, Any]:
    """Return the arguments that put a new layer onto `layer`."""
    return {
        "scale": tuple(layer.scale[-2:]),
        "translate": tuple(layer.translate[-2:]),
        "units": tuple(layer.units[-2:]),
    }


def as_labels(layer: Labels) -> NDArray[np.int32]:
    """Return a labels layer's pixels as (Y, X) int32."""
    data = np.asarray(layer.data[0] if layer.multiscale else layer.data)
    if data.ndim != 2:
        raise ImageError(f"layer {layer.name!r} has the shape {data.shape}; choose labels of one field (Y, X)")
    return data.astype(np.int32, copy=False)


def current_classes(labels: NDArray[np.int32], made: Origin) -> ClassesMap | None:
    """Return the classes map cut to the labels as they are now.

    A pixel that a correction added to a cell counts as cytoplasm where parts are told apart, else as the whole cell.
    """
    if made.classes is None:
        return None
    added = CYTOPLASM if made.sidecar.parts == "nucleus+cytoplasm" else NUCLEUS
    inside = np.where(made.classes > 0, made.classes, added)
    return np.where(labels > 0, inside, BACKGROUND).astype(np.uint8)


def image_layer(rgb: RGBImage, name: str, notes: ImageNotes, size_um: tuple[float, float] | None = None) -> Image:
    """Make an image layer (not yet in a viewer)."""
    return Image(rgb, name=name, rgb=True, metadata={KEY: notes}, **calibrated(size_um))


def labels_layer(labels: NDArray[np.int32], name: str, made: Origin, cells: Sequence[Mapping[str, Any]] = ()) -> Labels:
    """Make a labels layer (not yet in a viewer) on top of its image."""
    where = placement(made.image) if made.image is not None else calibrated(made.sidecar.pixel_size_um)
    layer = Labels(labels.astype(np.int32), name=name, opacity=0.55, colormap=cells_colormap(), **where)
    layer.metadata[KEY] = made
    set_cells(layer, cells)
    return layer


def parts_layer(classes: ClassesMap, name: str, cells: Labels) -> Labels:
    """Make a layer that only shows a classes map: nucleus and cytoplasm, in the place of `cells`."""
    layer = Labels(classes.copy(), name=name, opacity=0.5, colormap=classes_colormap(), **placement(cells))
    layer.metadata[PREVIEW_KEY] = True
    layer.editable = False
    return layer


def smudges_layer(smudges: LabelImage, name: str, cells: Labels) -> Labels:
    """Make a layer that only shows the smudge cells that were left out, in the place of `cells`."""
    layer = Labels(smudges.copy(), name=name, opacity=0.8, colormap=smudges_colormap(), **placement(cells))
    layer.contour = outline_px(layer)
    layer.metadata[PREVIEW_KEY] = True
    layer.editable = False
    return layer


def uncertainty_layer(uncertainty: NDArray[np.uint8], name: str, cells: Labels) -> Image:
    """Make a layer that only shows how unsure a network was of each pixel; what is certain is clear."""
    layer = Image(uncertainty, name=name, contrast_limits=(0, 255), colormap=doubt_colormap(), **placement(cells))
    layer.metadata[PREVIEW_KEY] = True
    return layer


def outline_px(layer: Labels) -> int:
    """Return a width of outlines that is visible when the whole layer is in view."""
    height, width = layer.data.shape[-2:]
    return max(2, round(min(int(height), int(width)) / 300))


def show_outlines(layer: Labels, outlines: bool) -> None:
    """Show a labels layer as edges of a visible width, or as filled areas."""
    layer.contour = outline_px(layer) if outlines else 0
    layer.opacity = 0.9 if outlines else 0.55


def set_cells(layer: Labels, cells: Sequence[Mapping[str, Any]]) -> None:
    """Put measurements into the layer's table; napari finds a cell's row by the column `index`."""
    names = [field.name for field in dataclasses.fields(Cell)]
    table = pd.DataFrame([dict(cell) for cell in cells], columns=names)
    detail = names[names.index("touches_border") + 1 :]
    table = table.drop(columns=[name for name in detail if table[name].isna().all()])
    layer.features = table.astype({"label": int}).rename(columns={"label": "index"})


@lru_cache(maxsize=1)
def prepare_labels() -> None:
    """Let napari compile what its first labels layers need, about a second, before anybody waits for a result."""
    Labels(np.zeros((2, 2), np.int32), colormap=cells_colormap())
    Labels(np.zeros((2, 2), np.uint8), colormap=classes_colormap())


def calibrated(size: tuple[float, float] | None) -> dict[str, Any]:
    """Return the arguments that give a new layer its (y, x) pixel size in micrometres."""
    return {} if size is None else {"scale": size, "units": ("micrometer", "micrometer")}
