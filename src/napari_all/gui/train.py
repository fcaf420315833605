"""Dock widget: train or fine-tune the segmenter on a folder of corrected masks, in a process of its own."""

from __future__ import annotations

from typing import Any

from napari import Viewer

from napari_all.evaluation.curves_picture import SEGMENTER_PANELS
from napari_all.gui.curves import Plots, highest
from napari_all.gui.train_form import TrainForm
from napari_all.gui.train_pairs import PairTable
from napari_all.gui.training_kind import Kind
from napari_all.gui.training_panel import TrainingPanel
from napari_all.workflows.train_segmenter import PICTURE

PLOTS = Plots(SEGMENTER_PANELS, highest("val_dice"))
NO_BETTER = "⚠ No better than the model it began from, on these images: keep that one, or give more images or epochs."


class TrainPanel(TrainingPanel):
    """Trains a U-Net of one's own and hands it to the U-Net panel."""

    kind = Kind("train", "check_training", "train_segmenter", PICTURE, "Validation images before and after", "U-Net")

    def __init__(self, napari_viewer: Viewer) -> None:
        settings, pairs = TrainForm(), PairTable()
        super().__init__(napari_viewer, settings, (pairs,))
        self.settings, self.pairs = settings, pairs

    def plots(self) -> Plots:
        """Return loss and Dice; the best epoch is the one of the highest mean Dice."""
        return PLOTS

    def on_checked(self, value: dict[str, Any]) -> None:
        """List images and masks."""
        self.pairs.show_pairs(value["pairs"], value["summary"])

    def on_unchecked(self) -> None:
        """Hide the list."""
        self.pairs.setVisible(False)

    def outcome(self, value: dict[str, Any]) -> list[str]:
        """Return the report's lines, and say when nothing was gained."""
        before, after = value["report"]["before"], value["report"]["after"]
        worse = before is not None and after["dice"] <= before["dice"]
        return [*value["lines"], *([NO_BETTER] if worse else [])]
