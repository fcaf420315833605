"""Dock widget: train or fine-tune the segmenter on a folder of corrected masks, in a process of its own."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from napari import Viewer
from napari.utils.notifications import show_error, show_info
from numpy.typing import NDArray
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QLabel, QMessageBox, QPushButton

from napari_all.errors import NapariAllError
from napari_all.gui.jobs import ENGINES, Job
from napari_all.gui.memory import recall, remember
from napari_all.gui.model_chooser import MODELS
from napari_all.gui.panel import Panel, primary
from napari_all.gui.train_form import TrainForm
from napari_all.gui.train_pairs import PairTable
from napari_all.gui.train_view import TrainView, duration
from napari_all.networks.zoo import list_models, valid_name
from napari_all.workflows.train_segmenter import PICTURE, read_curves
from napari_all.workflows.training_folder import SETTINGS

CHECK_FIRST = "Check the data first: nothing long starts before you saw what it is fed with."
NO_BETTER = "⚠ No better than the model it began from, on these images: keep that one, or give more images or epochs."
LOOK_EVERY_MS = 1000
"""How often the curves' file is looked at while a training runs."""
_REMEMBERED = "train/form"


class TrainPanel(Panel):
    """Trains a U-Net of one's own and hands it to the U-Net panel."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self._training: Job | None = None
        self._stopping = False
        self._checked = False
        self._output = Path()
        self._model: Path | None = None
        self._begun: tuple[float, int] | None = None
        self._build()
        self.settings.restore(recall(_REMEMBERED, {}))
        self.settings.changed.connect(lambda: remember(_REMEMBERED, self.settings.state()))
        self.settings.changed.connect(self._switch)
        self.settings.data_changed.connect(self._forget_check)
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_EVERY_MS)
        self._timer.timeout.connect(self._look_at_curves)
        self._switch()
        self.say(CHECK_FIRST)

    def _build(self) -> None:
        self.settings = TrainForm()
        self.page.addWidget(self.settings)
        self.check = QPushButton("Chec&k data")
        self.check.setToolTip("Read images and masks, and say what the training would be fed with; writes nothing")
        self.page.addWidget(self.check)
        self.told = QLabel()
        self.told.setWordWrap(True)
        self.told.setVisible(False)
        self.page.addWidget(self.told)
        self.pairs = PairTable()
        self.page.addWidget(self.pairs)
        self.train = primary("T&rain", "Train in the background; the window stays free for other work")
        self.page.addWidget(self.train)
        self.view = TrainView()
        self.page.addWidget(self.view)
        self.page.addStretch(1)
        self.check.clicked.connect(self._on_check)
        self.train.clicked.connect(self._on_train)
        self.view.use.clicked.connect(self._on_use)

    def on_busy(self, busy: bool) -> None:
        """One job at a time."""
        self._switch()

    def on_message(self, text: str) -> None:
        """Show the line of an epoch at the curves, others at the foot."""
        if not text.startswith("epoch"):
            self.say(text)

    def describe(self, stage: str, done: int, total: int) -> str:
        """Add the time left to the stage that takes long."""
        if self._stopping:
            return f"Stopping: measuring the best epoch, {done} of {total}"
        words = super().describe(stage, done, total)
        if stage != "train":
            return words
        now = time.monotonic()
        if self._begun is None:
            self._begun = (now, done)
        since, first = self._begun
        if done > first:
            words += f", at most {duration((now - since) / (done - first) * (total - done))} left"
        return words

    def cancel(self) -> None:
        """Stop the training and keep its best epoch; when asked again, stop at once."""
        if self.job is None or self.job is not self._training:
            super().cancel()
        elif self._stopping:
            self.job.end()
        else:
            self._stopping = True
            self._stage.setText("Stopping: the best epoch is kept…")
            self._cancel.setText("Stop at once")
            self._cancel.setToolTip("Do not wait for the model; what the folder holds can be gone on with")
            self.job.cancel()

    def _switch(self) -> None:
        busy = self.job is not None
        folders = self.settings.images.path is not None and self.settings.masks.path is not None
        self.settings.setEnabled(not busy)
        self.check.setEnabled(folders and not busy)
        self.train.setEnabled(self._checked and self.settings.output.path is not None and not busy)
        self.view.use.setEnabled(not busy)

    def _forget_check(self) -> None:
        self._checked = False
        self.told.setVisible(False)
        self.pairs.setVisible(False)
        self.say(CHECK_FIRST)

    def _request(self) -> dict[str, Any] | None:
        try:
            config = self.settings.config()
            valid_name(config.name)
            source = self.settings.source()
        except NapariAllError as error:
            self._on_failed(str(error))
            return None
        return {"source": source.model_dump(mode="json"), "config": config.model_dump(mode="json")}

    def _on_check(self) -> None:
        request = self._request()
        if request is None:
            return

        def done(value: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
            self._checked = True
            self.told.setText("\n".join(f"• {line}" for line in value["lines"]))
            self.told.setVisible(True)
            self.pairs.show_pairs(value["pairs"], value["summary"])
            ready = self.settings.output.path is not None
            self.say("Ready to train." if ready else "Choose the folder to save the model in.")

        self._forget_check()
        self.say("")
        self.start("check_training", request, None, done, heavy=False, stage="Reading")

    def _on_train(self) -> None:
        request, output = self._request(), self.settings.output.path
        if request is None or output is None:
            return
        how = self.ask_about(output) if (output / SETTINGS).exists() else "new"
        if how is None:
            return
        self._output, self._model, self._begun, self._stopping = output, None, None, False
        self.view.begin()
        self.say("")
        rules = {"output": str(output), "overwrite": how == "overwrite", "resume": how == "resume"}
        self._training = ENGINES.start_alone("train_segmenter", {**request, **rules})
        self.follow(self._training, self._on_trained, stage="Starting the training")
        self.show_part(self.view)
        self._timer.start()

    def ask_about(self, output: Path) -> str | None:
        """Ask what becomes of an earlier run in the folder: resume, overwrite, or None for neither."""
        box = QMessageBox(self)
        box.setWindowTitle("Train")
        box.setText(f"{output.name} already holds a training.")
        box.setInformativeText("Go on with it (same data and settings), or start again and lose it?")
        resume = box.addButton("&Go on", QMessageBox.ButtonRole.AcceptRole)
        again = box.addButton("Start &again", QMessageBox.ButtonRole.DestructiveRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.exec()
        if box.clickedButton() is resume:
            return "resume"
        return "overwrite" if box.clickedButton() is again else None

    def _look_at_curves(self) -> None:
        if self._begun is None and not self._stopping:
            return  # an earlier run's curves may still be there
        rows = read_curves(self._output)
        if len(rows) != len(self.view.curves.rows):
            self.view.show_curves(rows)

    def _on_trained(self, value: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        report = value["report"]
        self.view.show_curves(read_curves(self._output))
        self._model = self._output / report["checkpoint"]
        before = report["before"]
        worse = before is not None and report["after"]["dice"] <= before["dice"]
        self.view.show_outcome([*value["lines"], *([NO_BETTER] if worse else [])], self._output / PICTURE)
        self.say(f"{report['checkpoint']}, its report and pictures are in {self._output.name}.")
        self.show_part(self.view.use)

    def _on_cancelled(self) -> None:
        if self._training is None or self.job is not self._training:
            super()._on_cancelled()
        elif read_curves(self._output):
            self.say("Stopped at once. Train again and choose 'Go on' to use what the folder holds.")
        else:
            self.say("Stopped before the first epoch ended; nothing was learned that could be kept.")

    def _on_ended(self) -> None:
        self._timer.stop()
        self._training = None
        self._cancel.setText("Cance&l")
        super()._on_ended()

    def _on_use(self) -> None:
        if self._model is None:
            return
        name = self._model.stem
        taken = name in list_models()
        if taken and not self.may_replace(name):
            return

        def done(value: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
            MODELS.changed.emit()
            self._choose_in_unet(value["name"])

        config = {"path": str(self._model), "name": name, "overwrite": taken}
        self.start("import_model", config, None, done, heavy=True, stage="Checking the model")

    def may_replace(self, name: str) -> bool:
        """Ask whether the imported model of this name may be replaced."""
        question = f"There is already a model '{name}'. Replace it?"
        return QMessageBox.question(self, "Use this model", question) == QMessageBox.StandardButton.Yes

    def _choose_in_unet(self, name: str) -> None:
        try:
            dock, panel = self.viewer.window.add_plugin_dock_widget("napari-all", "U-Net", tabify=True)
        except (RuntimeError, ValueError, KeyError) as error:  # napari cannot open it; the model is there all the same
            show_error(f"'{name}' is in your model folder, but the U-Net panel did not open: {error}")
            return
        panel.model.choose(name)
        dock.show()
        dock.raise_()
        self.say(f"'{name}' is in your model folder and chosen in the U-Net panel.")
        show_info(f"'{name}' is chosen in the U-Net panel")
