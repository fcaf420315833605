"""What correcting fields whose published masks fail took, and what training on them gives.

    python scripts/choose_failing_fields.py
    python scripts/correct_fields.py begin            # then sheets, edit, recipe: see there
    python scripts/build_training_masks.py --recipe recipes/taleqani-failing-masks.json \\
        --data ../shared/data/taleqani-all --output runs/fields100/corrected
    python benchmarks/corrected_fields.py masks       # the published masks of the same fields
    napari-all train segmenter ...                    # as docs/corrected_fields.md tells
    python benchmarks/corrected_fields.py fields      # edits, Dice gained, time: reads the project
    python benchmarks/corrected_fields.py networks    # Dice against reference-masks: reads runs/fields100/train_*

The last two write their part of `docs/results/corrected_fields.json` and the tables of `docs/corrected_fields.md`.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from quality.samples import Result, Sample, reference_samples
from quality.scoring import Field, measure_reference

from napari_all.evaluation.intervals import bootstrap_mean
from napari_all.evaluation.masks import CellCounts, count_cells, dice
from napari_all.io.images import read_image
from napari_all.project.project import Project
from napari_all.workflows.project_recipe import REVIEWED, edits_of
from napari_all.workflows.segment import make_config, segment_image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))
from correct_fields import chosen  # noqa: E402
from marked_page import replace_marked  # noqa: E402
from table3_data import PUBLISHED_ABOVE, write_published  # noqa: E402

JSON = ROOT / "docs" / "results" / "corrected_fields.json"
PAGE = ROOT / "docs" / "corrected_fields.md"
NETWORKS = {
    "shipped": "the shipped network, before",
    "tuned-corrected": "fine-tuned on the corrected masks, cells at 48 px",
    "whole-corrected": "fine-tuned on the corrected masks, whole images",
    "whole-published": "fine-tuned on the published masks of the same fields, whole images",
    "with-these": "from random weights on all that the shipped one learned and on these fields",
}
CLASSES = ("Benign", "Early", "Pre", "Pro")


def field_rows(folder: Path, data: Path) -> list[dict[str, Any]]:
    """Return one row for each field that was looked at."""
    seconds = json.loads((folder / "seconds.json").read_text())
    rows = []
    with Project(folder / "project") as project:
        for image in chosen(folder):
            now, begun = project.load(image), project.shelf(image, "predictions")
            assert begun is not None
            cells = count_cells(begun.pixels.labels, now.pixels.labels, now.pixels.ignore)
            published = read_image(data / "Segmented" / image)[1].max(axis=2) > PUBLISHED_ABOVE
            truth, ignore = now.pixels.labels > 0, now.pixels.ignore
            rows.append(
                {
                    "image": image,
                    "status": now.values.status,
                    "cells": int(len(np.unique(now.pixels.labels)) - 1),
                    "edits": dict(edits_of(project, image)),
                    "dice_predicted": round(dice(begun.pixels.labels > 0, truth, ignore), 4),
                    "dice_published": round(dice(published, truth, ignore), 4),
                    "cells_predicted": [cells.hits, cells.missed, cells.false],
                    "predict_s": seconds[image]["predict"],
                    "edit_s": seconds[image].get("edit", 0.0),
                }
            )
    return rows


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the figures of some fields."""
    edited = [row for row in rows if row["edits"]]
    counts = [sum(row["edits"].values()) for row in rows]
    cells = sum((CellCounts(*row["cells_predicted"]) for row in rows), CellCounts())
    gained = sum(1 - row["dice_predicted"] for row in rows)
    return {
        "fields": len(rows),
        "accepted_without_edit": sum(row["status"] == "accepted" for row in rows),
        "cells": sum(row["cells"] for row in rows),
        "edits": sum(counts),
        "edits_per_field": round(float(np.mean(counts)), 2),
        "most_edits": max(counts),
        "dice_published": round(float(np.mean([row["dice_published"] for row in rows])), 4),
        "dice_predicted": round(float(np.mean([row["dice_predicted"] for row in rows])), 4),
        "dice_predicted_of_edited": mean([row["dice_predicted"] for row in edited]),
        "dice_gained_per_edit": round(gained / max(sum(counts), 1), 4),
        "cells_f1_predicted": round(cells.f1, 4),
        "predict_s_median": round(float(np.median([row["predict_s"] for row in rows])), 2),
        "edit_s_mean_of_edited": mean([row["edit_s"] for row in edited]),
        "edit_s_all": round(sum(row["edit_s"] for row in rows), 1),
    }


