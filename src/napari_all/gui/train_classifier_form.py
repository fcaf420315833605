"""What a training of a classifier is asked to do, as a form: data set, split, network, settings."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from qtpy.QtWidgets import QComboBox, QGroupBox, QLineEdit, QVBoxLayout, QWidget
from superqt import QCollapsible

from napari_all.data.views import DEFAULT_VIEW, VIEWS
from napari_all.errors import NapariAllError, UsageError
from napari_all.gui.forms import SettingsForm
from napari_all.gui.model_chooser import SCRATCH, ModelChooser
from napari_all.gui.panel_foot import small
from napari_all.gui.paths import PathRow
from napari_all.gui.training_form import TrainingForm, rows
from napari_all.networks.card import pair, read_card
from napari_all.networks.zoo import find_weights
from napari_all.training.classifier_settings import ClassifierTraining, VariationSettings
from napari_all.workflows.train_classifier_config import SPLITS, TrainClassifierConfig, classifiers

MAIN = ("epochs", "batch_size", "device")
"""Training settings that everyone sees."""
_ELSEWHERE = ("variation", "processes")
FOLD, DRAWN = ("fold",), ("folds", "split_seed")
JUDGED = ("confident_accuracy", "familiar_share")
FILE = "file"
SPLIT_WORDS = {
    "grouped": "whole groups held out",
    "random": "random: flatters",
    "paper": "as in the paper: flatters",
    FILE: "a split.json, chosen below",
}
FLATTERS = (
    "⚠ Images of one group lie on both sides of this split: a high accuracy proves little. Hold whole groups out to "
    "know what a model is worth on new patients."
)
_AUTO = "auto"


class TrainClassifierForm(TrainingForm[TrainClassifierConfig]):
    """Edits a `TrainClassifierConfig`, the folder of the data set and the output folder."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(TrainClassifierConfig, TrainClassifierConfig().name, parent)
        for part in (self._data_group(), self._data_details(), self._network_group(), *self._training_groups()):
            self.body.addWidget(part)
        self._connect()
        self._on_split()
        self._on_network()

    def ready(self) -> bool:
        """Return whether the data set, and the file of the split if it is one, are given."""
        return self.data.path is not None and (self.split.currentData() != FILE or self.split_file.path is not None)

    def request(self) -> dict[str, Any]:
        """Return what the jobs `check_classifier_training` and `train_classifier` are given."""
        if self.data.path is None:
            raise UsageError("choose the folder of the data set")
        return {"data": str(self.data.path), "config": self.config().model_dump(mode="json")}

    def config(self) -> TrainClassifierConfig:
        """Return the settings; raise `UsageError` when one is not valid."""
        split = self.split.currentData()
        training = self.more.value().updated(
            **{name: getattr(self.main.value(), name) for name in MAIN}, variation=self.variation.value()
        )
        view = self.view.currentData()
        return TrainClassifierConfig.parse(
            {
                **{form_field: getattr(form.value(), form_field) for form_field, form in self._parts()},
                "name": self.name.text().strip(),
                "backbone": self.backbone.currentText(),
                "view": None if view == _AUTO else view,
                "split": str(self.split_file.path or "") if split == FILE else split,
                "groups": self.groups.path,
                "group_column": self.column.text().strip() or None,
                "init": self.start.selected or None,
                "training": training,
            }
        )

    def show_config(self, config: TrainClassifierConfig) -> None:
        """Show settings."""
        self.name.setText(config.name)
        self.split.setCurrentIndex(self.split.findData(config.split if config.split in SPLITS else FILE))
        self.column.setText(config.group_column or "")
        for form in (self.fold, self.drawn, self.side, self.judged):
            form.set_value(config)
        self.main.set_value(config.training)
        self.more.set_value(config.training)
        self.variation.set_value(config.training.variation)
        if config.init is None or self.start.findData(config.init) >= 0:
            self.start.choose(config.init or SCRATCH)
        self.backbone.setCurrentText(config.backbone)
        self.view.setCurrentIndex(self.view.findData(config.view or _AUTO))

    def paths(self) -> dict[str, PathRow]:
        """Return every path that is remembered."""
        return {"data": self.data, "output": self.output, "groups": self.groups, "split": self.split_file}

    def _parts(self) -> list[tuple[str, SettingsForm]]:
        """Return the fields of the configuration that have a row of their own, with the form that has it."""
        forms = {FOLD: self.fold, DRAWN: self.drawn, ("size_px",): self.side, JUDGED: self.judged}
        return [(name, form) for names, form in forms.items() for name in names]

    def _data_group(self) -> QGroupBox:
        group = QGroupBox("Data")
        inside = QVBoxLayout(group)
        form = rows()
        inside.addLayout(form)
        self.data = PathRow(
            "Folder of the data set", "Holds a folder of images per subtype: Benign, Early, Pre, Pro", "dataset"
        )
        form.addRow("D&ata set", self.data)
        self.split = QComboBox()
        for name, words in SPLIT_WORDS.items():
            self.split.addItem(words, name)
        self.split.setToolTip("Which images are learned, which validate and which test")
        form.addRow("S&plit", self.split)
        self.fold = _some(FOLD)
        inside.addWidget(self.fold)
        self.flatters = small(FLATTERS)
        inside.addWidget(self.flatters)
        return group

    def _data_details(self) -> QCollapsible:
        more = QCollapsible("More about the data")
        page = QWidget()
        details = rows()
        page.setLayout(details)
        self.split_file = PathRow(
            "File of a split", "split.json of an earlier run, so that two networks are compared on the same images",
            "tables", file_filter="Split (*.json)", placeholder="none: drawn",
        )  # fmt: skip
        self.groups = PathRow(
            "Table of groups", "CSV with the columns image and group; without one, overlap_groups.csv of the data set",
            "tables", file_filter="Table (*.csv)", placeholder="none: of the data set",
        )  # fmt: skip
        self.column = QLineEdit()
        self.column.setPlaceholderText("none: appearance clusters")
        self.column.setToolTip("Column of the table that is held out whole, such as patient")
        for text, widget in (("Split f&ile", self.split_file), ("&Groups", self.groups), ("Col&umn", self.column)):
            details.addRow(text, widget)
        more.addWidget(page)
        self.drawn = _some(DRAWN)
        more.addWidget(self.drawn)
        return more

    def _network_group(self) -> QGroupBox:
        group = QGroupBox("Network")
        inside = QVBoxLayout(group)
        form = rows()
        inside.addLayout(form)
        self.start = ModelChooser("classification", scratch="Random weights")
        self.start.setToolTip("Go on from a classifier that knows smears already, or learn from random weights")
        form.addRow("S&tart from", self.start)
        self.backbone = QComboBox()
        self.backbone.addItems(classifiers())
        self.backbone.setCurrentText(TrainClassifierConfig().backbone)
        self.backbone.setToolTip("The network; a model that is gone on from keeps its own")
        form.addRow("Netw&ork", self.backbone)
        self.view = QComboBox()
        self.view.addItem("as the network needs", _AUTO)
        for view in VIEWS.values():
            self.view.addItem(view.name, view.name)
        self.view.setToolTip("\n".join(f"{view.name}: {view.summary}" for view in VIEWS.values()))
        form.addRow("Vie&w", self.view)
        self.side = _some(("size_px",))
        inside.addWidget(self.side)
        below = rows()
        inside.addLayout(below)
        self.add_run_rows(below)
        return group

    def _training_groups(self) -> tuple[QWidget, ...]:
        group = QGroupBox("Training")
        inside = QVBoxLayout(group)
        fields = tuple(ClassifierTraining.model_fields)
        self.main = SettingsForm(ClassifierTraining, skip=tuple(n for n in fields if n not in MAIN))
        inside.addWidget(self.main)
        more = QCollapsible("More settings")
        self.more = SettingsForm(ClassifierTraining, skip=(*MAIN, *_ELSEWHERE))
        shown = self.more.value()
        self.more.show_found(shown.updated(learning_rate=0.0003, steps_per_epoch=50))  # where the boxes begin
        self.more.show_found(shown)
        more.addWidget(self.more)
        self.judged = _some(JUDGED)
        more.addWidget(self.judged)
        vary = QCollapsible("How images vary")
        self.variation = SettingsForm(VariationSettings)
        vary.addWidget(self.variation)
        return group, more, vary

    def _connect(self) -> None:
        for row in (self.data, self.split_file, self.groups):
            row.edited.connect(self.on_data)
        self.column.textChanged.connect(lambda: self.on_data())
        self.split.currentIndexChanged.connect(lambda: self._on_split())
        for form in (self.fold, self.drawn, self.side):
            form.changed.connect(lambda: self.on_data())
        for box in (self.backbone, self.view):
            box.currentIndexChanged.connect(lambda: self.on_data())
        self.start.model_changed.connect(lambda: self._on_network())
        for form in (self.main, self.more, self.judged, self.variation):
            form.changed.connect(lambda: self.changed.emit())

    def _on_split(self) -> None:
        chosen = self.split.currentData()
        self.flatters.setVisible(chosen in ("random", "paper"))
        self.fold.setEnabled(chosen in ("random", "grouped"))
        self.on_data()

    def _on_network(self) -> None:
        """A model that is gone on from brings its network, view and size along."""
        scratch = self.start.selected == SCRATCH
        for widget in (self.backbone, self.view, self.side):
            widget.setEnabled(scratch)
        if not scratch:
            with suppress(NapariAllError):  # the training says what is wrong with it
                card = read_card(pair(find_weights(self.start.selected))[1])[0]
                self.backbone.setCurrentText(card.backbone)
                self.view.setCurrentIndex(self.view.findData(str(card.extra.get("view", DEFAULT_VIEW))))
                self.side.set_value(self.side.value().updated(size_px=card.input.size_px))
        self.on_data()


def _some(names: tuple[str, ...]) -> SettingsForm:
    """Return a form of a few fields of the configuration."""
    return SettingsForm(TrainClassifierConfig, skip=tuple(set(TrainClassifierConfig.model_fields) - set(names)))
