"""What a training run keeps in its folder while it runs: the trainer's own files, and the curves as a table."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_all.files import atomic_path

LAST, BEST = "last.ckpt", "best.ckpt"
"""The trainer's own files: the last finished epoch, to go on from, and the weights of the best."""
CURVES_FILE = "curves.csv"


@dataclass(frozen=True)
class Figures:
    """What a kind of training measures in every epoch.

    Attributes
    ----------
    columns
        Of the curves' table, in order; what an epoch did not measure is empty.
    told
        Columns that the line after an epoch tells, each with its words.
    """

    columns: tuple[str, ...]
    told: tuple[tuple[str, str], ...]

    def line(self, row: Mapping[str, float]) -> str:
        """Return one line for people."""
        said = ", ".join(f"{words} {row[name]:.4f}" for name, words in self.told if name in row)
        return f"epoch {row['epoch']:.0f}: {said}"


SEGMENTER = Figures(
    ("epoch", "step", "train_loss", "val_loss", "val_dice", "val_cell_dice", "val_nucleus_dice", "seconds"),
    (("val_loss", "validation loss"), ("val_cell_dice", "Dice"), ("val_nucleus_dice", "nucleus")),
)
"""`val_dice` is the mean of the parts' Dice, by which the best epoch is chosen; a part the masks lack is empty."""
CLASSIFIER = Figures(
    (
        "epoch", "step", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "val_macro_f1", "test_loss",
        "test_accuracy", "seconds",
    ),
    (
        ("train_loss", "training loss"), ("val_loss", "validation loss"), ("val_accuracy", "accuracy"),
        ("val_macro_f1", "macro F1"),
    ),
)  # fmt: skip
"""Training figures are means over the epoch's batches while the network learns; no epoch is chosen by the test's."""


def read_curves(folder: Path) -> list[dict[str, float]]:
    """Return one row per finished epoch of the run in `folder`, in order; [] before the first."""
    path = folder / CURVES_FILE
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as stream:
        return [{k: float(v) for k, v in row.items() if v} for row in csv.DictReader(stream)]


def write_curves(folder: Path, rows: Sequence[Mapping[str, float]], figures: Figures) -> None:
    """Write the rows of all finished epochs, whole or not at all."""
    with atomic_path(folder / CURVES_FILE) as path, path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, figures.columns, restval="")
        writer.writeheader()
        writer.writerows({name: f"{value:g}" for name, value in row.items()} for row in rows)
