"""The tables of docs/table3.md, from the results of table3.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from marked_page import replace_marked

PAPER = (
    (0.7000, 0.3000, 0.6001, 0.5914, 0.5800),
    (0.5691, 0.4304, 0.8502, 0.7835, 0.7700),
    (0.5270, 0.4730, 0.8646, 0.8251, 0.8100),
    (0.5117, 0.4880, 0.8681, 0.8469, 0.8300),
    (0.0499, 0.5004, 0.8684, 0.8638, 0.8206),
    (0.4929, 0.5068, 0.8722, 0.8544, 0.8117),
    (0.4936, 0.5062, 0.8744, 0.8866, 0.8423),
    (0.4784, 0.5215, 0.8750, 0.8885, 0.8441),
    (0.4839, 0.5161, 0.8797, 0.8890, 0.8446),
)
"""Loss and Dice in training, pixel accuracy in training, validation and test, epochs 1 to 9."""
FIGURES = ("loss", "dice", "train", "val", "test")
TITLES = {
    "published": "published masks",
    "well-made": "well-made masks",
    "same-fields": "published masks of the same fields",
}


def write_page(docs: Path, name: str, results: Mapping[str, Any]) -> None:
    """Replace the tables between the marks `<!-- {name} -->` and `<!-- end {name} -->` of `docs/table3.md`."""
    replace_marked(docs / "table3.md", name, tables(results))


def tables(results: Mapping[str, Any]) -> list[str]:
    """Return the lines of all tables."""
    lines = ["", *_epochs("The paper", [dict(zip(FIGURES, row, strict=True)) for row in PAPER])]
    lines[-1:] = ["", "The paper's loss in epoch 5 is a misprint: everywhere else loss + Dice is 1.", ""]
    for name, title in TITLES.items():
        run = results["runs"][name]
        images, settings = run["images"], run["settings"]
        steps = settings["epochs"] * settings["steps_per_epoch"]
        counts = f"{images['train']} / {images['val']} / {images['test']} images"
        how = f"{steps} steps of {settings['batch_size']}, {settings['patch_px']} px"
        lines += _epochs(f"{title[0].upper()}{title[1:]}: {counts}, {how}", run["epochs"])
        flat = run["epochs"][-1]["test_background"]
        lines += [f"A mask without any cell would have a test accuracy of {flat:.4f}.", ""]
    return lines + _reference(results)


def _epochs(title: str, rows: Sequence[Mapping[str, float]]) -> list[str]:
    lines = [f"**{title}**", "", "| epoch | loss | Dice | train | validation | test |", "|---|---|---|---|---|---|"]
    for epoch, row in enumerate(rows, 1):
        lines.append(f"| {epoch} | " + " | ".join(f"{row[figure]:.4f}" for figure in FIGURES) + " |")
    return [*lines, ""]


def _reference(results: Mapping[str, Any]) -> list[str]:
    themselves = results["published_masks_themselves"]
    classes = list(themselves)
    side = next(iter(results["runs"].values()))["settings"]["patch_px"]
    lines = ["**Dice against the reference masks**", ""]
    lines.append(f"| | best epoch | at {side} px | at the image's size | {' | '.join(classes[1:])} |")
    lines.append("|---" * (len(classes) + 3) + "|")
    for name, title in TITLES.items():
        run = results["runs"][name]
        small, own = (run["reference_masks"][size] for size in ("network_size", "own_size"))
        values = [f"{run['best_epoch']}", f"{small['all']:.3f}", *(f"{own[c]:.3f}" for c in classes)]
        lines.append(f"| trained on {title} | " + " | ".join(values) + " |")
    values = ["", "", *(f"{themselves[c]:.3f}" for c in classes)]
    lines.append("| the published masks themselves | " + " | ".join(values) + " |")
    return [*lines, ""]
