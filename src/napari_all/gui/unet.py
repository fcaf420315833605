"""Dock widget: the trained U-Net, in the engine, into a new labels layer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari import Viewer
from napari.layers import Image, Labels, Layer
from napari.utils.notifications import show_error, show_warning
from numpy.typing import NDArray
from qtpy.QtWidgets import QCheckBox, QFileDialog, QPushButton
from superqt import QCollapsible

from napari_all.errors import NapariAllError
from napari_all.gui.chooser import LayerChooser
from napari_all.gui.device_line import DeviceLine
from napari_all.gui.forms import SettingsForm
from napari_all.gui.layer_notes import source_of
from napari_all.gui.layers import is_smear, to_rgb
from napari_all.gui.memory import recall, remember
from napari_all.gui.model_chooser import ModelChooser
from napari_all.gui.panel import NO_IMAGE, Panel, primary
from napari_all.gui.results import add_parts, add_segmentation, add_uncertainty, segmentation_from
from napari_all.gui.unet_scale import ScaleBox
from napari_all.gui.unet_words import told_of_folder, told_of_image
from napari_all.segmentation.method import PostprocessSettings
from napari_all.segmentation.methods import METHODS
from napari_all.types import Segmentation
from napari_all.workflows.command_text import RESULTS, segment_command
from napari_all.workflows.run_record import RunRecord
from napari_all.workflows.segment import SegmentConfig
from napari_all.workflows.segment_files import Extras

METHOD = "unet"
_REMEMBERED = "unet/config"


class UNetPanel(Panel):
    """Segments an image, or a folder of images, with a trained network."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self._entry = METHODS[METHOD]
        self._last: tuple[Labels, Segmentation] | None = None
        self._build()
        self._restore()
        self.chooser.layer_changed.connect(self._on_image)
        self._on_image(self.chooser.layer)
        self.model.model_changed.connect(lambda: self._warm_up())
        self.settings.changed.connect(self._on_setting)
        self._warm_up()

    @property
    def config(self) -> SegmentConfig:
        """What the form says, as the command line would be given it."""
        own = self.settings.value().updated(model=self.model.selected)
        return SegmentConfig(method=METHOD, settings=own.model_dump(mode="json"), postprocess=self.cleaning.value())

    @property
    def _extras(self) -> Extras:
        return Extras(uncertainty=self.doubt.isChecked())

    def _build(self) -> None:
        form = self.form()
        self.chooser = LayerChooser(self.viewer, is_smear, "no image")
        self.chooser.setToolTip("The image to segment")
        form.addRow("&Image", self.chooser)
        defaults = self._entry.settings()
        self.model = ModelChooser("segmentation", defaults.model)  # type: ignore[attr-defined]
        form.addRow("M&odel", self.model)
        self.device_line = DeviceLine()
        self.page.addWidget(self.device_line)
        self.scale = ScaleBox(self._entry.settings)
        self.page.addWidget(self.scale)
        more = QCollapsible("More settings")
        self.settings = SettingsForm(self._entry.settings, skip=("model", "diameter_px"))
        more.addWidget(self.settings)
        self.page.addWidget(more)
        cleaning = QCollapsible("Cleaning")
        self.cleaning = SettingsForm(PostprocessSettings)
        cleaning.addWidget(self.cleaning)
        self.page.addWidget(cleaning)
        self.page.addStretch(1)
        self.parts = QCheckBox("Show nucleus and &cytoplasm")
        self.parts.setToolTip("Add a layer that shows the parts of the cells: nucleus reddish, cytoplasm bluish")
        self.parts.setChecked(bool(recall("unet/parts", True)))
        self.parts.toggled.connect(lambda shown: remember("unet/parts", shown))
        self.page.addWidget(self.parts)
        self.doubt = QCheckBox("Show &uncertainty")
        self.doubt.setToolTip(
            "Add a layer that shows how unsure the network was of each pixel: clear = certain, red = it cannot tell; "
            "a folder gets it as files"
        )
        self.doubt.setChecked(bool(recall("unet/uncertainty", False)))
        self.doubt.toggled.connect(self._on_doubt)
        self.page.addWidget(self.doubt)
        self.segment = primary("&Segment", "Segment the image into a new labels layer; nothing is overwritten")
        self.folder = QPushButton("Segment a &folder…")
        self.folder.setToolTip("Segment every image of a folder into label files, tables and a record of the run")
        self.page.addWidget(self.segment)
        self.page.addWidget(self.folder)
        self.scale.diameter_changed.connect(self._on_diameter)
        self.cleaning.changed.connect(self._remember)
        self.segment.clicked.connect(self._on_segment)
        self.folder.clicked.connect(self._ask_folders)

    def _restore(self) -> None:
        try:
            config = SegmentConfig.parse(recall(_REMEMBERED, {"method": METHOD}))
            settings = config.method_settings()
        except NapariAllError:  # of another version
            return
        # The diameter belongs to an image, so it is not remembered.
        self.settings.set_value(settings.updated(diameter_px=None))
        self.cleaning.set_value(config.postprocess)

    def _remember(self) -> None:
        remember(_REMEMBERED, self.config.model_dump(mode="json"))

    def _on_setting(self, name: str) -> None:
        self._remember()
        if name == "device":
            self._warm_up()

    def _on_doubt(self, shown: bool) -> None:
        remember("unet/uncertainty", shown)
        self._show_doubt()

    def _show_doubt(self) -> None:
        """Add the uncertainty of the last result, once."""
        if self._last is None or not self.doubt.isChecked():
            return
        layer, result = self._last
        if layer in self.viewer.layers and result.uncertainty_map is not None:
            add_uncertainty(self.viewer, result.uncertainty_map, layer)
            self._last = None

    def _on_diameter(self, wanted: float | None) -> None:
        self.settings.set_value(self.settings.value().updated(diameter_px=wanted))

    def _on_image(self, layer: Layer | None) -> None:
        self.segment.setEnabled(layer is not None and self.job is None)
        self.say("" if layer is not None else NO_IMAGE)

    def _warm_up(self) -> None:
        """Import torch and load the network in the engine, so that the first job need not wait for it."""
        config = self.config.settings
        self.device_line.warm_up("load_segmenter", {"model": config["model"], "device": config["device"]})

    def on_busy(self, busy: bool) -> None:
        """One job at a time."""
        self.segment.setEnabled(not busy and self.chooser.layer is not None)
        self.folder.setEnabled(not busy)

    def on_message(self, text: str) -> None:
        """Put the device and the diameter where they belong."""
        if text.startswith("Device:"):
            self.device_line.setText(text)
        elif not self.scale.take(text):
            self.say(text)

    def _on_segment(self) -> None:
        image = self.chooser.layer
        if not isinstance(image, Image):
            return
        try:
            rgb = to_rgb(image)
        except NapariAllError as error:
            show_error(str(error))
            return
        config = self.config

        def done(value: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
            layer = add_segmentation(self.viewer, value, arrays, image)
            if self.parts.isChecked():
                add_parts(self.viewer, layer)
            result = segmentation_from(value, arrays)
            self._last = (layer, result)
            self._show_doubt()
            self.say(told_of_image(result, image.name))
            self.scale.show_used(result.diameter_px, estimated=config.settings["diameter_px"] is None)
            self.foot.command.offer(segment_command(config, source_of(image), RESULTS, self._extras))

        self.say("")
        self.scale.begin()
        job = self.start(
            "segment_image",
            config.model_dump(mode="json"),
            {"rgb": rgb},
            done,
            heavy=True,
            needs=image,
        )
        job.cancelled.connect(self._warm_up)

    def _ask_folders(self) -> None:
        source = QFileDialog.getExistingDirectory(self, "Folder with images", recall("folders/images", ""))
        if not source:
            return
        remember("folders/images", source)
        target = QFileDialog.getExistingDirectory(self, "Folder for the results", recall("folders/results", source))
        if target:
            remember("folders/results", target)
            self.segment_folder(Path(source), Path(target))

    def segment_folder(self, source: Path, target: Path) -> None:
        """Segment every image below `source` into `target`; what is there already and still holds is kept."""
        asked, extras = self.config, self._extras

        def done(value: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
            record = RunRecord.parse(value)
            self.foot.command.offer(segment_command(asked, source, target, extras))
            self.say(told_of_folder(record, target.name))
            if record.failed:
                lines = "\n".join(f"{entry.image}: {entry.error}" for entry in record.failed[:10])
                show_warning(f"{len(record.failed)} of {len(record.inputs)} images failed:\n{lines}")

        config = {
            "inputs": [str(source)],
            "output": str(target),
            "config": asked.model_dump(mode="json"),
            "extras": extras.model_dump(),
        }
        self.start("segment_folder", config, None, done, heavy=True)
