"""What a training of the segmenter is asked to do, as a form: folders, beginning, network, settings."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QCheckBox, QComboBox, QGroupBox, QVBoxLayout, QWidget
from superqt import QCollapsible

from napari_all.data.patches import AugmentSettings
from napari_all.errors import UsageError
from napari_all.gui.fields import Choice
from napari_all.gui.forms import SettingsForm
from napari_all.gui.model_chooser import SCRATCH, ModelChooser
from napari_all.gui.paths import PathRow
from napari_all.gui.training_form import TrainingForm, rows
from napari_all.networks.backbones.smp import ARCHITECTURES
from napari_all.training.settings import TrainingSettings
from napari_all.workflows.train_config import SourceConfig, TrainSegmenterConfig, own_architectures

START = "smear-unet"
"""The shipped model: what most people should begin from."""
ENCODERS = ("resnet18", "resnet34", "resnet50", "efficientnet-b0", "mobilenet_v2", "mit_b0")
"""Offered; any other name of segmentation-models-pytorch may be typed."""
MAIN = ("epochs", "loss", "device")
"""Training settings that everyone sees."""
_ELSEWHERE = ("class_weights", "augment", "processes")
_DATA_RULES = ("validation_share", "use_predicted", "synthetic_share")


class TrainForm(TrainingForm[TrainSegmenterConfig]):
    """Edits a `SourceConfig`, a `TrainSegmenterConfig` and the output folder."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(TrainSegmenterConfig, TrainSegmenterConfig().name, parent)
        for part in (self._data_group(), self._data_details(), self._network_group(), *self._training_groups()):
            self.body.addWidget(part)
        self._connect()
        self._on_network()

    def ready(self) -> bool:
        """Return whether both folders are given."""
        return self.images.path is not None and self.masks.path is not None

    def request(self) -> dict[str, Any]:
        """Return what the jobs `check_training` and `train_segmenter` are given."""
        config = self.config()
        return {"source": self.source().model_dump(mode="json"), "config": config.model_dump(mode="json")}

    def source(self) -> SourceConfig:
        """Return the folders and what their masks mean; raise `UsageError` while one is missing."""
        if self.images.path is None or self.masks.path is None:
            raise UsageError("choose the folder of images and the folder of their masks")
        paths = {name: row.path for name, row in self.paths().items() if row.path is not None and name != "output"}
        return SourceConfig.parse({**paths, "code": self.code.values()[0], "parts": self.parts.values()[0]})

    def config(self) -> TrainSegmenterConfig:
        """Return the settings; raise `UsageError` when one is not valid."""
        init = self.start.selected
        own = self.architecture.currentText() in own_architectures()
        training = self.more.value().updated(
            **{name: getattr(self.main.value(), name) for name in MAIN},
            class_weights="balanced" if self.balance.isChecked() else None,
            augment=self.augment.value(),
        )
        return TrainSegmenterConfig.parse(
            {
                **self.rules.value().model_dump(include=set(_DATA_RULES)),
                "name": self.name.text().strip(),
                "architecture": self.architecture.currentText(),
                "encoder": None if init or own else self.encoder.currentText().strip(),
                "init": init or None,
                "training": training,
            }
        )

    def state(self) -> dict[str, Any]:
        """Return what to remember."""
        return {**super().state(), "code": self.code.values()[0], "parts": self.parts.values()[0]}

    def restore(self, state: dict[str, Any]) -> None:
        """Show what was remembered."""
        self.code.set_values((state.get("code", "auto"),))
        self.parts.set_values((state.get("parts", "cell"),))
        super().restore(state)

    def show_config(self, config: TrainSegmenterConfig) -> None:
        """Show settings."""
        self.name.setText(config.name)
        self.architecture.setCurrentText(config.architecture)
        self.encoder.setCurrentText(config.encoder or ENCODERS[1])
        self.rules.set_value(config)
        self.main.set_value(config.training)
        self.more.set_value(config.training)
        self.augment.set_value(config.training.augment)
        self.balance.setChecked(config.training.class_weights == "balanced")
        if config.init is None or self.start.findData(config.init) >= 0:
            self.start.choose(config.init or SCRATCH)

    def paths(self) -> dict[str, PathRow]:
        """Return every path that is remembered."""
        return {
            "images": self.images, "masks": self.masks, "output": self.output, "ignore": self.ignore,
            "groups": self.groups, "split": self.split,
        }  # fmt: skip

    def _data_group(self) -> QGroupBox:
        group = QGroupBox("Data")
        inside = QVBoxLayout(group)
        form = rows()
        inside.addLayout(form)
        self.images = PathRow("Folder of images", "Images to learn from, also in sub-folders", "images")
        self.masks = PathRow("Folder of masks", "One mask per image, named after it; may be the same folder", "masks")
        form.addRow("&Images", self.images)
        form.addRow("&Masks", self.masks)
        return group

    def _data_details(self) -> QCollapsible:
        more = QCollapsible("More about the data")
        page = QWidget()
        details = rows()
        page.setLayout(details)
        table = "Table (*.csv)"
        self.code = Choice(("auto", "labels", "classes", "binary"))
        self.code.setToolTip("What the numbers of masks without a sidecar mean; auto tells it by the values")
        self.parts = Choice(("cell", "nucleus"))
        self.parts.setToolTip("What labels and binary masks outline")
        self.groups = PathRow(
            "Table of groups",
            "CSV with the columns image and group (patient, slide): groups are never parted",
            "tables", file_filter=table, placeholder="none: each image is its own",
        )  # fmt: skip
        self.split = PathRow(
            "Table of parts", "CSV with the columns image and part (train, val or none)", "tables",
            file_filter=table, placeholder="none: drawn",
        )  # fmt: skip
        self.ignore = PathRow(
            "Folder of ignore masks", "Areas that do not count; otherwise <name>_ignore.png beside the masks", "masks",
            placeholder="none: beside the masks",
        )  # fmt: skip
        for text, widget in (
            ("Number&s", self.code), ("&Outline", self.parts), ("Gro&ups", self.groups), ("S&plit", self.split),
            ("I&gnore", self.ignore),
        ):  # fmt: skip
            details.addRow(text, widget)
        more.addWidget(page)
        self.rules = SettingsForm(
            TrainSegmenterConfig, skip=tuple(n for n in TrainSegmenterConfig.model_fields if n not in _DATA_RULES)
        )
        more.addWidget(self.rules)
        return more

    def _network_group(self) -> QGroupBox:
        group = QGroupBox("Network")
        inside = QVBoxLayout(group)
        form = rows()
        inside.addLayout(form)
        self.start = ModelChooser("segmentation", START, scratch="From scratch")
        self.start.setToolTip(
            "Fine-tune a model that knows white cells already: it needs few images. From scratch needs many"
        )
        form.addRow("S&tart from", self.start)
        self.architecture = QComboBox()
        self.architecture.addItems([*own_architectures(), *ARCHITECTURES])
        self.architecture.setCurrentText(TrainSegmenterConfig().architecture)
        self.architecture.setToolTip("Only asked from scratch; a model that is fine-tuned keeps its own")
        form.addRow("&Architecture", self.architecture)
        self.encoder = QComboBox()
        self.encoder.setEditable(True)
        self.encoder.addItems(ENCODERS)
        self.encoder.setCurrentText(ENCODERS[1])
        self.encoder.setToolTip("Any encoder of segmentation-models-pytorch by its name")
        form.addRow("En&coder", self.encoder)
        self.add_run_rows(form)
        return group

    def _training_groups(self) -> tuple[QWidget, ...]:
        group = QGroupBox("Training")
        inside = QVBoxLayout(group)
        fields = tuple(TrainingSettings.model_fields)
        self.main = SettingsForm(TrainingSettings, skip=tuple(n for n in fields if n not in MAIN))
        inside.addWidget(self.main)
        more = QCollapsible("More settings")
        self.more = SettingsForm(TrainingSettings, skip=(*MAIN, *_ELSEWHERE))
        shown = self.more.value()
        self.more.show_found(shown.updated(learning_rate=0.0005, steps_per_epoch=20))  # where the boxes begin
        self.more.show_found(shown)
        more.addWidget(self.more)
        self.balance = QCheckBox("&Balance the classes")
        self.balance.setToolTip("Weigh each class by the root of its rarity")
        more.addWidget(self.balance)
        vary = QCollapsible("How patches vary")
        self.augment = SettingsForm(AugmentSettings)
        vary.addWidget(self.augment)
        return group, more, vary

    def _connect(self) -> None:
        for row in (self.images, self.masks, self.code, self.parts, self.groups, self.split, self.ignore):
            row.edited.connect(self.on_data)
        self.rules.changed.connect(lambda: self.on_data())
        self.start.model_changed.connect(lambda: self._on_network())
        self.architecture.currentTextChanged.connect(lambda: self._on_network())
        self.encoder.currentTextChanged.connect(lambda: self.changed.emit())
        for form in (self.main, self.more, self.augment):
            form.changed.connect(lambda: self.changed.emit())
        self.balance.toggled.connect(lambda: self.changed.emit())

    def _on_network(self) -> None:
        scratch = self.start.selected == SCRATCH
        self.architecture.setEnabled(scratch)
        self.encoder.setEnabled(scratch and self.architecture.currentText() not in own_architectures())
        self.changed.emit()