def mean(values: list[float]) -> float | None:
    """Return the mean, None of nothing."""
    return round(float(np.mean(values)), 4) if values else None


def fields(folder: Path, data: Path) -> dict[str, Any]:
    rows = field_rows(folder, data)
    assert all(row["status"] in REVIEWED for row in rows)
    of = defaultdict(list)
    for row in rows:
        of[row["image"].partition("/")[0]].append(row)
    tools: Counter[str] = Counter()
    for row in rows:
        tools.update(row["edits"])
    return {
        "choice": choice(folder / "measured.csv"),
        "tools": dict(tools.most_common()),
        "per_class": {name: summary(of[name]) for name in CLASSES} | {"all": summary(rows)},
        "fields": rows,
    }


def choice(path: Path) -> dict[str, Any]:
    """Return how many published masks fail, by class and by the method that they were compared with."""
    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    counts: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    for row in rows:
        own = counts[row["image"].partition("/")[0]][row["method"]]
        own[0] += row["fails"] == "True"
        own[1] += 1
    return {name: dict(own) for name, own in counts.items()}


def networks(folder: Path, data: Path, names: Sequence[str]) -> dict[str, Any]:
    """Score networks on the reference masks."""
    samples = reference_samples(data / "reference-masks")
    found: dict[str, Any] = {}
    for name in names:
        run = folder / f"train_{name}"
        own = [] if name == "shipped" else [f"model={run / f'{name}.safetensors'}"]
        scored = measure_reference(segmented(samples, own))
        each = {field.sample.name: round(field.dice, 4) for field in scored.fields}
        found[name] = scored.scores | {"fields": each} | ({"training": training_facts(run)} if own else {})
    return found


def change(one: dict[str, Any], start: dict[str, Any]) -> str:
    """Return how Dice changed, with its interval (fields drawn again)."""
    gains = [value - start["fields"][name] for name, value in one["fields"].items()]
    low, high = bootstrap_mean(gains)
    return f"{np.mean(gains):+.3f} ({low:+.3f} to {high:+.3f})"


def segmented(samples: list[Sample], settings: list[str]) -> list[Field]:
    """Segment every reference field with the U-Net."""
    config = make_config("unet", assignments=settings)
    found = []
    for sample in samples:
        cells = segment_image(sample.rgb, config)
        result = Result(cells.labels, cells.classes, cells.parts)
        found.append(Field(sample, result, dice(cells.labels > 0, sample.truth > 0, sample.ignore)))
    return found


def training_facts(run: Path) -> dict[str, Any]:
    with (run / "curves.csv").open(newline="") as stream:
        epochs = list(csv.DictReader(stream))
    best = max(epochs, key=lambda row: float(row["val_dice"]))
    return {"epochs": len(epochs), "steps": int(epochs[-1]["step"]), "best_epoch": int(best["epoch"])}


def kept_steps(training: dict[str, int]) -> int:
    """Return after how many steps the weights that were kept stood."""
    return training["steps"] // training["epochs"] * training["best_epoch"]


def tables(results: dict[str, Any]) -> None:
    """Write the tables of the page from what is known."""
    if "fields" in results:
        replace_marked(PAGE, "choice", choice_table(results["fields"]["choice"]))
        replace_marked(PAGE, "fields", field_table(results["fields"]))
    if "networks" in results:
        replace_marked(PAGE, "networks", network_table(results["networks"]))


