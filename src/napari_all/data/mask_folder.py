"""Read folders of image/mask pairs for training: which belong together, what the numbers mean, what does not count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_all.data.mask_items import (
    BACKGROUND,
    CELL,
    CYTOPLASM,
    NUCLEUS,
    SMUDGE,
    MaskItem,
    make_item,
    typical_diameter,
)
from napari_all.errors import MaskError, UsageError
from napari_all.io.images import read_image
from napari_all.io.inputs import InputImage, find_images
from napari_all.io.masks import classes_path, read_plane
from napari_all.io.pairing import MASK_ENDINGS, Pair, mask_of
from napari_all.io.sidecar import read_sidecar

MaskCode: TypeAlias = Literal["auto", "labels", "classes", "binary"]
MaskParts: TypeAlias = Literal["cell", "nucleus"]
IGNORE_ENDINGS = ("_ignore.png", "_ignore.tif")
SMUDGE_ENDINGS = ("_smudges.png", "_smudges.tif")

_NO_IMAGES = (*(e for e in MASK_ENDINGS if e.startswith("_")), *IGNORE_ENDINGS, *SMUDGE_ENDINGS)
_CLASSES_VALUES = ({0, 1, 2}, {0, 128, 255})
"""Codes of background, cytoplasm and nucleus: this project's and wbc-zheng's here, and wbc-zheng's as published."""


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
    codes, cells = _codes(pair.mask, folder)
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
        ignored = _numbers(beside) > 0 if beside else None
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
            values |= set(np.unique(_numbers(pair.mask)).tolist())
            if len(values) > 3:
                return "labels"
    if any(values == known for known in _CLASSES_VALUES):
        return "classes"
    return "binary" if len(values) == 2 else "labels"


def _codes(mask: Path, folder: MaskFolder) -> tuple[NDArray[np.uint8], NDArray[np.integer] | NDArray[np.bool_]]:
    """Return the codes of a mask, and its cells (instances where it has them) to measure the diameter on."""
    plane = _numbers(mask)
    sidecar = read_sidecar(mask)
    beside = mask.with_name(sidecar.classes) if sidecar and sidecar.classes else classes_path(mask)
    if beside != mask and beside.exists():
        return _with_classes(plane, beside, sidecar.parts if sidecar else None)
    if sidecar is None and folder.code == "classes":
        return _from_classes(plane, mask.name)
    parts = sidecar.parts if sidecar and sidecar.parts else folder.parts
    inside = np.uint8(NUCLEUS if parts == "nucleus" else CELL)
    cells = plane > 0 if sidecar is None and folder.code == "binary" else plane
    return np.where(plane > 0, inside, np.uint8(BACKGROUND)), cells


def _with_classes(
    labels: NDArray[np.integer], path: Path, parts: str | None
) -> tuple[NDArray[np.uint8], NDArray[np.integer]]:
    """Take the classes map beside a label image: 1 cytoplasm, 2 nucleus (or all of the cell), 3 not known."""
    classes = _numbers(path)
    if classes.shape != labels.shape or classes.max(initial=0) > CELL:
        raise MaskError(f"{path.name} does not fit its labels: same shape and values 0 to {CELL} are needed")
    whole = {"cell": CELL, "nucleus": NUCLEUS}.get(parts or "")
    if whole is not None:
        classes = np.where(classes > 0, whole, BACKGROUND)
    # labels rule: where a person erased or added a cell, an older classes map may still show it or not yet
    codes = np.where(labels > 0, np.where(classes > 0, classes, whole or CYTOPLASM), BACKGROUND)
    return codes.astype(np.uint8), labels


def _from_classes(plane: NDArray[np.integer], name: str) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    values = set(np.unique(plane).tolist())
    for known in _CLASSES_VALUES:
        if values <= known:
            _, cytoplasm, nucleus = sorted(known)
            codes = np.select([plane == cytoplasm, plane == nucleus], [CYTOPLASM, NUCLEUS], BACKGROUND)
            return codes.astype(np.uint8), plane > 0
    raise MaskError(
        f"{name} holds {sorted(values)[:6]}; it takes 0 background, 1 cytoplasm, 2 nucleus (or 0, 128, 255)"
    )


def _extra(mask: Path, stem: str, endings: Sequence[str]) -> NDArray[np.bool_] | None:
    found = [path for ending in endings if (path := mask.with_name(f"{stem}{ending}")).exists()]
    return _numbers(found[0]) > 0 if found else None


def _numbers(path: Path) -> NDArray[np.integer]:
    """Read a plane of whole numbers of 0 or more."""
    plane = read_plane(path)
    if plane.dtype.kind == "f" and np.array_equal(plane, np.round(plane)):
        plane = plane.astype(np.int64)
    if plane.dtype.kind not in "uib" or plane.min(initial=0) < 0:
        raise MaskError(f"{path.name} holds fractions or numbers below 0; a mask holds whole numbers, 0 = background")
    return plane.astype(np.uint8) if plane.dtype.kind == "b" else plane
