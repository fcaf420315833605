"""Which mask belongs to which image: by name, in the same sub-folder, exactly one, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_all.errors import UsageError
from napari_all.io.inputs import InputImage

MASK_ENDINGS = (
    "_labels.tif", "_labels.tiff", "_labels.png", "_mask.png", "_mask.tif", ".png", ".tif", ".tiff",
)  # fmt: skip
"""What may follow an image's stem in the name of its mask."""


@dataclass(frozen=True)
class Pair:
    """An image, or what stands for one, and its mask."""

    image: InputImage
    mask: Path


def mask_of(image: InputImage, folder: Path) -> Path | None:
    """Return the one mask of an image in a folder, or None where there is none.

    The mask lies in the image's sub-folder of `folder` and is named after the image's stem, with an ending of
    `MASK_ENDINGS`; the image itself is never its own mask.

    Raises
    ------
    UsageError
        When two files could be meant; the message names them.
    """
    own = image.path.resolve()
    candidates = [folder / f"{image.stem}{ending}" for ending in MASK_ENDINGS]
    masks = [c for c in candidates if c.is_file() and c.resolve() != own]
    if len(masks) > 1:
        names = " and ".join(m.name for m in masks)
        raise UsageError(f"which mask belongs to {image.name} is not clear: {names}; keep one of them in the folder")
    return masks[0] if masks else None


def pair_images(images: Sequence[InputImage], folder: Path) -> tuple[tuple[Pair, ...], tuple[InputImage, ...]]:
    """Return the pairs and the images without a mask, both in the order of `images`."""
    if not folder.is_dir():
        raise UsageError(f"mask folder {folder.name!r} does not exist; give the folder that holds the masks")
    found = [(image, mask_of(image, folder)) for image in images]
    return (
        tuple(Pair(image, mask) for image, mask in found if mask is not None),
        tuple(image for image, mask in found if mask is None),
    )
