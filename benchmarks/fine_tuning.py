"""What fine-tuning on 15 corrected fields of a stain that the model has never seen gains on 15 other fields.

    python scripts/prepare_zheng.py --data ../shared/data/wbc-zheng --output runs/zheng
    python scripts/train_segmenter.py --without-zheng --output runs/no-zheng
    python benchmarks/fine_tuning.py

The model to begin from has learned what the shipped one has but for wbc-zheng; the fields are of each of its two
datasets, of other laboratories with other stains. `napari-all train segmenter --init` runs with its default settings.
Writes `docs/results/fine_tuning.json`: Dice before and after on the 15 others, the gain with its interval (bootstrap
over fields), and the minutes that the whole command took.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import time
from pathlib import Path

import numpy as np
import torch
from quality.samples import FOLDS, Sample, zheng_samples
from zheng_folds import ROOT, segmented

from napari_all.classes import NUCLEUS
from napari_all.cli.common import terminal_monitor
from napari_all.evaluation.intervals import bootstrap_mean
from napari_all.evaluation.masks import dice
from napari_all.workflows.train_config import SourceConfig, make_train_config
from napari_all.workflows.train_segmenter import train_segmenter

FIELDS = 15
PARTS = ("nucleus", "whole_cell")


def chosen(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return 15 images to learn from and 15 to test on, evenly spread over the sorted names."""
    paths = sorted((folder / "images").iterdir())
    picked = [paths[i] for i in np.linspace(0, len(paths) - 1, 2 * FIELDS).round().astype(int)]
    return picked[::2], picked[1::2]


def score(model: Path, samples: list[Sample]) -> list[dict[str, float]]:
    """Return the Dice of each part of each image."""
    return [
        {
            "nucleus": float(dice(field.result.classes == NUCLEUS, field.sample.truth == NUCLEUS, field.sample.ignore)),
            "whole_cell": float(dice(field.result.classes > 0, field.sample.truth > 0, field.sample.ignore)),
        }
        for field in segmented(str(model), samples)
    ]


def run(init: Path, data: Path, dataset: int, runs: Path, prepared: Path) -> dict[str, object]:
    folder = data / f"dataset{dataset}"
    learned, tested = chosen(folder)
    runs.mkdir(parents=True, exist_ok=True)
    split = runs / "split.csv"
    # Of the 15, every fifth validates: a person who corrected 15 fields has no others.
    parts = {path.name: "val" if i % 5 == 2 else "train" for i, path in enumerate(learned)}
    with split.open("w", newline="") as stream:
        rows = [(path.name, parts.get(path.name, "none")) for path in sorted((folder / "images").iterdir())]
        csv.writer(stream).writerows([("image", "part"), *rows])
    source = SourceConfig(
        images=folder / "images", masks=folder / "masks", ignore=prepared / f"dataset{dataset}" / "ignore", split=split
    )
    config = make_train_config([f"init={init}", "name=fine-tuned"])
    begun = time.perf_counter()
    with terminal_monitor(quiet=False) as monitor:
        report = train_segmenter([source], runs, config, overwrite=True, monitor=monitor)
    minutes = (time.perf_counter() - begun) / 60
    names = {path.stem for path in tested}
    samples = [sample for sample in zheng_samples(folder, set(range(FOLDS))) if sample.name in names]
    before, after = score(init, samples), score(runs / "fine-tuned.safetensors", samples)
    result: dict[str, object] = {
        "minutes": round(minutes, 1),
        "threads": torch.get_num_threads(),
        "best_epoch": report.epoch if report else None,
    }
    for part in PARTS:
        gains = [b[part] - a[part] for a, b in zip(before, after, strict=True)]
        low, high = bootstrap_mean(gains)
        result[part] = {
            "before": round(float(np.mean([r[part] for r in before])), 4),
            "after": round(float(np.mean([r[part] for r in after])), 4),
            "gain": round(float(np.mean(gains)), 4),
            "gain_95": [round(low, 4), round(high, 4)],
        }
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(os.environ.get("NAPARI_ALL_DATA", ROOT.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=default / "wbc-zheng")
    parser.add_argument("--prepared", type=Path, default=ROOT / "runs" / "zheng")
    parser.add_argument("--init", type=Path, default=ROOT / "runs" / "no-zheng" / "no-zheng.safetensors")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "fine_tuning")
    options = parser.parse_args()
    results = {}
    for dataset in (1, 2):
        key = f"fine-tuned on {FIELDS} fields of dataset {dataset}"
        folder = options.runs / f"dataset{dataset}"
        results[key] = run(options.init, options.data, dataset, folder, options.prepared)
        print(key, json.dumps(results[key]), flush=True)
    target = ROOT / "docs" / "results" / "fine_tuning.json"
    target.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
