"""Splits as JSON files, which name every image by its key."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from napari_all.config import Settings
from napari_all.data.dataset import LabelledImage
from napari_all.data.split.parts import Split, fingerprint, make_split
from napari_all.errors import UsageError
from napari_all.files import write_json


class SplitFile(Settings):
    """What a split file holds; images by `<class folder>/<file name>`."""

    schema_version: Literal[1] = Field(1, description="Version of this file's layout")
    name: str = Field(min_length=1, description="What made the split")
    fingerprint: str | None = Field(None, description="SHA-256 of keys and parts; leave out of a file made by hand")
    train: list[str] = Field(min_length=1, description="Images to train on")
    validation: list[str] = Field(min_length=1, description="Images that choose epoch, temperature and thresholds")
    test: list[str] = Field(default_factory=list, description="Images to measure on")
    dropped: list[str] = Field(
        default_factory=list, description="Images in no part, because they overlap a held-out one"
    )


def write_split(path: Path, split: Split, images: Sequence[LabelledImage]) -> None:
    """Write a split as JSON, whole or not at all."""
    keys = {part: [images[i].key for i in positions] for part, positions in split.parts.items()}
    write_json(path, SplitFile(name=split.name, fingerprint=split.fingerprint, **keys).model_dump(mode="json"))


def read_split(path: Path, images: Sequence[LabelledImage]) -> Split:
    """Read a split of the given images.

    Raises
    ------
    UsageError
        The file cannot be read, is of another dataset, names an unknown image, lacks an image, has an image in two
        parts, or was changed since it was written.
    """
    stored = _read(path)
    keys = {part: getattr(stored, part) for part in ("train", "validation", "test", "dropped")}
    _check_keys(path.name, keys, {image.key for image in images})
    if stored.fingerprint is not None and stored.fingerprint != fingerprint(keys):
        raise UsageError(
            f"the split {path.name} was changed since it was written (its fingerprint does not fit); "
            "take the fingerprint out of the file if that was meant"
        )
    position = {image.key: i for i, image in enumerate(images)}
    return make_split(
        stored.name, images, **{part: [position[k] for k in keys[part]] for part in ("train", "validation", "test")}
    )


def learned_keys(path: Path) -> frozenset[str]:
    """Return the keys of the images that a split file trains or validates on.

    Raises
    ------
    UsageError
        The file cannot be read.
    """
    stored = _read(path)
    return frozenset(stored.train + stored.validation)


def _read(path: Path) -> SplitFile:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read the split {path.name} ({error}); give a file that a training wrote") from error
    if not isinstance(found, dict):
        raise UsageError(f"the split {path.name} holds no parts; give a file that a training wrote")
    try:
        return SplitFile.parse(found)
    except UsageError as error:
        raise UsageError(f"the split {path.name} cannot be used: {error}") from error


def _check_keys(name: str, keys: dict[str, list[str]], known: set[str]) -> None:
    part_of: dict[str, str] = {}
    for part, names in keys.items():
        for key in names:
            if key in part_of:
                raise UsageError(f"the split {name} has {key} in {part_of[key]} and in {part}; keep one of them")
            part_of[key] = part
    unknown, missing = sorted(part_of.keys() - known), sorted(known - part_of.keys())
    if not part_of.keys() & known:
        raise UsageError(
            f"the split {name} is of another dataset: none of its images ({unknown[0]} …) is in the folder"
        )
    if unknown:
        raise UsageError(
            f"the split {name} names {len(unknown)} images that the folder does not hold ({unknown[0]} …); "
            "make the split again for this folder"
        )
    if missing:
        raise UsageError(
            f"the split {name} says nothing of {len(missing)} images of the folder ({missing[0]} …); "
            "make the split again, or list them under 'dropped'"
        )
