"""A split of a dataset: which images are trained, validated and tested on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from napari_all.data.dataset import LabelledImage
from napari_all.errors import UsageError


@dataclass(frozen=True)
class Split:
    """Positions of the images to train, validate and test on, each part sorted; made by `make_split`.

    Attributes
    ----------
    name
        What made it, for reports and file names.
    train, validation, test
        Positions in the list of images. Validation images choose epochs and temperatures; test images choose nothing.
    dropped
        In no part: images that overlap a held-out one.
    fingerprint
        SHA-256 (hex) of the images' keys and parts; the same for the same split of the same files, whatever made it.
    """

    name: str
    train: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...]
    dropped: tuple[int, ...]
    fingerprint: str

    @property
    def parts(self) -> dict[str, tuple[int, ...]]:
        """The positions by the name of their part."""
        return {"train": self.train, "validation": self.validation, "test": self.test, "dropped": self.dropped}


def make_split(
    name: str,
    images: Sequence[LabelledImage],
    *,
    train: Iterable[int],
    validation: Iterable[int] = (),
    test: Iterable[int] = (),
) -> Split:
    """Make a split from positions; whatever is in no part is dropped.

    Raises
    ------
    UsageError
        An image is in two parts, or a position is not of the dataset.
    """
    given = {"train": sorted(train), "validation": sorted(validation), "test": sorted(test)}
    part_of: dict[int, str] = {}
    for part, positions in given.items():
        for position in positions:
            if not 0 <= position < len(images):
                raise UsageError(f"{part} names image {position} of a dataset of {len(images)}; count from 0")
            if position in part_of:
                raise UsageError(
                    f"{images[position].key} is in {part_of[position]} and in {part}; an image belongs to one part"
                )
            part_of[position] = part
    given["dropped"] = [i for i in range(len(images)) if i not in part_of]
    mark = fingerprint({part: [images[i].key for i in positions] for part, positions in given.items()})
    return Split(name, **{part: tuple(positions) for part, positions in given.items()}, fingerprint=mark)


def fingerprint(keys: Mapping[str, Iterable[str]]) -> str:
    """Return the SHA-256 (hex) of the keys by part, independent of their order."""
    rows = sorted((key, part) for part, names in keys.items() for key in names)
    return hashlib.sha256(json.dumps(rows, ensure_ascii=False).encode()).hexdigest()


def clear_of(
    images: Sequence[LabelledImage], held_out: Collection[int], among: Iterable[int] | None = None
) -> tuple[int, ...]:
    """Return the positions of the images that are not held out and overlap none that is.

    Parameters
    ----------
    images
        All images of the dataset.
    held_out
        Positions that must not leak.
    among
        Positions to choose from; all by default.
    """
    held = set(held_out)
    groups = {images[i].overlap_group for i in held} - {None}
    chosen = set(range(len(images)) if among is None else among)
    return tuple(i for i in sorted(chosen - held) if images[i].overlap_group not in groups)
