"""What a training run keeps in its folder while it runs: the trainer's own files, and the curves as a table."""

from __future__ import annotations

import csv
from pathlib import Path

LAST, BEST = "last.ckpt", "best.ckpt"
"""The trainer's own files: the last finished epoch, to go on from, and the weights of the best."""
CURVES_FILE = "curves.csv"
COLUMNS = ("epoch", "step", "train_loss", "val_loss", "val_dice", "val_cell_dice", "val_nucleus_dice", "seconds")
"""`val_dice` is the mean of the parts' Dice, by which the best epoch is chosen; a part the masks lack is empty."""


def read_curves(folder: Path) -> list[dict[str, float]]:
    """Return one row per finished epoch of the run in `folder`, in order; [] before the first."""
    path = folder / CURVES_FILE
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as stream:
        return [{k: float(v) for k, v in row.items() if v} for row in csv.DictReader(stream)]
