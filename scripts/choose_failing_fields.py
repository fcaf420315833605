"""Choose fields of the Taleqani dataset whose published masks fail, to be corrected.

    python scripts/choose_failing_fields.py --data ../shared/data --output runs/fields100

A published mask fails where less than half of the area of the cells that a method of ours finds is in it, or where its
Dice with them is under 0.6. The method `lab` looks at every free field; of those that fail, the shipped U-Net looks at
as many as it takes to find enough on which the published mask fails by its cells as well.

Not free are the reference fields and all that overlaps them, the fields of `recipes/taleqani-masks.json` and all that
overlaps those (overlap as both tables tell it, that of the data folder and `scripts/folds/overlap_groups.csv`); of
fields that overlap one another one is free. Fields are drawn from the appearance clusters in turn, so that no session
prevails. Writes `measured.csv` (every field looked at) and `chosen.csv`.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from table3_data import PUBLISHED_ABOVE

from napari_all.evaluation.masks import dice
from napari_all.io.images import read_image
from napari_all.workflows.recipe import read_recipe
from napari_all.workflows.segment import make_config, segment_image

ROOT = Path(__file__).resolve().parents[1]
WANTED = {"Pro": 64, "Benign": 24, "Early": 20, "Pre": 14}
"""Of Early and Pre fewer fail."""
COVERED, DICE = 0.5, 0.6
SEED = 0


def overlaps(path: Path) -> dict[str, tuple[str, str]]:
    """Return overlap group and appearance cluster by `Class/file`."""
    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    return {f"{r['class']}/{r['file']}": (r["overlap_group"], r.get("appearance_cluster", "")) for r in rows}


def free_fields(data: Path) -> dict[str, str]:
    """Return the cluster of every field that may be corrected, one for each overlap group, by `Class/file`."""
    tables = [
        overlaps(data / "taleqani-all" / "overlap_groups.csv"),
        overlaps(ROOT / "scripts/folds/overlap_groups.csv"),
    ]
    scored = {path.stem for path in (data / "reference-masks" / "labels").iterdir()}
    drawn = {f.image.removeprefix("Original/") for f in read_recipe(ROOT / "recipes" / "taleqani-masks.json").fields}
    kept = [name for name in tables[0] if Path(name).stem in scored] + sorted(drawn)
    taken = [{table[name][0] for name in kept if name in table} for table in tables]
    found = {}
    names = list(tables[0])
    for i in np.random.default_rng(SEED).permutation(len(names)):
        groups = [table[names[i]][0] if names[i] in table else None for table in tables]
        if all(group not in closed for group, closed in zip(groups, taken, strict=True)):
            found[names[i]] = tables[0][names[i]][1]
            for group, closed in zip(groups, taken, strict=True):
                closed |= {group} - {None}
    return found


def in_turn(fields: dict[str, str]) -> Iterator[str]:
    """Yield fields from one cluster after the other."""
    of = defaultdict(list)
    for name, cluster in fields.items():
        of[cluster].append(name)
    while of:
        for cluster in sorted(of):
            yield of[cluster].pop(0)
            if not of[cluster]:
                del of[cluster]


def measured(data: Path, name: str, method: str) -> dict[str, object]:
    """Return how well the published mask of a field fits the cells that a method finds."""
    folder = data / "taleqani-all"
    found = segment_image(read_image(folder / "Original" / name)[1], make_config(method)).labels
    published = read_image(folder / "Segmented" / name)[1].max(axis=2) > PUBLISHED_ABOVE
    covered = float(published[found > 0].mean()) if found.any() else 1.0
    score = float(dice(published, found > 0)) if found.any() else 1.0
    fails = covered < COVERED or score < DICE
    return {
        "image": name, "method": method, "cells": int(found.max()), "covered": round(covered, 3),
        "dice": round(score, 3), "fails": fails,
    }  # fmt: skip


def failing(data: Path, names: Iterable[str], wanted: int) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Return all that was measured, and the first `wanted` fields that fail by both methods."""
    by_colour = [measured(data, name, "lab") for name in names]
    by_network: list[dict[str, object]] = []
    chosen: list[dict[str, object]] = []
    for row in by_colour:
        if row["fails"] and len(chosen) < wanted:
            by_network.append(measured(data, str(row["image"]), "unet"))
            chosen += by_network[-1:] if by_network[-1]["fails"] else []
    return by_colour + by_network, chosen


def write(path: Path, rows: list[dict[str, object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--output", type=Path, default=ROOT / "runs" / "fields100")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    free = free_fields(options.data)
    rows: list[dict[str, object]] = []
    chosen: list[dict[str, object]] = []
    for group, wanted in WANTED.items():
        own = {name: cluster for name, cluster in free.items() if name.startswith(f"{group}/")}
        here, taken = failing(options.data, in_turn(own), wanted)
        rows, chosen = rows + here, chosen + taken
        for method in ("lab", "unet"):
            of = [row for row in here if row["method"] == method]
            print(f"{group}, {method}: {sum(bool(row['fails']) for row in of)} of {len(of)} fail", flush=True)
    write(options.output / "measured.csv", rows)
    write(options.output / "chosen.csv", chosen)


if __name__ == "__main__":
    main()
