"""Does the program find the overlapping fields of the Taleqani dataset, and how like are its clusters to the table's?

Compares what `find_overlaps` finds with `overlap_groups.csv`, which was made by other code: pairs of images in one
group, and appearance clusters by the adjusted Rand index (1 = the same, 0 = as by chance). Writes
`docs/results/overlap_groups.json`, and `scripts/folds/overlap_groups.csv` with the overlap groups found here and the
table's clusters: folds made with it hold the same clusters out and drop every image that overlaps them.

    python benchmarks/overlap_groups.py [--data DIR]
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

from sklearn.metrics import adjusted_rand_score

from napari_all.classes import SUBTYPES
from napari_all.data.dataset import find_labelled_images
from napari_all.data.group_table import GroupRow, write_groups
from napari_all.data.overlap import Overlaps, find_overlaps
from napari_all.data.split import Split, grouped_folds

ROOT = Path(__file__).resolve().parents[1]


def pairs_of(groups: Sequence[int | None]) -> set[tuple[int, int]]:
    """Return all pairs of positions that are in one group."""
    members: dict[int | None, list[int]] = {}
    for position, group in enumerate(groups):
        members.setdefault(group, []).append(position)
    return {pair for group in members.values() for pair in combinations(group, 2)}


def leaks(folds: Sequence[Split], found: Overlaps) -> int:
    """Count the images of test parts that overlap an image trained or validated on, over all folds."""
    count = 0
    for fold in folds:
        test, learned = set(fold.test), {*fold.train, *fold.validation}
        ends = [(pair.first, pair.second) for pair in found.pairs]
        count += len({a for pair in ends for a, b in (pair, pair[::-1]) if a in test and b in learned})
    return count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = Path(os.environ.get("NAPARI_ALL_DATA", ROOT.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=data)
    options = parser.parse_args()
    images = find_labelled_images(options.data / "taleqani-all")
    begun = time.process_time()
    found = find_overlaps(images)
    seconds = time.process_time() - begun
    table, ours = pairs_of([image.overlap_group for image in images]), pairs_of(found.groups)
    direct = {(pair.first, pair.second): pair.shift for pair in found.pairs}
    extra = sorted(ours - table, key=lambda pair: (pair not in direct, pair))
    result = {
        "images": len(images),
        "processor_seconds_one_core": round(seconds, 1),
        "pairs_in_one_group": {
            "table": len(table),
            "found": len(ours),
            "both": len(ours & table),
            "recall": len(ours & table) / len(table),
            "precision_by_the_table": len(ours & table) / len(ours),
        },
        "missed": [[images[a].key, images[b].key] for a, b in sorted(table - ours)],
        "not_in_the_table": [
            {
                "images": [images[a].key, images[b].key],
                **(
                    {"correlation": round(direct[a, b].correlation, 3), "share": round(direct[a, b].share, 3)}
                    if (a, b) in direct
                    else {"through": "other images of the group"}
                ),
            }
            for a, b in extra
        ],
        "groups_over_two_classes": len({found.groups[a] for a, b in direct if images[a].label != images[b].label}),
        "test_images_that_overlap_a_training_image": {
            "grouped folds by the table": leaks(grouped_folds(images), found),
            "grouped folds by what was found": leaks(
                grouped_folds([replace(i, overlap_group=g) for i, g in zip(images, found.groups, strict=True)]), found
            ),
        },
        "clusters": {"table": len({i.cluster for i in images}), "found": len(set(found.clusters))},
        "adjusted_rand_index": {
            name: round(
                adjusted_rand_score(
                    [image.cluster for image in images if label in (None, image.label)],
                    [c for c, image in zip(found.clusters, images, strict=True) if label in (None, image.label)],
                ),
                3,
            )
            for name, label in (("all", None), *((n, k) for k, n in enumerate(SUBTYPES.names)))
        },
    }
    rows = [GroupRow(i.key, group, i.cluster) for i, group in zip(images, found.groups, strict=True)]
    write_groups(ROOT / "scripts" / "folds" / "overlap_groups.csv", rows)
    target = ROOT / "docs" / "results" / "overlap_groups.json"
    target.write_text(json.dumps(result, indent=2) + "\n")
    shown = {key: value for key, value in result.items() if key != "not_in_the_table"}
    print(json.dumps(shown, indent=2))


if __name__ == "__main__":
    main()
