"""Five-fold and cross-dataset Dice on wbc-zheng: the shipped network's training, again for each fold.

    (the masks and splits that scripts/train_segmenter.py needs)
    python benchmarks/zheng_folds.py [--data DIR] [--runs runs/zheng] [--only fold0 1to2 ...]

Fold k of a dataset: the images whose index by sorted file name is k modulo 5. Fold 0 is tested with the shipped
network, which did not learn it; the network of each other fold learns all that the first stage of the shipped one does,
but for that fold of both datasets. `1to2` learns dataset 1 and is tested on all of dataset 2, `2to1` the other way
round: fewer epochs, then a short stage in which light and stain vary more, for the lamp of dataset 1 is yellow. Each
takes half an hour of one core; `--only` lets several run side by side, finished trainings are not repeated and
interrupted ones go on. Every image is segmented with default settings, its diameter estimated; across datasets also
after a grey-world balance. Writes `docs/results/zheng_folds.json`: scores as in segmentation_quality.py, the five folds
once all are asked for, and again without the white cells that do not touch the one the reference marks, for it leaves
out all others. `docs/images/zheng-errors-*.png` show where the wrong pixels lie. Pictures of the worst images go to
`--sheet`, which must be a folder that git ignores.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from quality.error_map import draw_error_maps
from quality.samples import FOLDS, Result, Sample, zheng_samples
from quality.scoring import Field, measure_zheng
from quality.sheet import write_sheet

from napari_all.cli.common import terminal_monitor
from napari_all.evaluation.masks import dice
from napari_all.files import write_json
from napari_all.workflows.segment import make_config, segment_image
from napari_all.workflows.train_config import make_train_config
from napari_all.workflows.train_segmenter import train_segmenter

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))
import train_segmenter as shipped  # noqa: E402

DATASETS = (1, 2)
FOLD, FIRST = ("epochs=35",), ("epochs=20",)
STAIN = ("epochs=6", "learning_rate=0.001", "stain=2", "brightness=3", "contrast=1.5")
HELD_OUT = "fold0"
"""What the shipped network was not trained on."""
ACROSS = {"1to2": "trained on dataset 1, tested on 2", "2to1": "trained on dataset 2, tested on 1"}
BALANCED = ", grey-world balance"
MARKED = ", marked cell only"
JOBS: dict[str, tuple[str, tuple[int, ...]]] = {
    "1to2": ("all.csv", (1,)),
    "2to1": ("all.csv", (2,)),
    **{f"fold{k}": (f"fold{k}.csv", DATASETS) for k in range(FOLDS)},
}


def train(name: str, data: Path, runs: Path) -> str:
    """Train one network, or go on with it; return its name or path."""
    if name == HELD_OUT:
        return "smear-unet"
    if name not in ACROSS:
        return one_stage(name, name, data, runs, FOLD)
    first = one_stage(name, name, data, runs, FIRST)
    return one_stage(name, f"{name}-stain", data, runs, (*STAIN, f"init={first}"))


def one_stage(job: str, name: str, data: Path, runs: Path, settings: Sequence[str]) -> str:
    """Train with settings beside the shipped ones where that is not done; return the path of the checkpoint."""
    split, datasets = JOBS[job]
    folder = runs / name
    if not (folder / "report.json").exists():
        sources = [
            source.updated(split=runs / source.images.parent.name / split)
            for source in shipped.sources(data.parent, runs.parent)
            if source.split is not None and int(source.images.parent.name[-1]) in datasets
        ]
        sources += shipped.sources(data.parent, runs.parent, without_zheng=True)
        config = make_train_config([*shipped.SETTINGS, f"name=zheng-{name}", *settings])
        with terminal_monitor(quiet=False) as monitor:
            train_segmenter(sources, folder, config, resume=folder.exists(), monitor=monitor)
    return str(folder / f"zheng-{name}.safetensors")


def tested(name: str, data: Path) -> list[Sample]:
    """Return all that a network may be tested on."""
    split, trained = JOBS[name]
    if split == "all.csv":
        return [s for d in DATASETS if d not in trained for s in zheng_samples(data / f"dataset{d}", set(range(FOLDS)))]
    return [s for d in DATASETS for s in zheng_samples(data / f"dataset{d}", {int(name[-1])})]


def segmented(model: str, samples: list[Sample], *settings: str) -> list[Field]:
    """Segment every image."""
    config = make_config("unet", assignments=[f"model={model}", *settings])
    fields = []
    for sample in samples:
        found = segment_image(sample.rgb, config)
        result = Result(found.labels, found.classes, found.parts)
        fields.append(Field(sample, result, dice(result.classes > 0, sample.truth > 0)))
    return fields


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(os.environ.get("NAPARI_ALL_DATA", ROOT.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=default / "wbc-zheng")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "zheng")
    parser.add_argument("--only", nargs="*", choices=list(JOBS), default=list(JOBS))
    parser.add_argument("--sheet", type=Path, metavar="DIR", help="where pictures of the worst images go")
    options = parser.parse_args()
    sets: dict[str, list[Field]] = {}
    for name in options.only:
        model = train(name, options.data, options.runs)
        samples = tested(name, options.data)
        fields = segmented(model, samples)
        print(name, json.dumps(measure_zheng(fields).scores), flush=True)
        if title := ACROSS.get(name):
            sets[title] = fields
            sets[f"{title}{BALANCED}"] = segmented(model, samples, "normalise=grey-world")
        elif set(JOBS) - set(ACROSS) <= set(options.only):
            for one in fields:
                sets.setdefault(f"{one.sample.group}, five folds", []).append(one)
    write(sets, options.sheet)


def of_marked_cell(field: Field) -> Field:
    """Return what was found of the cell that the reference marks, without cells that do not touch it."""
    marked, found = field.sample.truth > 0, field.result
    kept = np.isin(found.labels, np.unique(found.labels[marked])) & (found.labels > 0)
    result = Result(np.where(kept, found.labels, 0), np.where(kept, found.classes, np.uint8(0)), found.parts)
    return Field(field.sample, result, dice(result.classes > 0, marked))


def write(sets: dict[str, list[Field]], sheet: Path | None) -> None:
    """Write the scores of the sets, beside those of earlier runs, and where their errors lie."""
    target = ROOT / "docs" / "results" / "zheng_folds.json"
    results = json.loads(target.read_text()) if target.exists() else {}
    results["settings"] = {"all": shipped.SETTINGS, "folds": FOLD, "across": FIRST, "across, second stage": STAIN}
    for title, fields in sets.items():
        scored = measure_zheng(fields)
        results[title] = {"images": len(fields)} | scored.scores
        if "five folds" in title:
            alone = measure_zheng([of_marked_cell(field) for field in fields])
            results[f"{title}{MARKED}"] = {"images": len(fields)} | alone.scores
        if sheet:
            write_sheet(sheet / f"{title.replace(' ', '_')}.png", title, scored.fields)
    write_json(target, results)
    for kind in ("across", "five folds"):
        titles = [t for t in sets if BALANCED not in t and ("five folds" in t) == (kind == "five folds")]
        if titles:
            picture = draw_error_maps({title: sets[title] for title in titles})
            picture.save(ROOT / "docs" / "images" / f"zheng-errors-{kind.replace(' ', '-')}.png")
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
