"""Slides as napari shows them: multiscale layers that read only what is on the screen."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import dask.array as da
import tifffile
import zarr
from napari.layers import Image, Labels

from napari_all.gui.layer_colours import cells_colormap
from napari_all.gui.layer_notes import KEY, ImageNotes
from napari_all.gui.layers import FILE_KEY, Origin, calibrated
from napari_all.io.sidecar import Sidecar, read_sidecar
from napari_all.io.slides import Level, open_slide

OPEN_KEY = "napari-all open file"
"""Metadata that keeps a layer's file open for as long as the layer lives."""


def slide_layer(path: Path) -> Image:
    """Return a slide as a multiscale image layer; `ImageError` where it cannot be read."""
    stack = ExitStack()
    slide = stack.enter_context(open_slide(path))
    levels = [_lazy(level) for level in slide.levels]
    metadata = {KEY: ImageNotes(slide.record), OPEN_KEY: stack}
    placed = calibrated(slide.record.pixel_size_um)
    return Image(levels, name=path.stem, rgb=True, multiscale=True, metadata=metadata, **placed)


def slide_labels_layer(path: Path) -> Labels:
    """Return the label image of a slide, with its smaller copies; it is to look at, and cannot be painted on."""
    stack = ExitStack()
    tif = stack.enter_context(tifffile.TiffFile(path))
    series = tif.series[0]
    levels = [da.from_zarr(zarr.open(series.aszarr(level=k), mode="r")) for k in range(len(series.levels))]
    sidecar = read_sidecar(path) or Sidecar()
    layer = Labels(
        levels,
        name=path.stem,
        multiscale=True,
        opacity=0.55,
        colormap=cells_colormap(),
        metadata={KEY: Origin(sidecar), OPEN_KEY: stack, FILE_KEY: path},
        **calibrated(sidecar.pixel_size_um),
    )
    layer.editable = False
    return layer


def _lazy(level: Level) -> Any:
    """Return a level as a dask array of (Y, X, 3), read block by block."""
    side = 1024
    height, width = level.shape
    chunks = tuple((side,) * (n // side) + ((n % side,) if n % side else ()) for n in (height, width))

    def read(block_info: Any = None) -> Any:
        (y0, y1), (x0, x1), _ = block_info[None]["array-location"]
        return level[slice(y0, y1), slice(x0, x1)]

    return da.map_blocks(read, chunks=(*chunks, (3,)), dtype="uint8", meta=level[slice(0, 1), slice(0, 1)][:0])
