"""The benchmark's scores as Markdown, and in the card of a model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from napari_all.networks.checkpoint import load_checkpoint, save_checkpoint

from .samples import ALL, REFERENCE, ZHENG

Scores = Mapping[str, Any]


def as_markdown(methods: Mapping[str, Scores]) -> str:
    """Return one table for the reference masks and one for each set of wbc-zheng that was scored."""
    lines = [
        "reference-masks",
        "",
        "| method | Dice | 5th percentile | Benign | Early | Pre | Pro | cells F1 | CPU ms/Mpx |",
    ]
    lines += ["|---|---|---|---|---|---|---|---|---|"]
    for name, sets in methods.items():
        one = sets[REFERENCE]
        classes = " | ".join(f"{one['dice_per_class'][c]:.3f}" for c in ("Benign", "Early", "Pre", "Pro"))
        head = f"{_interval(one)} | {one['p5']:.3f}"
        lines.append(f"| {name} | {head} | {classes} | {one['cells_f1']:.3f} | {one['cpu_ms_per_megapixel']} |")
    for key in (*ZHENG, *(name + ALL for name in ZHENG)):
        scored = {name: sets[key] for name, sets in methods.items() if key in sets}
        lines += _zheng(key, scored) if scored else []
    lines += ["", "In brackets: what a method does not look for, compared all the same."]
    return "\n".join(lines)


def _zheng(key: str, scored: Mapping[str, Scores]) -> list[str]:
    images = next(iter(scored.values()))["images"]
    lines = [
        "",
        f"{key}, {images} images",
        "",
        "| method | nucleus Dice | 5th percentile | cell Dice | 5th percentile ",
    ]
    lines[-1] += "| nucleus/cell ratio error | nucleus errors within 2 px of the border | CPU ms/Mpx |"
    lines += ["|---|---|---|---|---|---|---|---|"]
    for name, one in scored.items():
        columns = []
        for part, unseen in (("nucleus", "cell"), ("whole_cell", "nucleus")):
            values = (f"{one[part]['dice']:.3f}", f"{one[part]['p5']:.3f}")
            columns += [f"({v})" for v in values] if one["parts"] == unseen else [_interval(one[part]), values[1]]
        ratio = one.get("nucleus_cell_ratio")
        columns.append(f"{ratio['mean_absolute_error']:.3f}" if ratio else "–")
        columns.append(f"{100 * one['nucleus_errors']['within_2_px_of_border']:.0f} %")
        lines.append(f"| {name} | {' | '.join(columns)} | {one['cpu_ms_per_megapixel']} |")
    return lines


def _interval(one: Scores) -> str:
    low, high = one["dice_95"]
    return f"{one['dice']:.3f} ({low:.3f}–{high:.3f})"


def write_card(model: Path, scores: Scores) -> None:
    """Write the figures into the card of the model that was measured."""
    reference = scores[REFERENCE]
    metrics = {"reference_dice": reference["dice"], "reference_cells_f1": reference["cells_f1"]}
    metrics |= {f"reference_dice_{name.lower()}": value for name, value in reference["dice_per_class"].items()}
    for key in ZHENG:
        for part in ("nucleus", "whole_cell"):
            metrics[f"{key.removeprefix('zheng_')}_{part}_dice"] = scores[key][part]["dice"]
    checkpoint = load_checkpoint(model)
    save_checkpoint(model, checkpoint.tensors, checkpoint.card.updated(metrics=metrics))
