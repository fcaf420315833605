"""The table `overlap_groups.csv`: which images of a dataset overlap, and which look alike."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from napari_all.errors import UsageError
from napari_all.io.tables import Row, write_table

GROUPS_FILE = "overlap_groups.csv"
COLUMNS = ("class", "file", "overlap_group", "appearance_cluster")


@dataclass(frozen=True)
class GroupRow:
    """What the table says of one image: `overlap_group` counts from 0, `cluster` is empty where not known."""

    key: str
    overlap_group: int
    cluster: str


def read_groups(path: Path) -> dict[str, GroupRow]:
    """Read the table; rows by `<class>/<file>`.

    Raises
    ------
    UsageError
        It cannot be read, lacks a column, has an image twice or a group that is no number.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            columns = list(reader.fieldnames or ())
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"cannot read the table {path.name} ({error}); give a CSV file") from error
    lacking = [column for column in COLUMNS if column not in columns]
    if lacking:
        raise UsageError(
            f"{path.name} has the columns {', '.join(columns)}; it lacks {', '.join(lacking)}. For a table of your own "
            "groups say which column holds them"
        )
    found: dict[str, GroupRow] = {}
    for row in rows:
        key, number = f"{row['class']}/{row['file']}", (row["overlap_group"] or "").strip()
        if key in found:
            raise UsageError(f"{path.name} has two rows for {key}; keep one of them")
        if not number.isdecimal():
            raise UsageError(f"{path.name} gives {key} the overlap group {number!r}; it must be a number from 0 on")
        found[key] = GroupRow(key, int(number), (row["appearance_cluster"] or "").strip())
    return found


def write_groups(path: Path, rows: Iterable[GroupRow]) -> None:
    """Write the table, whole or not at all."""
    table: list[Row] = []
    for row in rows:
        folder, _, file = row.key.rpartition("/")
        table.append(dict(zip(COLUMNS, (folder, file, row.overlap_group, row.cluster), strict=True)))
    write_table(path, COLUMNS, table)
