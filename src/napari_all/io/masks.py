"""Label images and classes maps on disk: exact, compressed, with a JSON sidecar that tells how they came about.

`<stem>_labels.tif` holds instances (uint16, or uint32 beyond 65,535 cells), `<stem>_classes.tif` the classes
map (uint8), `<stem>_labels.json` the sidecar. The sidecar is written last: it vouches for the other two.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image
from tifffile import TiffFile, TiffPage

from napari_all import __version__
from napari_all.errors import MaskError
from napari_all.files import atomic_path, write_json
from napari_all.io import scale
from napari_all.io.sidecar import SIDECAR_VERSION, Sidecar, read_sidecar, sidecar_path
from napari_all.io.tiff import DAMAGE, check_whole, pixel_size
from napari_all.types import ClassesMap, LabelImage

LABELS_ENDING = "_labels.tif"
CLASSES_ENDING = "_classes.tif"
UNCERTAINTY_ENDING = "_uncertainty.tif"
SMUDGES_ENDING = "_smudges.tif"


@dataclass(frozen=True)
class LabelsFile:
    """A label image as read: pixels, and sidecar, classes map and (y, x) pixel size where there are any."""

    labels: LabelImage
    classes: ClassesMap | None
    sidecar: Sidecar | None
    pixel_size_um: scale.PixelSize = None


def classes_path(labels_path: Path) -> Path:
    """Return where the classes map written with a label image lies."""
    stem = labels_path.name.removesuffix(LABELS_ENDING)
    return labels_path.with_name((stem if stem != labels_path.name else labels_path.stem) + CLASSES_ENDING)


def write_labels(path: Path, labels: NDArray[Any], sidecar: Sidecar, classes: ClassesMap | None = None) -> list[Path]:
    """Write a label image with its sidecar and, if given, its classes map; each file whole or not at all.

    Parameters
    ----------
    path
        `<stem>_labels.tif`; the others are named after it.
    labels
        (Y, X) integers, 0 = background; numbers need not be contiguous.
    sidecar
        Provenance; its `shape`, `cells` and `classes` are set here.
    classes
        (Y, X) uint8 classes map.

    Returns
    -------
    The files written.

    Raises
    ------
    MaskError
        Labels are negative, too large, or of another shape than the classes map.
    SaveError
        The disk refuses; what stood there is untouched.
    """
    stored = storable(labels)
    written = []
    if classes is not None:
        if classes.shape != labels.shape:
            raise MaskError(f"classes map is {classes.shape}, labels are {labels.shape}; give both of one image")
        write_plane(classes_path(path), classes.astype(np.uint8, copy=False), sidecar.pixel_size_um)
        written.append(classes_path(path))
    write_plane(path, stored, sidecar.pixel_size_um)
    facts = sidecar.updated(
        schema_version=SIDECAR_VERSION,
        shape=labels.shape,
        cells=np.count_nonzero(np.unique(stored)),
        classes=classes_path(path).name if classes is not None else None,
    )
    write_json(sidecar_path(path), facts.model_dump(mode="json"))
    return [path, *written, sidecar_path(path)]


def write_numbers(path: Path, labels: NDArray[Any], pixel_size_um: scale.PixelSize) -> None:
    """Write numbered areas, (Y, X) integers >= 0, as uint16 or, beyond 65,535, as uint32; `MaskError` for others."""
    write_plane(path, storable(labels), pixel_size_um)


def write_plane(path: Path, plane: NDArray[Any], pixel_size_um: scale.PixelSize) -> None:
    """Write one (Y, X) plane as a deflate-compressed TIFF that carries the pixel size as its resolution."""
    with atomic_path(path) as temporary:
        tifffile.imwrite(
            temporary,
            plane,
            photometric="minisblack",
            compression="zlib",
            metadata=None,
            software=f"napari-all {__version__}",
            resolution=scale.pixels_per_cm(pixel_size_um),
            resolutionunit="CENTIMETER" if pixel_size_um else None,
        )


def read_labels(path: Path, max_pixels: int | None = None) -> LabelsFile:
    """Read a label image of ours or of another program (TIFF or PNG, any integer type, palette indices).

    Parameters
    ----------
    max_pixels
        Largest width times height that is decoded, for files of strangers; None = any.

    Returns
    -------
    Labels as (Y, X) int32 exactly as stored, with sidecar and classes map where they lie beside it.

    Raises
    ------
    MaskError
        The file is no single plane of whole numbers >= 0, is damaged, or its sidecar or classes map does not
        fit it.
    """
    plane, size = _read_plane(path, max_pixels)
    labels = as_labels(plane, path.name)
    sidecar = read_sidecar(path)
    if sidecar is not None and sidecar.shape is not None and sidecar.shape != labels.shape:
        raise MaskError(
            f"{path.name} is {labels.shape} but its sidecar says {sidecar.shape}; "
            f"restore the file or delete {sidecar_path(path).name}"
        )
    classes = None
    beside = path.with_name(sidecar.classes) if sidecar and sidecar.classes else classes_path(path)
    if beside != path and beside.exists():
        classes = read_classes(beside)
        if classes.shape != labels.shape:
            raise MaskError(f"{beside.name} is {classes.shape} but {path.name} is {labels.shape}")
    return LabelsFile(labels, classes, sidecar, sidecar.pixel_size_um if sidecar else size)


def read_classes(path: Path) -> ClassesMap:
    """Read a classes map, (Y, X) uint8 of 0, 1, 2; `MaskError` for anything else."""
    return as_classes(read_plane(path), path.name)


def as_classes(plane: NDArray[Any], name: str) -> ClassesMap:
    """Return a plane of 0, 1, 2 as classes map, (Y, X) uint8; `MaskError` for others."""
    if plane.max(initial=0) > 2 or plane.min(initial=0) < 0:
        raise MaskError(f"{name} holds values up to {plane.max()}; a classes map holds only 0, 1 and 2")
    return plane.astype(np.uint8)


def read_plane(path: Path) -> NDArray[Any]:
    """Read the one (Y, X) plane of numbers in a TIFF or PNG, unscaled; `MaskError` when it holds no such plane."""
    return _read_plane(path, None)[0]


def _read_plane(path: Path, max_pixels: int | None) -> tuple[NDArray[Any], scale.PixelSize]:
    """Return the plane and the (y, x) pixel size that the file tells."""
    try:
        if path.suffix.lower() in (".tif", ".tiff"):
            with TiffFile(path) as tif:
                for series in tif.series:
                    if max_pixels is not None and series.size > max_pixels:
                        raise _too_large(path.name, series.size, max_pixels)
                    check_whole(tif, series, path.name)
                plane, size = _without_ones(tif.asarray()), tiff_size(tif)
        else:
            with Image.open(path) as image:
                if max_pixels is not None and image.width * image.height > max_pixels:
                    raise _too_large(path.name, image.width * image.height, max_pixels)
                plane, size = np.asarray(image), _png_size(image)
    except FileNotFoundError as error:
        raise MaskError(f"mask {path.name} does not exist; check the folder") from error
    except DAMAGE as error:
        if isinstance(error, MaskError):
            raise
        raise MaskError(f"mask {path.name} cannot be read ({error}); copy it again") from error
    if plane.ndim != 2:
        raise MaskError(f"mask {path.name} has shape {plane.shape}; a mask is one grey or indexed plane (Y, X)")
    return plane, size


def _without_ones(stack: NDArray[Any]) -> NDArray[Any]:
    """Drop axes of one, but not those of an image that is one pixel wide or high."""
    ones = [axis for axis in range(stack.ndim) if stack.shape[axis] == 1]
    return np.squeeze(stack, axis=tuple(ones[: max(0, stack.ndim - 2)]))


def tiff_size(tif: TiffFile) -> scale.PixelSize:
    """Return the (y, x) size of a pixel in micrometres that an open TIFF tells, or None."""
    page = tif.pages.first
    return pixel_size(tif, page) if isinstance(page, TiffPage) else None


def _png_size(image: Image.Image) -> scale.PixelSize:
    if "dpi" not in image.info:
        return None
    x_dpi, y_dpi = (float(value) for value in image.info["dpi"])
    return scale.from_resolution(y_dpi, x_dpi, unit_um=25400)


def _too_large(name: str, count: int, most: int) -> MaskError:
    return MaskError(f"mask {name} has {count:,} pixels, over the limit of {most:,}; raise the limit (--max-pixels)")


def as_labels(plane: NDArray[Any], name: str) -> LabelImage:
    """Return a plane of whole numbers as labels, (Y, X) int32; `MaskError` for others."""
    if plane.dtype.kind == "f" and not np.array_equal(plane, np.round(plane)):
        raise MaskError(f"mask {name} holds fractions; labels are whole numbers, 0 = background")
    if plane.min(initial=0) < 0 or plane.max(initial=0) > np.iinfo(np.int32).max:
        raise MaskError(f"mask {name} holds {plane.min()}..{plane.max()}; labels go from 0 to 2147483647")
    return plane.astype(np.int32)


def storable(labels: NDArray[Any]) -> NDArray[Any]:
    """Return labels as uint16 or, beyond 65,535, as uint32; `MaskError` for anything but (Y, X) integers >= 0."""
    if labels.ndim != 2 or labels.dtype.kind not in "iub":
        raise MaskError(f"labels have shape {labels.shape}, type {labels.dtype}; give one (Y, X) plane of integers")
    if labels.min(initial=0) < 0:
        raise MaskError(f"labels go down to {labels.min()}; 0 is background and cells are counted from 1")
    return labels.astype(np.uint16 if labels.max(initial=0) <= 65_535 else np.uint32)
