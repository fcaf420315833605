"""Table 4 of Reza et al. 2025: the paper's networks and ours, by the paper's rule and with whole groups held out.

    python scripts/table4.py --data ../shared/data/taleqani-all [--only NETWORK …] [--full] [--resume]

Every network is trained by `napari-all train classifier` twice: on a split by the paper's rule, which leaks, and on
one that holds whole appearance clusters out. Reduced (128 px, 8 epochs of one image per training image, batches of 16)
a network takes at most about a quarter of an hour of one core for both; --full (224 px, 30 epochs, batches of 32) is
for a GPU. Writes docs/results/table4.json (table4_full.json) and the tables of docs/table4.md after every network.
Interrupted, it goes on with --resume. With --audit, what the networks of the grouped split look at is measured, too.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from marked_page import replace_marked
from table4_page import NETWORKS, SPLITS, tables

from napari_all.cli.common import terminal_monitor
from napari_all.config import Settings
from napari_all.data.dataset import find_labelled_images
from napari_all.data.split import grouped_holdout, paper_split, write_split
from napari_all.errors import Cancelled, FileExistsRefused
from napari_all.evaluation.audit_report import AuditReport
from napari_all.evaluation.classification import ClassificationReport
from napari_all.files import write_json
from napari_all.monitor import Monitor
from napari_all.networks.backbones import BACKBONES
from napari_all.networks.checkpoint import load_checkpoint
from napari_all.training.curves import read_curves
from napari_all.workflows.audit import audit
from napari_all.workflows.audit_config import AuditConfig, AuditData
from napari_all.workflows.train_classifier import TrainClassifierReport, train_classifier
from napari_all.workflows.train_classifier_config import TrainClassifierConfig, make_classifier_config

ROOT = Path(__file__).resolve().parents[1]
RESULT, AUDIT = "result.json", "audit"
_SEED = 0
SETTINGS = ("patience=10000",)
"""Every epoch is trained; the validation images choose the one that counts."""


class Plan(Settings):
    """What differs between the reduced and the full command."""

    reduced: bool
    settings: tuple[str, ...]

    def config(self, network: str, split: Path) -> TrainClassifierConfig:
        """Return what one network's training is asked to do."""
        own = NETWORKS[network].settings
        return make_classifier_config([f"name={network}", f"split={split}", *SETTINGS, *self.settings, *own])


REDUCED = Plan(reduced=True, settings=("size_px=128", "epochs=8", "batch_size=16"))
FULL = Plan(reduced=False, settings=("size_px=224", "epochs=30", "batch_size=32"))


def write_splits(data: Path, output: Path) -> dict[str, Path]:
    """Write the two splits that all networks share; return where they lie."""
    images = find_labelled_images(data)
    paths = {name: output / f"split-{name}.json" for name in SPLITS}
    for name, make in (("paper", paper_split), ("grouped", grouped_holdout)):
        write_split(paths[name], make(images, _SEED), images)
    return paths


def figures(report: TrainClassifierReport, folder: Path) -> dict[str, Any]:
    """Return what the table tells of a run."""
    assert report.test is not None, "both splits have a test part"
    checkpoint = load_checkpoint(folder / report.checkpoint)
    network = BACKBONES[checkpoint.card.backbone].build(**checkpoint.card.options)
    seconds = json.loads((folder / "report.json").read_text())["seconds"]
    return {
        "split": report.data.split,
        "split_fingerprint": report.data.split_fingerprint,
        "images": {part: sum(of.values()) for part, of in report.data.images.items()},
        "weights": sum(p.numel() for p in network.parameters()),
        "best_epoch": report.epoch,
        "seconds_of_the_last_start": round(seconds),
        "settings": checkpoint.card.extra["training"] | {"size_px": checkpoint.card.input.size_px},
        "train_accuracy": report.train_accuracy.model_dump(mode="json"),
        "validation": _measured(report.validation.measures),
        "test": _measured(report.test.measures),
        "curves": read_curves(folder),
    }


def _measured(found: ClassificationReport) -> dict[str, Any]:
    return {
        "accuracy": found.accuracy.model_dump(mode="json"),
        "accuracy_groups_95": found.accuracy_groups_95,
        "macro": found.macro.model_dump(mode="json"),
        "recall": {c.name: c.recall for c in found.per_class},
        "confusion": found.confusion,
        "expected_calibration_error": found.calibration.expected_calibration_error,
    }