def choice_table(found: dict[str, dict[str, list[int]]]) -> list[str]:
    lines = ["", "| published masks that fail | " + " | ".join(CLASSES) + " |", "|---" * (len(CLASSES) + 1) + "|"]
    titles = {
        "lab": "by the cells of `lab`, of all free fields",
        "unet": "of these by the cells of the U-Net, of so many",
    }
    for method, title in titles.items():
        counts = (found[name][method] for name in CLASSES)
        lines.append(f"| {title} | " + " | ".join(f"{failing} of {of}" for failing, of in counts) + " |")
    return [*lines, ""]


def field_table(found: dict[str, Any]) -> list[str]:
    titles = {
        "fields": "fields",
        "accepted_without_edit": "accepted without an edit",
        "cells": "cells",
        "edits": "edits",
        "edits_per_field": "edits per field, mean",
        "most_edits": "edits, most in one field",
        "dice_published": "Dice of the published mask with the corrected one",
        "dice_predicted": "Dice of the prediction with the corrected one",
        "dice_predicted_of_edited": "the same, fields that were edited",
        "dice_gained_per_edit": "Dice gained per edit",
        "cells_f1_predicted": "cells F1 of the prediction",
        "predict_s_median": "predicting, median s",
        "edit_s_mean_of_edited": "loading, edits and log of an edited field, mean s",
        "edit_s_all": "the same, all fields together, s",
    }
    columns = (*CLASSES, "all")
    lines = ["", f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for key, title in titles.items():
        lines.append(f"| {title} | " + " | ".join(text(found["per_class"][c][key]) for c in columns) + " |")
    tools = ", ".join(f"{name} {count}" for name, count in found["tools"].items())
    return [*lines, "", f"Edits by tool: {tools}.", ""]


def text(value: float | None) -> str:
    """Return a figure as a cell of a table."""
    return "–" if value is None else str(value) if isinstance(value, int) else f"{value:.3g}"


def network_table(found: dict[str, Any]) -> list[str]:
    lines = ["", f"| | all 21 | {' | '.join(CLASSES)} | change (95 %) | cells F1 | steps kept |"]
    lines.append("|---" * (len(CLASSES) + 5) + "|")
    for name, title in NETWORKS.items():
        if name in found:
            one = found[name]
            classes = " | ".join(f"{one['dice_per_class'][c]:.3f}" for c in CLASSES)
            changed = change(one, found["shipped"]) if "training" in one else ""
            steps = kept_steps(one["training"]) if "training" in one else ""
            lines.append(f"| {title} | {one['dice']:.3f} | {classes} | {changed} | {one['cells_f1']:.3f} | {steps} |")
    return [*lines, ""]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(os.environ.get("NAPARI_ALL_DATA", ROOT.parent / "shared" / "data"))
    parser.add_argument("job", choices=("masks", "fields", "networks"))
    parser.add_argument("--data", type=Path, default=default)
    parser.add_argument("--only", nargs="*", choices=NETWORKS, default=list(NETWORKS), help="for `networks`")
    parser.add_argument("--folder", type=Path, default=ROOT / "runs" / "fields100")
    options = parser.parse_args()
    if options.job == "masks":
        write_published(options.data / "taleqani-all", chosen(options.folder), options.folder / "published")
        return
    if options.job == "fields":
        found = fields(options.folder, options.data / "taleqani-all")
    else:
        found = networks(options.folder, options.data, options.only)
    # read again: another run may have scored other networks meanwhile
    results = json.loads(JSON.read_text()) if JSON.exists() else {}
    results[options.job] = found if options.job == "fields" else results.get("networks", {}) | found
    JSON.write_text(json.dumps(results, indent=1) + "\n")
    tables(results)


if __name__ == "__main__":
    main()
