"""How far a segmentation moves when the diameter estimate moves, and what the estimate costs.

Dice of the foreground at the estimated diameter times 0.85, 0.93, 1.07 and 1.18 against that at the estimate itself:
mean and worst. And the estimate on the image enlarged or reduced against the one on the image as it is (it should
follow the scale). The images: Taleqani fields (three per class) that share no overlap group with a reference mask or
with a field of the recipe, some of fold 0 of `wbc-zheng`, and some of the Barcelona lymphocytes kept apart. Times are
those of one warm process on this machine.

Writes `docs/results/diameter_stability.json`; with `--model` it only prints.

    python benchmarks/diameter_stability.py [--model FILE] [--data DIR]
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import time
from pathlib import Path

import cv2
import numpy as np

from napari_all.evaluation.masks import dice
from napari_all.io.images import read_image
from napari_all.types import RGBImage
from napari_all.workflows.recipe import read_recipe
from napari_all.workflows.segment import make_config, segment_image

ROOT = Path(__file__).resolve().parents[1]
SHIFTS = (0.85, 0.93, 1.07, 1.18)
RESIZED = (0.7, 1.4, 2.0)


def taleqani_fields(data: Path, per_class: int = 3) -> list[Path]:
    used = {Path(entry.image).stem for entry in read_recipe(ROOT / "recipes" / "taleqani-masks.json").fields}
    used |= {path.stem for path in (data / "reference-masks" / "images").iterdir()}
    rows = list(csv.DictReader((data / "taleqani-all" / "overlap_groups.csv").open()))
    taken = {row["overlap_group"] for row in rows if Path(row["file"]).stem in used}
    folder = data / "taleqani-all" / "Original"
    free = [folder / row["class"] / row["file"] for row in rows if row["overlap_group"] not in taken]
    chosen: list[Path] = []
    for name in sorted({path.parent.name for path in free}):
        of_class = sorted(path for path in free if path.parent.name == name)
        chosen += of_class[:: len(of_class) // per_class][:per_class]
    return chosen


def sets(data: Path) -> dict[str, list[Path]]:
    zheng = {f"zheng_dataset{n}": sorted((data / f"wbc-zheng/dataset{n}/images").iterdir())[::25][:4] for n in (1, 2)}
    barcelona = sorted((data / "other-labs" / "barcelona-lymphocytes").iterdir())[::12]
    return {"taleqani": taleqani_fields(data), **zheng, "barcelona": barcelona}


def stability(paths: list[Path], chosen: list[str]) -> dict[str, object]:
    shifted: dict[float, list[float]] = {shift: [] for shift in SHIFTS}
    follows: list[float] = []
    seconds = {"diameter given": 0.0, "diameter estimated": 0.0}
    for path in paths:
        _, rgb = read_image(path)
        start = time.perf_counter()
        base = segment_image(rgb, make_config("unet", assignments=chosen))
        seconds["diameter estimated"] += time.perf_counter() - start
        assert base.diameter_px is not None
        start = time.perf_counter()
        segment_image(rgb, make_config("unet", assignments=[*chosen, f"diameter_px={base.diameter_px}"]))
        seconds["diameter given"] += time.perf_counter() - start
        for shift in SHIFTS:
            moved = make_config("unet", assignments=[*chosen, f"diameter_px={base.diameter_px * shift}"])
            shifted[shift].append(dice(segment_image(rgb, moved).labels > 0, base.labels > 0))
        for factor in RESIZED:
            found = segment_image(resized(rgb, factor), make_config("unet", assignments=chosen)).diameter_px
            assert found is not None
            follows.append(found / (factor * base.diameter_px))
    off = np.abs(np.log(follows))
    return {
        "images": len(paths),
        "dice_when_shifted": {str(k): [round(float(np.mean(v)), 4), round(min(v), 4)] for k, v in shifted.items()},
        "estimate_over_scale": {
            "median_off": round(float(np.exp(np.median(off)) - 1), 4),
            "share_within_18_percent": round(float(np.mean(off < np.log(1.18))), 4),
        },
        "seconds_per_image": {k: round(v / len(paths), 3) for k, v in seconds.items()},
    }


def resized(rgb: RGBImage, factor: float) -> RGBImage:
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(rgb, None, fx=factor, fy=factor, interpolation=how))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(os.environ.get("NAPARI_ALL_DATA", ROOT.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=default)
    parser.add_argument("--model", help="weights instead of the shipped ones")
    options = parser.parse_args()
    chosen = [f"model={options.model}"] if options.model else []
    segment_image(np.full((64, 64, 3), 230, np.uint8), make_config("unet", assignments=chosen))  # loads the network
    report = {}
    for name, paths in sets(options.data).items():
        report[name] = stability(paths, chosen)
        print(name, json.dumps(report[name]), flush=True)
    if not options.model:
        (ROOT / "docs" / "results" / "diameter_stability.json").write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