def run_network(network: str, plan: Plan, data: Path, splits: dict[str, Path], output: Path, monitor: Monitor) -> None:
    """Train a network on both splits where that is not done."""
    for name, split in splits.items():
        folder = output / network / name
        if (folder / RESULT).exists():
            continue
        monitor.message(f"{network}, {name} split")
        report = train_classifier(data, folder, plan.config(network, split), resume=True, monitor=monitor)
        if report is None or report.cancelled:
            raise Cancelled("stopped at the user's wish; go on with --resume")
        write_json(folder / RESULT, figures(report, folder))


def audit_network(network: str, data: AuditData, output: Path, monitor: Monitor) -> None:
    """Audit the network of the grouped split on the images that it was tested on, where that is not done."""
    run, folder = output / network / "grouped", output / network / AUDIT
    if not (run / RESULT).exists() or (folder / "audit.json").exists():
        return
    monitor.message(f"{network}, audit")
    model = str(run / f"{network}.safetensors")
    audit(replace(data, split=run / "split.json"), folder, model=model, config=AuditConfig(), monitor=monitor)


def audit_figures(folder: Path) -> dict[str, Any]:
    """Return what the table tells of an audit: counts of images, and of predictions that change."""
    found = AuditReport.parse(json.loads((folder / "audit.json").read_text())).model
    assert found is not None, "the audit was given a model"
    as_photographed = {b.origin: b for b in found.backgrounds if b.light == "as photographed"}
    shares = {
        "other_class": as_photographed["other class"],
        "same_class": as_photographed["same class"],
        "bar": max(found.bars, key=lambda share: share.share),
        **{share.what.replace(" ", "_"): share for share in found.blanked},
    }
    return {what: {"count": one.count, "images": one.images} for what, one in shares.items()}


def collect(output: Path, reduced: bool) -> dict[str, Any]:
    """Return the results of all runs that are finished."""
    runs = {
        network: {
            name: json.loads(path.read_text()) for name in SPLITS if (path := output / network / name / RESULT).exists()
        }
        for network in NETWORKS
    }
    audits = {n: audit_figures(folder) for n in NETWORKS if ((folder := output / n / AUDIT) / "audit.json").exists()}
    return {"reduced": reduced, "runs": {network: found for network, found in runs.items() if found}, "audits": audits}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(os.environ.get("NAPARI_ALL_DATA", ROOT.parent / "shared" / "data")) / "taleqani-all"
    parser.add_argument("--data", type=Path, default=default)
    parser.add_argument("--output", type=Path, help="folder of the runs (default runs/table4 or runs/table4_full)")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs", help="gets results/table4.json and table4.md")
    parser.add_argument("--full", action="store_true", help="224 px, 30 epochs")
    parser.add_argument("--only", nargs="+", choices=NETWORKS, default=list(NETWORKS), help="train these")
    parser.add_argument("--audit", action="store_true", help="also audit the networks of the grouped split")
    parser.add_argument("--groups", type=Path, help="overlapping fields, for the audit (default: those of the data)")
    parser.add_argument("--resume", action="store_true", help="go on with interrupted runs, keep finished ones")
    options = parser.parse_args(arguments)
    plan = FULL if options.full else REDUCED
    name = "table4" if plan.reduced else "table4_full"
    output = options.output or ROOT / "runs" / name
    if any((output / network).exists() for network in options.only) and not options.resume:
        raise FileExistsRefused(f"{output} holds runs; give --resume to go on, or choose another --output")
    splits = write_splits(options.data, output)
    with terminal_monitor(quiet=False) as monitor:
        for network in options.only:
            run_network(network, plan, options.data, splits, output, monitor)
            if options.audit:
                audit_network(network, AuditData(options.data, options.groups), output, monitor)
            results = collect(output, plan.reduced)
            write_json(options.docs / "results" / f"{name}.json", results)
            replace_marked(options.docs / "table4.md", name, tables(results))
    print(f"{name}.json and the tables of table4.md are in {options.docs}")


if __name__ == "__main__":
    main()
