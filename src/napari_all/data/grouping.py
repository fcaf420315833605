"""Hold images aside for validation, whole groups at a time."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from napari_all.errors import UsageError

PARTS = ("train", "val", "none")
"""What a split file may say of an image."""


def read_column(path: Path, column: str) -> dict[str, str]:
    """Return a column of a CSV table by image name; the images stand in a column `image` or `file`.

    Raises
    ------
    UsageError
        The file cannot be read, lacks a column (the message names those it has), or has rows that contradict each
        other.
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
    found: dict[str, str] = {}
    for row in rows:
        name, value = row[key], row[column]
        if found.setdefault(name, value) != value:
            raise UsageError(f"{path.name} gives {name} two values of {column!r} ({found[name]}, {value}); keep one")
    return found


def look_up(names: Sequence[str], table: Mapping[str, str], what: str) -> list[str]:
    """Return the table's value of each image, found by its path in the folder or its bare file name.

    Raises
    ------
    UsageError
        An image has no row, or only its bare name is there, with several values.
    """
    bare: dict[str, set[str]] = {}
    for name, value in table.items():
        bare.setdefault(PurePosixPath(name).name, set()).add(value)
    found = []
    for name in names:
        values = {table[name]} if name in table else bare.get(PurePosixPath(name).name, set())
        if len(values) > 1:
            raise UsageError(f"{what} has several rows for {name}, which differ; name the images by their paths")
        found.append(next(iter(values), None))
    missing = [name for name, value in zip(names, found, strict=True) if value is None]
    if missing:
        raise UsageError(
            f"{what} has no row for {len(missing)} images ({missing[0]} …); add them, or leave the table out"
        )
    return [value for value in found if value is not None]


def hold_out(
    groups: Sequence[str], share: float, seed: int = 0, settled: Mapping[str, bool] | None = None
) -> list[bool]:
    """Choose whole groups until at least `share` of the images is held out; at least one group stays on each side.

    Groups are taken in an order that follows from their names and the seed alone, so images added later never exchange
    groups: some of the earlier ones may cross over, all in one direction.

    Parameters
    ----------
    groups
        Group of each image.
    share, seed
        Share to hold out, and what fixes the order.
    settled
        Groups that are held out (True) or trained on (False) already, as in another folder.

    Raises
    ------
    UsageError
        There is but one group.
    """
    sizes = Counter(groups)
    known = {group: held for group, held in (settled or {}).items() if group in sizes}
    if len(sizes) < 2 and not known:
        raise UsageError(
            "training needs images of at least two groups, one to train on and one to validate on; "
            "add images, or give a table of groups that tells more of them apart"
        )
    free = sizes.keys() - known.keys()
    order = sorted(free, key=lambda group: hashlib.sha256(f"{seed}/{group}".encode()).hexdigest())
    held = {group for group, out in known.items() if out}
    count = sum(sizes[group] for group in held)
    for group in order if False in known.values() else order[:-1]:
        if count >= share * len(groups) and held:
            break
        held.add(group)
        count += sizes[group]
    return [group in held for group in groups]


def joined(groupings: Sequence[Sequence[Hashable]]) -> list[int]:
    """Return a number for each image; images that any of the groupings puts together, also through others, share it.

    Parameters
    ----------
    groupings
        Each gives the group of every image.
    """
    members = [{group: place for place, group in enumerate(dict.fromkeys(groups))} for groups in groupings]
    count = len(groupings[0]) if groupings else 0
    links, first = [], count
    for groups, place in zip(groupings, members, strict=True):
        links += [(image, first + place[group]) for image, group in enumerate(groups)]
        first += len(place)
    ends = np.array(links, np.intp).reshape(-1, 2)
    graph = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(first, first))
    which = connected_components(graph, directed=False)[1][:count] if first else np.empty(0, np.intp)
    order = {number: place for place, number in enumerate(dict.fromkeys(which.tolist()))}
    return [order[number] for number in which.tolist()]
