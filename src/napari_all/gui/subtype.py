"""Dock widget: predicted subtype of one image, of every image layer, or of a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari import Viewer
from napari.layers import Image, Layer
from napari.utils.notifications import show_error, show_info
from numpy.typing import NDArray
from qtpy.compat import isalive
from qtpy.QtWidgets import QCheckBox, QFileDialog, QHBoxLayout, QPushButton

from napari_all.errors import NapariAllError
from napari_all.gui.chooser import LayerChooser
from napari_all.gui.device_line import DeviceLine
from napari_all.gui.heat import cells_of, heat_words, mask_of, remove_heat, show_heat, told_of_heat
from napari_all.gui.jobs import ENGINES
from napari_all.gui.layer_notes import image_notes, note, source_of
from napari_all.gui.layers import is_smear, to_rgb
from napari_all.gui.looking import Looking
from napari_all.gui.memory import recall, remember
from napari_all.gui.model_chooser import ModelChooser
from napari_all.gui.panel import NO_IMAGE, Panel, primary
from napari_all.gui.panel_foot import small
from napari_all.gui.prediction_view import PredictionView
from napari_all.gui.subtype_entries import Entries, Entry, prediction_from
from napari_all.gui.subtype_files import report_request, write_csv
from napari_all.gui.subtype_queue import LayerQueue, warn_of
from napari_all.gui.subtype_results import SubtypeResults
from napari_all.workflows.classify import ClassifyConfig
from napari_all.workflows.command_text import TABLE, classify_command

KNOWS = (
    "The model was trained on images of one laboratory. In its data set the subtype was found by flow cytometry; "
    "by eye alone experts often disagree, and stain and camera tell part of the answer. Use it to sort, not to decide."
)


class SubtypePanel(Panel):
    """Predicts the subtype and keeps it with the image layer."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self.queue = LayerQueue(self, lambda: self.config, self._on_found, self._refill)
        self._entries = Entries()
        self._looking = Looking(napari_viewer)
        self._build()
        self._connect()
        self._on_image(self.chooser.layer)
        self._warm_up()

    @property
    def config(self) -> dict[str, Any]:
        """What the form says, as the command line would be given it."""
        return ClassifyConfig(model=self.model.selected or None, tta=self.tta.isChecked()).model_dump(mode="json")

    def _build(self) -> None:
        form = self.form()
        self.chooser = LayerChooser(self.viewer, is_smear, "no image")
        self.chooser.setToolTip("The image to classify")
        form.addRow("&Image", self.chooser)
        self.model = ModelChooser("classification")
        form.addRow("M&odel", self.model)
        self.device_line = DeviceLine()
        self.page.addWidget(self.device_line)
        self.tta = QCheckBox("A&verage over turned and mirrored images")
        self.tta.setToolTip(str(ClassifyConfig.model_fields["tta"].description))
        self.tta.setChecked(bool(recall("subtype/tta", False)))
        self.page.addWidget(self.tta)
        self.one = primary("&Classify image", "Predict the subtype of the chosen image")
        self.page.addWidget(self.one)
        row = QHBoxLayout()
        self.all = QPushButton("&All image layers")
        self.all.setToolTip("Predict the subtype of every image in the viewer")
        self.folder = QPushButton("A &folder…")
        self.folder.setToolTip("Predict the subtype of every image in a folder")
        row.addWidget(self.all)
        row.addWidget(self.folder)
        self.page.addLayout(row)
        self.result = PredictionView()
        self.page.addWidget(self.result)
        self.explain = QPushButton("Show &Grad-CAM")
        self.explain.setToolTip(
            "Add a layer that shows where in the chosen image the network finds what speaks for its predicted subtype"
        )
        self.page.addWidget(self.explain)
        self.heat = small("")
        self.heat.setVisible(False)
        self.page.addWidget(self.heat)
        self.page.addWidget(small(KNOWS))
        self.results = SubtypeResults()
        self.page.addWidget(self.results, 1)

    def _connect(self) -> None:
        self.chooser.layer_changed.connect(self._on_image)
        self.model.model_changed.connect(lambda: self._warm_up())
        self.tta.toggled.connect(lambda on: remember("subtype/tta", on))
        self.one.clicked.connect(self._on_one)
        self.all.clicked.connect(self._on_all)
        self.folder.clicked.connect(self._ask_folder)
        self.explain.clicked.connect(self._on_explain)
        self.results.chosen.connect(self.go_to)
        self.results.thumbnails_found.connect(self._entries.keep_thumbnails)
        self.results.csv_wanted.connect(self.export_to)
        self.results.report_wanted.connect(self.report_to)
        self.viewer.layers.events.removed.connect(self._refill)

    def _warm_up(self) -> None:
        self.device_line.warm_up("load_classifier", self.config)

    def _on_image(self, layer: Layer | None) -> None:
        self.say("" if layer is not None else NO_IMAGE)
        self.on_busy(self.job is not None)
        self._show_result(layer)
        self._refill()

    def _show_result(self, layer: Layer | None) -> None:
        self.result.show_prediction(image_notes(layer).prediction if layer is not None else None)
        words = heat_words(self.viewer, layer)
        self.heat.setText(words)
        self.heat.setVisible(bool(words))

    def on_message(self, text: str) -> None:
        """Put the device where it belongs."""
        (self.device_line.setText if text.startswith("Device:") else self.say)(text)

    def on_busy(self, busy: bool) -> None:
        """One job at a time."""
        there = self.chooser.layer is not None
        for button in (self.one, self.all, self.explain):
            button.setEnabled(there and not busy)
        self.folder.setEnabled(not busy)

    def _on_one(self) -> None:
        self.queue.begin([self.chooser.layer] if isinstance(self.chooser.layer, Image) else [])

    def _on_all(self) -> None:
        self.queue.begin([layer for layer in self.chooser.layers() if isinstance(layer, Image)])

    def _on_found(self, image: Image) -> None:
        """Show a new prediction; a Grad-CAM of an earlier one explains another answer, maybe another model's."""
        remove_heat(self.viewer, image)
        self._show_if_chosen(image)
        self._offer_command(source_of(image))

    def _offer_command(self, source: Path) -> None:
        self.foot.command.offer(classify_command(ClassifyConfig.parse(self.config), source, TABLE))

    def _show_if_chosen(self, image: Image) -> None:
        if self.chooser.layer is image:
            self._show_result(image)

    def _on_failed(self, text: str) -> None:
        """Tell a single failure at once; those of many images come together at the end."""
        self.say(text)
        if self.queue.asked <= 1:
            show_error(text)

    def _on_explain(self) -> None:
        image = self.chooser.layer
        if not isinstance(image, Image):
            return
        self.queue.asked = 1
        try:
            cells = cells_of(self.viewer, image)
            arrays = {"rgb": to_rgb(image)} | ({} if cells is None else {"mask": mask_of(cells)})
        except NapariAllError as error:
            self._on_failed(str(error))
            return

        def done(value: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
            found = prediction_from(value["prediction"])
            note(image, prediction=found, thumbnail=arrays["thumbnail"], cam_in_cells=value["in_cells"])
            told = told_of_heat(value["prediction"]["predicted"], value["in_cells"], cells)
            show_heat(self.viewer, arrays["cam"], image, told)
            self._show_if_chosen(image)
            self._refill()
            self.say("")

        self.start("explain_image", self.config, arrays, done, heavy=True, needs=image, stage="Grad-CAM")

    def _ask_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Folder with images", recall("folders/images", ""))
        if folder:
            remember("folders/images", folder)
            self.classify_folder(Path(folder))

    def classify_folder(self, folder: Path) -> None:
        """Classify every image below `folder` into the table; failures stand in it too, and a stop keeps the rest."""

        def done(value: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
            rows = value["rows"]
            self._entries.set_folder(folder, rows)
            self._refill()
            failed = [f"{row['image']}: {row['error']}" for row in rows if not row["prediction"]]
            stopped = "Stopped: " if len(rows) < value["asked"] else ""
            self.say(f"{stopped}{len(rows) - len(failed)} of {value['asked']} images of {folder.name} classified.")
            warn_of(failed, len(rows))
            self._offer_command(folder)

        self.queue.asked = 0
        config = {"inputs": [str(folder)], "config": self.config}
        self.follow(ENGINES.start("classify_folder", config, heavy=True, keeps=True), done, stage="Reading the folder")

    def go_to(self, entry: Entry) -> None:
        """Show the image of a row of the table."""
        try:
            image = self._looking.go_to(entry)
        except NapariAllError as error:
            self.say(str(error))
            show_error(str(error))
            return
        if image is not None:
            self.chooser.choose(image)

    def rows(self) -> list[Entry]:
        """Return what is known of each image, in the order of folder and layers."""
        return self._entries.rows(layer for layer in self.chooser.layers() if layer in self.viewer.layers)

    def _refill(self, event: Any = None) -> None:
        if not isalive(self):  # Qt deleted it with its dock; napari's events still know it
            self.viewer.layers.events.removed.disconnect(self._refill)
            return
        self.results.show_entries(self.rows())

    def export_to(self, path: Path) -> None:
        """Write the predictions as CSV; show an error when that fails."""
        try:
            count = write_csv(path, self.rows())
        except NapariAllError as error:
            self.say(str(error))
            show_error(str(error))
            return
        show_info(f"Saved {path.name}")
        self.say(f"Saved {count} predictions in {path.name}")

    def report_to(self, path: Path) -> None:
        """Have the engine write the page of what the table shows."""

        def done(value: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
            show_info(f"Saved {path.name}")
            self.say(f"Saved {value['images']} images in {path.name}")

        self.queue.asked = 1
        config, arrays = report_request(path, self.rows(), self.config)
        self.start("classify_report", config, arrays, done, heavy=False, stage="Report")
