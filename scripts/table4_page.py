"""The tables of docs/table4.md: the paper's figures beside those of table4.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Network:
    """A row of the table: its title, what its training is asked to do, and the paper's row, if there is one."""

    title: str
    settings: tuple[str, ...]
    paper: str | None = None


PAPER = {
    "MobileNetV2": (97.87, 98.90, 98.50, 97.00, 98.00, 97.00),
    "InceptionV3": (77.69, 82.52, 82.00, 77.00, 76.00, 77.00),
    "ResNet50": (98.04, 98.96, 98.60, 98.00, 96.00, 97.00),
    "NASNet": (83.76, 84.82, 84.30, 82.00, 83.00, 81.00),
    "Custom CNN": (99.31, 97.09, 96.80, 97.00, 99.00, 98.00),
}
"""Training and validation accuracy, precision, recall, F1 and test accuracy in per cent, as Table 4 prints them."""
NETWORKS = {
    "custom_cnn": Network("Custom CNN, working", ("backbone=custom_cnn",), "Custom CNN"),
    "custom_cnn_literal": Network("Custom CNN, as printed", ("backbone=custom_cnn", "variant=literal"), "Custom CNN"),
    "mobilenet_v2": Network("MobileNetV2", ("backbone=mobilenet_v2",), "MobileNetV2"),
    "resnet50": Network("ResNet50", ("backbone=resnet50",), "ResNet50"),
    "nasnet_mobile": Network("NASNet-A Mobile", ("backbone=nasnet_mobile",), "NASNet"),
    "cellnet": Network("ours (cellnet)", ("backbone=cellnet",)),
}
"""What is trained, in the order of the table."""
SPLITS = {"paper": "The paper's rule: images drawn one by one", "grouped": "Whole appearance clusters held out"}
_HEAD = "training | validation | precision | recall | F1 | test | Wilson 95 % | clusters drawn again, 95 %"


def tables(results: Mapping[str, Any]) -> list[str]:
    """Return the lines of all tables; what has not been run yet says so."""
    lines = [""]
    for split, title in SPLITS.items():
        lines += [f"**{title}**", "", f"| network | {_HEAD} |", "|---" * 9 + "|"]
        lines += [_row(network, results["runs"].get(name, {}).get(split)) for name, network in NETWORKS.items()]
        lines += ["", *_counts(results, split)]
    return [*lines, *_settings(results), *_audits(results)]


def paper_table() -> list[str]:
    """Return the lines of the paper's own table."""
    lines = ["| network | training | validation | precision | recall | F1 | test |", "|---" * 7 + "|"]
    return lines + [f"| {name} | " + " | ".join(f"{v:.2f}" for v in row) + " |" for name, row in PAPER.items()]


def _row(network: Network, run: Mapping[str, Any] | None) -> str:
    if run is None:
        return f"| {network.title} | not run yet |" + " |" * 7
    test = run["test"]
    shares = (run["train_accuracy"]["value"], run["validation"]["accuracy"]["value"])
    values = [*shares, *(test["macro"][k] for k in ("precision", "recall", "f1")), test["accuracy"]["value"]]
    told = " | ".join(f"{100 * v:.1f}" for v in values)
    return (
        f"| {network.title} | {told} | {_range(test['accuracy']['wilson_95'])} | {_range(test['accuracy_groups_95'])} |"
    )


def _range(interval: tuple[float, float] | None) -> str:
    return "–" if interval is None else f"{100 * interval[0]:.1f}–{100 * interval[1]:.1f}"


def _counts(results: Mapping[str, Any], split: str) -> list[str]:
    runs = [found[split] for found in results["runs"].values() if split in found]
    if not runs:
        return []
    images = runs[0]["images"]
    counts = f"{images['train']} images to train, {images['validation']} to validate, {images['test']} to test"
    return [f"{counts}; fingerprint of the split {runs[0]['split_fingerprint'][:12]}.", ""]


def _settings(results: Mapping[str, Any]) -> list[str]:
    lines = []
    for name, found in results["runs"].items():
        for run in list(found.values())[:1]:
            settings = run["settings"]
            lines.append(
                f"- {NETWORKS[name].title}: {run['weights']:,} weights, {settings['size_px']} px, "
                f"{settings['epochs']} epochs, batches of {settings['batch_size']}; "
                + ", ".join(f"{split}: epoch {r['best_epoch']} counts" for split, r in found.items())
            )
    return [*lines, ""] if lines else []


def _audits(results: Mapping[str, Any]) -> list[str]:
    """Return the table of what the networks of the grouped split look at; nothing where none was audited."""
    audits = results.get("audits") or {}
    if not audits:
        return []
    heads = {
        "other_class": "background of another class",
        "same_class": "background of the same class",
        "bar": "scale bar, the worst",
        "white_cells_alone": "white cells alone",
        "without_white_cells": "without white cells",
    }
    images = max(one["whole"]["images"] for one in audits.values())
    lines = [
        f"**What they look at** (whole clusters held out, {images} of the images tested on): predictions that change "
        "with what is exchanged, and right answers where part of the picture is blanked, in per cent",
        "",
        "| network | " + " | ".join(f"changed: {h}" for h in list(heads.values())[:3]) + " | right: whole picture | "
        + " | ".join(f"right: {h}" for h in list(heads.values())[3:]) + " |",
        "|---" * 7 + "|",
    ]  # fmt: skip
    for name, one in audits.items():
        keys = (*list(heads)[:3], "whole", *list(heads)[3:])
        told = " | ".join(f"{100 * one[key]['count'] / one[key]['images']:.1f}" for key in keys)
        lines.append(f"| {NETWORKS[name].title} | {told} |")
    return [*lines, ""]
