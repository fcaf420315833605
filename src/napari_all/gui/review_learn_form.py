"""What a training on a project is asked to do, as a short form."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import QFormLayout, QSpinBox, QWidget

from napari_all.gui.model_chooser import SCRATCH, ModelChooser
from napari_all.gui.paths import PathRow
from napari_all.gui.train_form import START
from napari_all.workflows.learn import LearnConfig, next_name
from napari_all.workflows.train_config import TrainSegmenterConfig


class LearnForm(QWidget):
    """Beginning, most epochs, groups.

    Attributes
    ----------
    base
        Settings of the training that are not asked for.
    """

    def __init__(self) -> None:
        super().__init__()
        self.base = TrainSegmenterConfig()
        self.start_from = ModelChooser("segmentation", START, "random weights")
        self.epochs = QSpinBox()
        self.epochs.setRange(1, 1000)
        self.epochs.setValue(self.base.training.epochs)
        self.epochs.setToolTip("Most epochs; it stops by itself when nothing is gained any more")
        self.groups = PathRow(
            "Table of groups",
            "CSV with the columns image and group (patient, slide, session): no group is on both sides",
            "groups",
            file_filter="Table (*.csv)",
            placeholder="optional table",
        )
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Begin &from", self.start_from)
        form.addRow("E&pochs", self.epochs)
        form.addRow("&Groups", self.groups)

    def config(self, project: Path) -> LearnConfig:
        """Return what is asked for, with a name for the project's next model."""
        start = self.start_from.selected
        training = self.base.training.updated(epochs=self.epochs.value())
        named = self.base.updated(name=next_name(project), init=None if start == SCRATCH else start, training=training)
        return LearnConfig(groups=self.groups.path, training=named)
