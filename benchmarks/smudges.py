"""How well smudge cells are told from cells, on the recipe's fields that the shipped network did not learn.

    python scripts/build_training_masks.py --data ../shared/data/taleqani-all --output runs/masks
    python benchmarks/smudges.py [--model NAME|PATH]

The fields are those that `scripts/train_segmenter.py` held out for validation (whole appearance clusters; they chose
the epoch, and nothing else). A true smudge cell counts as told apart when no predicted cell covers half of it, as found
when predicted smudge cells do; a true cell as lost when predicted smudge cells cover half of it. Writes
`docs/results/smudges.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

import cv2
import numpy as np

from napari_all.classes import NUCLEUS
from napari_all.data.grouping import hold_out, look_up, read_column
from napari_all.data.mask_folder import find_pairs
from napari_all.evaluation.masks import dice
from napari_all.io.images import read_image
from napari_all.io.masks import read_plane
from napari_all.workflows.segment import make_config, segment_image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))
from train_segmenter import SETTINGS, sources  # noqa: E402

_HALF = 0.5


def held_out(data: Path, runs: Path) -> list[tuple[Path, Path]]:
    """Return (image, mask) of the Taleqani fields that validated."""
    source = next(s for s in sources(data, runs) if s.groups is not None)
    folder = find_pairs(source.images, source.masks)
    names = [pair.image.name for pair in folder.pairs]
    share = next(float(s.partition("=")[2]) for s in SETTINGS if s.startswith("validation_share"))
    groups = look_up(names, read_column(source.groups, source.group_column), source.groups.name)
    held = hold_out(groups, share)
    return [(pair.image.path, pair.mask) for pair, out in zip(folder.pairs, held, strict=True) if out]


def plane(mask: Path, ending: str) -> np.ndarray | None:
    path = mask.with_name(mask.name.replace("_labels.tif", ending))
    return read_plane(path) if path.exists() else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(os.environ.get("NAPARI_ALL_DATA", ROOT.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=default)
    parser.add_argument("--runs", type=Path, default=ROOT / "runs")
    parser.add_argument("--model", default="smear-unet")
    options = parser.parse_args()
    config = make_config("unet", assignments=[f"model={options.model}"])
    count = dict.fromkeys(("smudges", "told_apart", "found", "cells", "cells_found", "cells_lost_as_smudges"), 0)
    whole, nuclei, ratios = [], [], []
    fields = held_out(options.data, options.runs)
    for image, mask in fields:
        _, rgb = read_image(image)
        labels = read_plane(mask).astype(np.int32)
        result = segment_image(rgb, config)
        found = result.smudges > 0 if result.smudges is not None else np.zeros(labels.shape, bool)
        cells = result.labels > 0
        ignore, smudges, classes = (plane(mask, e) for e in ("_ignore.png", "_smudges.png", "_classes.tif"))
        hidden = np.zeros(labels.shape, bool) if ignore is None else ignore > 0
        whole.append(dice(cells, labels > 0, hidden))
        if classes is not None:
            unknown = hidden | (classes == 3)
            nuclei.append(dice(result.classes == NUCLEUS, classes == NUCLEUS, unknown))
            kept = ~unknown & (labels > 0)
            ratios.append(
                abs(
                    ((result.classes == NUCLEUS) & kept).sum() / max(1, (cells & kept).sum())
                    - (classes[kept] == NUCLEUS).mean()
                )
            )
        for label in range(1, labels.max() + 1):
            of = labels == label
            count["cells"] += 1
            count["cells_found"] += bool(cells[of].mean() >= _HALF)
            count["cells_lost_as_smudges"] += bool(found[of].mean() >= _HALF)
        if smudges is not None:
            number, parts = cv2.connectedComponents((smudges > 0).astype(np.uint8))
            for part in range(1, number):
                of = parts == part
                count["smudges"] += 1
                count["told_apart"] += bool(cells[of].mean() < _HALF)
                count["found"] += bool(found[of].mean() >= _HALF)
    result = {
        "fields": len(fields),
        **count,
        "dice": round(float(np.mean(whole)), 4),
        "nucleus_dice": round(float(np.mean(nuclei)), 4),
        "nucleus_fields": len(nuclei),
        "ratio_error": round(float(np.mean(ratios)), 4),
    }
    print(json.dumps(result, indent=2))
    (ROOT / "docs" / "results" / "smudges.json").write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
