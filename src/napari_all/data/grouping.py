"""Hold images aside for validation, whole groups at a time."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from napari_all.errors import UsageError

PARTS = ("train", "val", "none")
"""What a split file may say of an image."""


def read_column(path: Path, column: str) -> dict[str, str]:
    """Return a column of a CSV table by image name; the images stand in a column `image` or `file`.

    Raises
    ------
    UsageError
        The file cannot be read, or lacks a column; the message names those it has.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            columns = list(reader.fieldnames or ())
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"cannot read the table {path.name} ({error}); give a CSV file") from error
    key = next((c for c in ("image", "file") if c in columns), None)
    if key is None or column not in columns:
        raise UsageError(f"{path.name} has the columns {', '.join(columns)}; needed are 'image' and {column!r}")
    return {row[key]: row[column] for row in rows}


def look_up(names: Sequence[str], table: Mapping[str, str], what: str) -> list[str]:
    """Return the table's value of each image, found by its path in the folder or its bare file name.

    Raises
    ------
    UsageError
        An image has no row.
    """
    bare = {PurePosixPath(name).name: value for name, value in table.items()}
    found = [table.get(name, bare.get(PurePosixPath(name).name)) for name in names]
    missing = [name for name, value in zip(names, found, strict=True) if value is None]
    if missing:
        raise UsageError(
            f"{what} has no row for {len(missing)} images ({missing[0]} …); add them, or leave the table out"
        )
    return [value for value in found if value is not None]


def hold_out(groups: Sequence[str], share: float, seed: int = 0) -> list[bool]:
    """Choose whole groups until at least `share` of the images is held out; at least one group stays on each side.

    The choice depends on the groups' names and the seed only, so an image added later moves no other one.

    Raises
    ------
    UsageError
        There is but one group.
    """
    sizes: dict[str, int] = {}
    for group in groups:
        sizes[group] = sizes.get(group, 0) + 1
    if len(sizes) < 2:
        raise UsageError(
            "training needs images of at least two groups, one to train on and one to validate on; "
            "add images, or give a table of groups that tells more of them apart"
        )
    order = sorted(sizes, key=lambda group: hashlib.sha256(f"{seed}/{group}".encode()).hexdigest())
    held: set[str] = set()
    count = 0
    for group in order[:-1]:
        if count >= share * len(groups) and held:
            break
        held.add(group)
        count += sizes[group]
    return [group in held for group in groups]
