"""Dock widget: predicted subtype of one image, of every image layer, or of a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari import Viewer
from napari.layers import Image, Layer
from napari.utils.notifications import show_error, show_info, show_warning
from numpy.typing import NDArray
from qtpy.compat import isalive
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
)

from napari_all.errors import NapariAllError
from napari_all.gui.chooser import LayerChooser
from napari_all.gui.jobs import ENGINES, Job
from napari_all.gui.layers import image_notes, is_smear, note, record_of, to_rgb
from napari_all.gui.memory import recall, remember
from napari_all.gui.model_chooser import ModelChooser
from napari_all.gui.panel import NO_IMAGE, Panel, primary, small
from napari_all.gui.prediction_view import STATUS_TEXT, PredictionView
from napari_all.io.tables import PREDICTION_COLUMNS, prediction_row, write_table
from napari_all.types import Prediction
from napari_all.workflows.classify import ClassifyConfig

KNOWS = (
    "The model was trained on images of one laboratory. In its data set the subtype was found by flow cytometry; "
    "by eye alone experts often disagree, and stain and camera tell part of the answer. Use it to sort, not to decide."
)


class SubtypePanel(Panel):
    """Predicts the subtype and keeps it with the image layer."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self._queue: list[Image] = []
        self._failed: list[str] = []
        self._asked = 0
        self._folder_rows: dict[str, Prediction | str] = {}
        self._warming: Job | None = None
        self._build()
        self.chooser.layer_changed.connect(self._on_image)
        self.model.model_changed.connect(lambda: self._warm_up())
        napari_viewer.layers.events.removed.connect(self._refill)
        self._on_image(self.chooser.layer)
        self._warm_up()

    @property
    def config(self) -> dict[str, Any]:
        """What the form says, as the command line would be given it."""
        return ClassifyConfig(model=self.model.selected or None).model_dump(mode="json")

    def _build(self) -> None:
        form = self.form()
        self.chooser = LayerChooser(self.viewer, is_smear, "no image")
        self.chooser.setToolTip("The image to classify")
        form.addRow("&Image", self.chooser)
        self.model = ModelChooser("classification")
        form.addRow("M&odel", self.model)
        self.device_line = small("Device: starting the engine…")
        self.page.addWidget(self.device_line)
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
        self.page.addWidget(small(KNOWS))
        self.table = QTableWidget(0, 4)
        self.table.setHorizontalHeaderLabels(["Image", "Predicted", "Confidence", "Status"])
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.table.setWordWrap(False)
        self.table.setMinimumHeight(110)
        if (rows := self.table.verticalHeader()) is not None:
            rows.setVisible(False)
        if (columns := self.table.horizontalHeader()) is not None:
            columns.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
            columns.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
            columns.setMaximumSectionSize(200)
        self.page.addWidget(self.table, 1)
        self.export = QPushButton("&Export table…")
        self.export.setToolTip("Write the predictions as CSV, with the same columns as the command line")
        self.page.addWidget(self.export)
        self.one.clicked.connect(self._on_one)
        self.all.clicked.connect(self._on_all)
        self.folder.clicked.connect(self._ask_folder)
        self.export.clicked.connect(self._ask_export)

    def _warm_up(self) -> None:
        self.device_line.setText("Device: starting the engine…")
        self._warming = ENGINES.start("load_classifier", self.config, heavy=True)
        self._warming.succeeded.connect(self._on_warm)
        self._warming.failed.connect(self.device_line.setText)

    def _on_warm(self, value: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        self.device_line.setText(value["line"])

    def _on_image(self, layer: Layer | None) -> None:
        self.say("" if layer is not None else NO_IMAGE)
        self.on_busy(self.job is not None)
        self.result.show_prediction(image_notes(layer).prediction if layer is not None else None)
        self._refill()

    def on_message(self, text: str) -> None:
        """Put the device where it belongs."""
        (self.device_line.setText if text.startswith("Device:") else self.say)(text)

    def on_busy(self, busy: bool) -> None:
        """One job at a time."""
        there = self.chooser.layer is not None
        self.one.setEnabled(there and not busy)
        self.all.setEnabled(there and not busy)
        self.folder.setEnabled(not busy)

    def _on_one(self) -> None:
        self._begin([self.chooser.layer] if isinstance(self.chooser.layer, Image) else [])

    def _on_all(self) -> None:
        self._begin([layer for layer in self.chooser.layers() if isinstance(layer, Image)])

    def _begin(self, images: list[Image]) -> None:
        self._queue, self._failed, self._asked = images, [], len(images)
        self._next()

    def _next(self) -> None:
        """Classify the next image of the queue, or tell how it went."""
        while self._queue:
            image = self._queue.pop(0)
            if image not in self.viewer.layers:
                continue
            try:
                rgb, record = to_rgb(image), record_of(image)
            except NapariAllError as error:
                self._failed.append(f"{image.name}: {error}")
                self._on_failed(str(error))
                continue
            self._classify(image, rgb, record.sha256)
            return
        self._refill()
        if self._failed and self._asked == 1:
            return  # told already
        done = self._asked - len(self._failed)
        self.say(f"{done} of {self._asked} image{'' if self._asked == 1 else 's'} classified.")
        if self._failed and self._asked > 1:
            show_warning(f"{len(self._failed)} of {self._asked} images failed:\n" + "\n".join(self._failed[:10]))

    def _classify(self, image: Image, rgb: NDArray[Any], sha256: str) -> None:
        def done(value: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
            note(image, prediction=prediction_from(value))
            if self.chooser.layer is image:
                self.result.show_prediction(image_notes(image).prediction)

        job = self.start("classify_image", self.config, {"rgb": rgb}, done, heavy=True, needs=image, stage=image.name)
        job.failed.connect(lambda text: self._failed.append(f"{image.name}: {text}"))
        job.cancelled.connect(self._queue.clear)
        job.ended.connect(self._next)

    def _on_failed(self, text: str) -> None:
        """Tell a single failure at once; those of many images come together at the end."""
        self.say(text)
        if self._asked <= 1:
            show_error(text)

    def _ask_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Folder with images", recall("folders/images", ""))
        if folder:
            remember("folders/images", folder)
            self.classify_folder(Path(folder))

    def classify_folder(self, folder: Path) -> None:
        """Classify every image below `folder` into the table; failures stand in it too."""

        def done(value: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
            self._folder_rows = {
                row["image"]: prediction_from(row["prediction"]) if row["prediction"] else str(row["error"])
                for row in value["rows"]
            }
            self._refill()
            failed = [row for row in value["rows"] if not row["prediction"]]
            self.say(f"{len(value['rows']) - len(failed)} of {len(value['rows'])} images of {folder.name} classified.")
            if failed:
                lines = "\n".join(f"{row['image']}: {row['error']}" for row in failed[:10])
                show_warning(f"{len(failed)} of {len(value['rows'])} images failed:\n{lines}")

        self._asked = 0
        config = {"inputs": [str(folder)], "config": self.config}
        self.start("classify_folder", config, None, done, heavy=True)

    def rows(self) -> dict[str, Prediction | str]:
        """Return what the table shows: image name to prediction, or to what went wrong."""
        found: dict[str, Prediction | str] = {}
        for layer in self.chooser.layers():
            prediction = image_notes(layer).prediction
            if prediction is not None:
                path = image_notes(layer).record
                name = path.path.name if path is not None and path.path is not None else layer.name
                found[name if name not in found else layer.name] = prediction
        return found | self._folder_rows

    def _refill(self, event: Any = None) -> None:
        if not isalive(self):  # Qt deleted it with its dock; napari's events still know it
            self.viewer.layers.events.removed.disconnect(self._refill)
            return
        rows = self.rows()
        self.table.setRowCount(len(rows))
        for index, (name, outcome) in enumerate(rows.items()):
            if isinstance(outcome, Prediction):
                status = f"{STATUS_TEXT[outcome.status][0]} {outcome.status}"
                texts = [name, outcome.predicted, f"{outcome.confidence:.1%}", status]
            else:
                texts = [name, "–", "–", f"✖ failed: {outcome}"]
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                if column == 2:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.table.setItem(index, column, item)
        self.export.setEnabled(any(isinstance(outcome, Prediction) for outcome in rows.values()))

    def _ask_export(self) -> None:
        start = str(Path(recall("folders/tables", "")) / "predictions.csv")
        path, _ = QFileDialog.getSaveFileName(self, "Export table", start, "Table (*.csv)")
        if path:
            self.export_to(Path(path))

    def export_to(self, path: Path) -> None:
        """Write the predictions as CSV; show an error when that fails."""
        remember("folders/tables", str(path.parent))
        rows = [prediction_row(name, p) for name, p in self.rows().items() if isinstance(p, Prediction)]
        try:
            write_table(path, PREDICTION_COLUMNS, rows)
        except NapariAllError as error:
            self.say(str(error))
            show_error(str(error))
            return
        show_info(f"Saved {path.name}")
        self.say(f"Saved {len(rows)} predictions in {path.name}")


def prediction_from(value: dict[str, Any]) -> Prediction:
    """Return the `Prediction` that the engine sent."""
    return Prediction(**{**value, "probabilities": tuple(value["probabilities"])})
