"""Read folders of image/mask pairs for training: which belong together, what the numbers mean, what does not count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_all.data.mask_items import (
    BACKGROUND,
    SMUDGE,
    MaskItem,
    make_item,
    typical_diameter,
)
from napari_all.data.mask_values import CLASSES_VALUES, MaskCode, MaskParts, numbers, read_codes
from napari_all.errors import MaskError, UsageError
from napari_all.io.images import read_image
from napari_all.io.inputs import InputImage, find_images
from napari_all.io.masks import classes_path
from napari_all.io.pairing import MASK_ENDINGS, Pair, mask_of
from napari_all.io.sidecar import read_sidecar

IGNORE_ENDINGS = ("_ignore.png", "_ignore.tif")
SMUDGE_ENDINGS = ("_smudges.png", "_smudges.tif")

_NO_IMAGES = (*(e for e in MASK_ENDINGS if e.startswith("_")), *IGNORE_ENDINGS, *SMUDGE_ENDINGS)


@dataclass(frozen=True)
class MaskFolder:
    """Images and masks that belong together.

    Attributes
    ----------
    pairs
        One mask per image, in the order of the images' names.
    without_mask
        Names of images that have none.
    predicted
        Names of images whose mask is a prediction that nobody corrected or accepted; left out.
    code
        What the masks' numbers mean, where a mask has no sidecar that tells.
    parts
        What a mask of labels or of one class outlines.
    """

    pairs: tuple[Pair, ...]
    without_mask: tuple[str, ...]
    predicted: tuple[str, ...]
    code: MaskCode
    parts: MaskParts


def find_pairs(
    images: Path, masks: Path, *, code: MaskCode = "auto", parts: MaskParts = "cell", use_predicted: bool = False
) -> MaskFolder:
    """Pair the images of a folder with the masks of another (or the same) one.

    A mask lies in its image's sub-folder and is named after it (`napari_all.io.pairing`); where the mask folder has no
    sub-folders, the bare name decides, and must then be unique.

    Raises
    ------
    UsageError
        A folder is missing, no image has a mask, two files could be meant, or every mask is a mere prediction.
    """
    for folder, what in ((images, "images"), (masks, "masks")):
        if not folder.is_dir():
            raise UsageError(f"folder {str(folder)!r} does not exist; give the folder that holds the {what}")
    found = find_images([images])
    if (place := masks.resolve()) == images.resolve():
        found = tuple(image for image in found if not image.path.name.endswith(_NO_IMAGES))
    else:
        found = tuple(image for image in found if not image.path.resolve().is_relative_to(place))
    flat = not any(p.is_dir() and not p.name.startswith(".") for p in masks.iterdir())
    named = _by_bare_name(found) if flat else [(image, image) for image in found]
    pairs, without, predicted = [], [], []
    for image, as_named in named:
        mask = mask_of(as_named, masks)
        if mask is None:
            without.append(image.name)
        elif not use_predicted and _is_mere_prediction(mask):
            predicted.append(image.name)
        else:
            pairs.append(Pair(image, mask))
    if not pairs and predicted:
        raise UsageError(
            f"all {len(predicted)} masks in {masks.name!r} are predictions; correct or accept some first, "
            "or allow predictions to be trained on (use_predicted)"
        )
    if not pairs:
        endings = ", ".join(f"<name>{e}" for e in MASK_ENDINGS)
        raise UsageError(f"no image of {images.name!r} has a mask in {masks.name!r}; masks are named {endings}")
    return MaskFolder(tuple(pairs), tuple(without), tuple(predicted), _code_of(pairs, code), parts)


@dataclass(frozen=True)
class MaskPlanes:
    """What the files of one mask say; all (Y, X).

    Attributes
    ----------
    codes
        uint8 codes of `napari_all.data.mask_items`, background to cell.
    cells
        Instances, or bool where the mask does not part them.
    ignore, smudges
        bool; None where there is no such file.
    """

    codes: NDArray[np.uint8]
    cells: NDArray[np.integer] | NDArray[np.bool_]
    ignore: NDArray[np.bool_] | None
    smudges: NDArray[np.bool_] | None


def read_mask(pair: Pair, folder: MaskFolder, shape: tuple[int, int]) -> MaskPlanes:
    """Read the mask of an image of `shape`, with what lies beside it; `MaskError` where they do not fit."""
    codes, cells = read_codes(pair.mask, folder.code, folder.parts)
    stem = PurePosixPath(pair.image.stem).name
    planes = MaskPlanes(codes, cells, _extra(pair.mask, stem, IGNORE_ENDINGS), _extra(pair.mask, stem, SMUDGE_ENDINGS))
    for plane, what in ((codes, "mask"), (planes.ignore, "ignore mask"), (planes.smudges, "mask of smudges")):
        _check_shape(plane, shape, what, pair)
    return planes


def load_item(pair: Pair, folder: MaskFolder, ignore: Path | None = None) -> MaskItem:
    """Read one image with its mask, ignored areas and smudge cells.

    Parameters
    ----------
    pair
        One of `folder.pairs`.
    ignore
        Folder of ignore masks; without it they are looked for beside the mask (`<stem>_ignore.png`).

    Raises
    ------
    ImageError, MaskError
        A file cannot be read, or mask and image differ in shape.
    """
    _, rgb = read_image(pair.image.path)
    mask = read_mask(pair, folder, (rgb.shape[0], rgb.shape[1]))
    codes, ignored, smudges = mask.codes, mask.ignore, mask.smudges
    if ignore is not None:
        beside = mask_of(InputImage(pair.image.path, pair.image.name), ignore) or mask_of(
            InputImage(pair.image.path, PurePosixPath(pair.image.name).name), ignore
        )
        ignored = numbers(beside) > 0 if beside else None
        _check_shape(ignored, rgb.shape[:2], "ignore mask", pair)
    if smudges is not None:
        codes = np.where(smudges & (codes == BACKGROUND), np.uint8(SMUDGE), codes)
    hidden = np.zeros(codes.shape, bool) if ignored is None else ignored
    return make_item(pair.image.name, rgb, codes, hidden, typical_diameter(mask.cells))


def _check_shape(plane: NDArray[Any] | None, shape: tuple[int, ...], what: str, pair: Pair) -> None:
    if plane is not None and plane.shape != shape:
        raise MaskError(f"{what} of {pair.image.name} is {plane.shape}, the image {shape}; both must show one field")


def _by_bare_name(images: Sequence[InputImage]) -> list[tuple[InputImage, InputImage]]:
    seen: dict[str, str] = {}
    named = []
    for image in images:
        bare = InputImage(image.path, PurePosixPath(image.name).name)
        if (other := seen.setdefault(bare.stem, image.name)) != image.name:
            raise UsageError(
                f"{other} and {image.name} have one name, and the mask folder has no sub-folders to tell them apart; "
                "put the masks into the sub-folders of their images"
            )
        named.append((image, bare))
    return named


def _is_mere_prediction(mask: Path) -> bool:
    sidecar = read_sidecar(mask)
    return sidecar is not None and sidecar.status == "predicted"


def _code_of(pairs: Sequence[Pair], code: MaskCode) -> MaskCode:
    """Tell what the numbers mean from the values of all masks without a sidecar together."""
    if code != "auto":
        return code
    values: set[int] = set()
    for pair in pairs:
        if read_sidecar(pair.mask) is None and not classes_path(pair.mask).exists():
            values |= set(np.unique(numbers(pair.mask)).tolist())
            if len(values) > 3:
                return "labels"
    if any(values == known for known in CLASSES_VALUES):
        return "classes"
    return "binary" if len(values) == 2 else "labels"


def _extra(mask: Path, stem: str, endings: Sequence[str]) -> NDArray[np.bool_] | None:
    found = [path for ending in endings if (path := mask.with_name(f"{stem}{ending}")).exists()]
    return numbers(found[0]) > 0 if found else None
