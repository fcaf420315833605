"""Five-fold and cross-dataset Dice on wbc-zheng: the shipped network's training, again for each fold.

    (the masks and splits that scripts/train_segmenter.py needs)
    python benchmarks/zheng_folds.py [--data DIR] [--runs runs/zheng] [--only fold0 1to2 ...]

Fold k of a dataset: the images whose index by sorted file name is k modulo 5. Fold 0 is tested with the shipped
network, which did not learn it; the network of each other fold learns everything that the shipped one does, in fewer
epochs, but for that fold of both datasets. `1to2` learns dataset 1 and is tested on all of dataset 2, `2to1` the other
way round. Each takes half an hour of one core; `--only` lets several run side by side, finished trainings are not
repeated and interrupted ones go on. Every image is segmented with default settings, its cell diameter estimated; across
datasets also after a grey-world balance. Writes `docs/results/zheng_folds.json` once all are trained: nucleus and
whole-cell Dice (mean over images, bootstrap interval, 5th percentile), mean absolute error of nucleus area / cell area,
the worst images.
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
from napari_all.cli.common import terminal_monitor
from napari_all.evaluation.intervals import bootstrap_mean
from napari_all.evaluation.masks import dice
from napari_all.io.images import read_image
from napari_all.workflows.segment import make_config, segment_image
from napari_all.workflows.train_config import make_train_config
from napari_all.workflows.train_segmenter import train_segmenter

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))
import train_segmenter as shipped  # noqa: E402

DATASETS = (1, 2)
FOLDS = 5
EPOCHS = 20
HELD_OUT = "fold0"
"""What the shipped network was not trained on."""
ACROSS = {"1to2": "trained on dataset 1, tested on 2", "2to1": "trained on dataset 2, tested on 1"}
JOBS: dict[str, tuple[str, tuple[int, ...]]] = {
    "1to2": ("all.csv", (1,)),
    "2to1": ("all.csv", (2,)),
    **{f"fold{k}": (f"fold{k}.csv", DATASETS) for k in range(FOLDS)},
}


def train(name: str, data: Path, runs: Path) -> str:
    """Train one network, or go on with it; return its name or path."""
    if name == HELD_OUT:
        return "smear-unet"
    split, datasets = JOBS[name]
    folder = runs / name
    if not (folder / "report.json").exists():
        sources = [
            source.updated(split=runs / source.images.parent.name / split)
            for source in shipped.sources(data.parent, runs.parent)
            if source.split is not None and int(source.images.parent.name[-1]) in datasets
        ]
        sources += shipped.sources(data.parent, runs.parent, without_zheng=True)
        config = make_train_config([*shipped.SETTINGS, f"name=zheng-{name}", f"epochs={EPOCHS}"])
        with terminal_monitor(quiet=False) as monitor:
            train_segmenter(sources, folder, config, resume=folder.exists(), monitor=monitor)
    return str(folder / f"zheng-{name}.safetensors")


def tested(name: str, data: Path) -> list[tuple[int, Path]]:
    """Return (dataset, image) of everything that a network may be tested on."""
    split, trained = JOBS[name]
    found = []
    for dataset in DATASETS:
        paths = sorted((data / f"dataset{dataset}" / "images").iterdir())
        if split == "all.csv":
            found += [] if dataset in trained else [(dataset, path) for path in paths]
        else:
            found += [(dataset, path) for i, path in enumerate(paths) if i % FOLDS == int(name[-1])]
    return found


def score(model: str, images: list[tuple[int, Path]], *settings: str) -> list[dict[str, object]]:
    """Measure every image."""
    config = make_config("unet", assignments=[f"model={model}", *settings])
    rows = []
    for dataset, path in images:
        _, rgb = read_image(path)
        truth = cv2.imread(str(path.parents[1] / "masks" / path.name), cv2.IMREAD_UNCHANGED)
        result = segment_image(rgb, config)
        nucleus, cell = result.classes == NUCLEUS, result.classes > 0
        ratio = nucleus.sum() / cell.sum() if cell.any() else 0.0
        rows.append(
            {
                "dataset": dataset,
                "image": path.name,
                "nucleus": dice(nucleus, truth == NUCLEUS),
                "whole_cell": dice(cell, truth > 0),
                "ratio_error": abs(float(ratio - (truth == NUCLEUS).sum() / (truth > 0).sum())),
            }
        )
    return rows


def summary(rows: list[dict[str, object]]) -> dict[str, object]:
    """Return means, intervals and tails."""
    result: dict[str, object] = {"images": len(rows)}
    for part in ("nucleus", "whole_cell"):
        values = [float(row[part]) for row in rows]  # type: ignore[arg-type]
        low, high = bootstrap_mean(values)
        result[part] = {
            "dice": round(float(np.mean(values)), 4),
            "dice_95": [round(low, 4), round(high, 4)],
            "p5": round(float(np.percentile(values, 5)), 4),
        }
    result["ratio_mae"] = round(float(np.mean([row["ratio_error"] for row in rows])), 4)  # type: ignore[misc]
    worst = sorted(rows, key=lambda row: float(row["nucleus"]))[:5]  # type: ignore[arg-type]
    result["worst_nuclei"] = {str(row["image"]): round(float(row["nucleus"]), 3) for row in worst}  # type: ignore[arg-type]
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(os.environ.get("NAPARI_ALL_DATA", ROOT.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=default / "wbc-zheng")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "zheng")
    parser.add_argument("--only", nargs="*", choices=list(JOBS), default=list(JOBS))
    options = parser.parse_args()
    scored, balanced = {}, {}
    for name in options.only:
        model = train(name, options.data, options.runs)
        images = tested(name, options.data)
        scored[name] = score(model, images)
        print(name, json.dumps(summary(scored[name])), flush=True)
        if name in ACROSS:
            balanced[name] = score(model, images, "normalise=grey-world")
            print(name, "grey-world", json.dumps(summary(balanced[name])), flush=True)
    if set(scored) != set(JOBS):
        return
    folds = [row for name, rows in scored.items() if name.startswith("fold") for row in rows]
    results = {f"dataset{d}, five folds": summary([r for r in folds if r["dataset"] == d]) for d in DATASETS}
    for name, title in ACROSS.items():
        results |= {title: summary(scored[name]), f"{title}, grey-world balance": summary(balanced[name])}
    target = ROOT / "docs" / "results" / "zheng_folds.json"
    target.write_text(json.dumps({"settings": [*shipped.SETTINGS, f"epochs={EPOCHS}"], **results}, indent=2) + "\n")
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
