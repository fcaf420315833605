"""Label planes of any size as tiled BigTIFF with smaller copies, written and read tile by tile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_all import __version__
from napari_all.errors import MaskError
from napari_all.files import atomic_path
from napari_all.io import scale
from napari_all.io.tiff import DAMAGE, check_whole

TILE_PX = 512
_STEP, _LARGEST_LAST_PX = 4, 2048

Reader: TypeAlias = Callable[[slice, slice], NDArray[Any]]
"""Gives rows and columns of a plane; the slices may have steps."""


def write_pyramid(
    path: Path, read: Reader, shape: tuple[int, int], dtype: np.dtype[Any], pixel_size_um: scale.PixelSize
) -> None:
    """Write a plane and copies of it that are 4, 16 … times smaller (every so many pixels), whole or not at all.

    Parameters
    ----------
    read
        Gives the pixels; asked for a tile at a time.
    shape
        (Y, X) of the plane.

    Raises
    ------
    SaveError
        The disk refuses; what stood there is untouched.
    """
    steps = [1]
    while max(shape) / steps[-1] > _LARGEST_LAST_PX:
        steps.append(steps[-1] * _STEP)
    density = scale.pixels_per_cm(pixel_size_um)
    with atomic_path(path) as temporary, tifffile.TiffWriter(temporary, bigtiff=True) as tif:
        for step in steps:
            tif.write(
                (tile.astype(dtype) for tile in _tiles(read, shape, step)),
                shape=tuple(-(-n // step) for n in shape),
                dtype=dtype,
                tile=(TILE_PX, TILE_PX),
                photometric="minisblack",
                compression="zlib",
                metadata=None,
                software=f"napari-all {__version__}",
                subifds=len(steps) - 1 if step == 1 else None,
                subfiletype=0 if step == 1 else 1,
                resolution=None if density is None else (density[0] / step, density[1] / step),
                resolutionunit=None if density is None else "CENTIMETER",
            )


@contextmanager
def open_plane(path: Path) -> Iterator[tuple[Reader, tuple[int, int], np.dtype[Any]]]:
    """Open a label plane for reading piece by piece; give a reader, the shape (Y, X) and the type.

    Raises `MaskError` where it is missing, damaged or no single plane.
    """
    import zarr

    try:
        with tifffile.TiffFile(path) as tif:
            series = tif.series[0]
            check_whole(tif, series, path.name)
            array: Any = zarr.open(series.aszarr(level=0), mode="r")
            if array.ndim != 2:
                raise MaskError(f"mask {path.name} has shape {array.shape}; a mask is one plane (Y, X)")
            yield lambda rows, columns: np.asarray(array[rows, columns]), array.shape, array.dtype
    except FileNotFoundError as error:
        raise MaskError(f"mask {path.name} does not exist; check the folder") from error
    except DAMAGE as error:
        if isinstance(error, MaskError):
            raise
        raise MaskError(f"mask {path.name} cannot be read ({error}); copy it again") from error


def _tiles(read: Reader, shape: tuple[int, int], step: int) -> Iterator[NDArray[Any]]:
    """Yield the tiles of a plane thinned by a step, in raster order; beyond the edge are zeros."""
    sides = [
        [slice(at, min(size, at + TILE_PX * step), step) for at in range(0, size, TILE_PX * step)] for size in shape
    ]
    for rows, columns in product(*sides):
        tile = read(rows, columns)
        yield np.pad(tile, [(0, TILE_PX - n) for n in tile.shape])
