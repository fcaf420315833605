"""Dock widget: train a classifier of subtypes on a data set of one's own, in a process of its own."""

from __future__ import annotations

from typing import Any

from napari import Viewer

from napari_all.evaluation.curves_picture import CLASSIFIER_PANELS
from napari_all.gui.curves import Plots, Rows, highest, lowest
from napari_all.gui.train_classifier_form import TrainClassifierForm
from napari_all.gui.training_kind import Kind
from napari_all.gui.training_panel import TrainingPanel

PICTURE = "confusion.png"
FAIR = "Only the test part is a fair measure: the validation images chose the epoch and the thresholds."
NO_TEST = "This split has no test part: the validation images chose the epoch, so their figure is too good."


class TrainClassifierPanel(TrainingPanel):
    """Trains a classifier of one's own and hands it to the Subtype panel."""

    kind = Kind(
        "train_classifier",
        "check_classifier_training",
        "train_classifier",
        PICTURE,
        "True and predicted subtype",
        "Subtype",
    )

    def __init__(self, napari_viewer: Viewer) -> None:
        settings = TrainClassifierForm()
        super().__init__(napari_viewer, settings)
        self.settings = settings

    def plots(self) -> Plots:
        """Return accuracy and loss; which epoch is the best follows from what chooses it."""
        best = {"macro_f1": highest("val_macro_f1"), "loss": lowest("val_loss"), "last": _last}
        return Plots(CLASSIFIER_PANELS, best[self.settings.config().training.choose_by])

    def outcome(self, value: dict[str, Any]) -> list[str]:
        """Return accuracy and intervals of each part, what tells the classes without cells, and what is fair."""
        return [*value["lines"], NO_TEST if value["report"]["test"] is None else FAIR]


def _last(rows: Rows) -> float | None:
    return rows[-1]["epoch"] if rows else None
