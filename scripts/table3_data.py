"""Which images Table 3 is trained, validated and tested on, and with which masks."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from napari_all.data.mask_folder import find_pairs, load_item
from napari_all.data.mask_items import MaskItem
from napari_all.errors import UsageError
from napari_all.files import write_bytes
from napari_all.io.images import read_image
from napari_all.workflows.recipe import read_recipe

PUBLISHED_ABOVE = 30
"""A published mask is max(R, G, B) of the `Segmented` JPEG above this; at 0 the noise of JPEG floods it."""
SEED = 0


@dataclass(frozen=True)
class Parts:
    """Items of a run."""

    train: list[MaskItem]
    val: list[MaskItem]
    test: list[MaskItem]


def write_published(data: Path, names: Iterable[str], folder: Path) -> None:
    """Write the published masks of the named images as PNG, 255 = cell."""
    for name in names:
        path = folder / PurePosixPath(name).with_suffix(".png")
        if not path.exists():
            mask = read_image(data / "Segmented" / name)[1].max(axis=2) > PUBLISHED_ABOVE
            write_bytes(path, cv2.imencode(".png", mask.astype(np.uint8) * 255)[1].tobytes())


def load_items(images: Path, masks: Path, names: Sequence[str], ignore: Path | None = None) -> dict[str, MaskItem]:
    """Read the named images with their masks.

    Raises
    ------
    UsageError
        A mask is missing.
    """
    folder = find_pairs(images, masks)
    pairs = {pair.image.name: pair for pair in folder.pairs}
    if missing := [name for name in names if name not in pairs]:
        raise UsageError(
            f"{len(missing)} masks are missing in {masks} ({missing[0]} …); run scripts/build_training_masks.py first"
        )
    return {name: load_item(pairs[name], folder, ignore) for name in names}


def drawn(names: Sequence[str], count: int) -> list[str]:
    """Draw images so that every class keeps its share; the same ones each time."""
    classes = _by_class(names)
    exact = {c: count * len(of) / len(names) for c, of in classes.items()}
    quota = {c: int(share) for c, share in exact.items()}
    for c in sorted(exact, key=lambda c: quota[c] - exact[c])[: count - sum(quota.values())]:
        quota[c] += 1
    rng = np.random.default_rng(SEED)
    return sorted(name for c, of in classes.items() for name in rng.choice(of, quota[c], replace=False).tolist())


def parted(names: Sequence[str], group_of: Mapping[str, str]) -> dict[str, str]:
    """Part images as the paper does (a fifth of each class to test on, a fifth of the rest to validate on).

    Groups stay whole, which the paper does not say of its own split.
    """
    rng = np.random.default_rng(SEED)
    parts = {}
    for of in _by_class(names).values():
        test = len(of) - 4 * len(of) // 5
        room = {"test": test, "val": (len(of) - test) // 5, "train": len(of)}
        groups: dict[str, list[str]] = {}
        for name in of:
            groups.setdefault(group_of[name], []).append(name)
        for i in rng.permutation(len(groups)):
            members = list(groups.values())[i]
            part = next(part for part, left in room.items() if left >= len(members))
            room[part] -= len(members)
            parts |= dict.fromkeys(members, part)
    return {name: parts[name] for name in names}


def _by_class(names: Sequence[str]) -> dict[str, list[str]]:
    classes: dict[str, list[str]] = {}
    for name in sorted(names):
        classes.setdefault(PurePosixPath(name).parent.name, []).append(name)
    return classes


def choose(data: Path, count: int | None, recipe: Path) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """Return the part of each of `count` images (None = of all), that of each image of the recipe, and the names of
    the reference fields.
    """
    with (data / "taleqani-all" / "overlap_groups.csv").open(newline="", encoding="utf-8") as stream:
        group_of = {f"{row['class']}/{row['file']}": row["overlap_group"] for row in csv.DictReader(stream)}
    scored = {path.stem for path in (data / "reference-masks" / "labels").iterdir()}
    reference = [name for name in group_of if PurePosixPath(name).stem in scored]
    closed = {group_of[name] for name in reference}
    free = [name for name in group_of if group_of[name] not in closed]
    fields = [field.image.removeprefix("Original/") for field in read_recipe(recipe).fields]
    if shared := sorted(set(fields) - set(free)):
        raise UsageError(f"{shared[0]} of the recipe overlaps a reference field, which is for scoring only")
    some = drawn(free, count) if count else free
    return parted(some, group_of), parted(fields, group_of), reference


def by_part(items: Mapping[str, MaskItem], parts: Mapping[str, str]) -> Parts:
    """Sort items into the parts."""
    return Parts(*([items[name] for name in parts if parts[name] == part] for part in ("train", "val", "test")))
