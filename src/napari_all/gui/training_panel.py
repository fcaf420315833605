"""What every training of a model has as a dock widget: data checked first, a process of its own, live curves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari import Viewer
from numpy.typing import NDArray
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QLabel, QMessageBox, QPushButton, QWidget

from napari_all.errors import NapariAllError
from napari_all.gui.curves import Plots
from napari_all.gui.jobs import ENGINES, Job
from napari_all.gui.memory import recall, remember
from napari_all.gui.model_chooser import MODELS
from napari_all.gui.panel import Panel, primary
from napari_all.gui.train_view import TimeLeft, TrainView
from napari_all.gui.training_form import TrainingForm
from napari_all.gui.training_kind import Kind, ask_about_run, choose_in
from napari_all.networks.zoo import list_models, valid_name
from napari_all.training.curves import read_curves
from napari_all.workflows.training_folder import SETTINGS

CHECK_FIRST = "Check the data first: nothing long starts before you saw what it is fed with."
LOOK_EVERY_MS = 1000
"""How often the curves' file is looked at while a training runs."""


class TrainingPanel(Panel):
    """Trains a model of one's own and hands it to the panel that uses it.

    Parameters
    ----------
    settings
        The form.
    data
        Widgets that show what was found by the check, below its words.
    """

    kind: Kind

    def __init__(self, napari_viewer: Viewer, settings: TrainingForm[Any], data: tuple[QWidget, ...] = ()) -> None:
        super().__init__(napari_viewer)
        self._form = settings
        self._training: Job | None = None
        self._stopping = False
        self._checked = False
        self._output = Path()
        self._model: Path | None = None
        self._left = TimeLeft()
        self._build(data)
        settings.restore(recall(f"{self.kind.key}/form", {}))
        settings.changed.connect(lambda: remember(f"{self.kind.key}/form", settings.state()))
        settings.changed.connect(self._switch)
        settings.data_changed.connect(self._forget_check)
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_EVERY_MS)
        self._timer.timeout.connect(self._look_at_curves)
        self._switch()
        self.say(CHECK_FIRST)

    def plots(self) -> Plots:
        """Return what is drawn of a training with the settings that the form has now."""
        raise NotImplementedError

    def outcome(self, value: dict[str, Any]) -> list[str]:
        """Return in lines what a training achieved."""
        raise NotImplementedError

    def on_checked(self, value: dict[str, Any]) -> None:
        """Show more of what the check found than its lines."""

    def on_unchecked(self) -> None:
        """Forget what the check found."""

    def _build(self, data: tuple[QWidget, ...]) -> None:
        self.page.addWidget(self._form)
        self.check = QPushButton("Chec&k data")
        self.check.setToolTip("Look at the data, and say what the training would be fed with; writes nothing")
        self.page.addWidget(self.check)
        self.told = QLabel()
        self.told.setWordWrap(True)
        self.told.setVisible(False)
        self.page.addWidget(self.told)
        for widget in data:
            self.page.addWidget(widget)
        self.train = primary("T&rain", "Train in the background; the window stays free for other work")
        self.page.addWidget(self.train)
        self.view = TrainView(self.kind.picture_title, self.kind.user)
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
        return words + self._left.words(done, total) if stage == "train" else words

    def cancel(self) -> None:
        """Stop the training and keep its best epoch; when asked again, stop at once."""
        if self.job is None or self.job is not self._training:
            super().cancel()
        elif self._stopping:
            self.job.end()
        else:
            self._stopping = True
            self.foot.stage.setText("Stopping: the best epoch is kept…")
            self.foot.cancel.setText("Stop at once")
            self.foot.cancel.setToolTip("Do not wait for the model; what the folder holds can be gone on with")
            self.job.cancel()

    def _switch(self) -> None:
        busy = self.job is not None
        self._form.setEnabled(not busy)
        self.check.setEnabled(self._form.ready() and not busy)
        self.train.setEnabled(self._checked and self._form.output.path is not None and not busy)
        self.view.use.setEnabled(not busy)

    def _forget_check(self) -> None:
        self._checked = False
        self.told.setVisible(False)
        self.on_unchecked()
        self.say(CHECK_FIRST)

    def _request(self) -> dict[str, Any] | None:
        try:
            request = self._form.request()
            valid_name(request["config"]["name"])
        except NapariAllError as error:
            self._on_failed(str(error))
            return None
        return request

    def _on_check(self) -> None:
        request = self._request()
        if request is None:
            return

        def done(value: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
            self._checked = True
            self.told.setText("\n".join(f"• {line}" for line in value["lines"]))
            self.told.setVisible(True)
            self.on_checked(value)
            ready = self._form.output.path is not None
            self.say("Ready to train." if ready else "Choose the folder to save the model in.")

        self._forget_check()
        self.say("")
        self.start(self.kind.check, request, None, done, heavy=False, stage="Reading")

    def _on_train(self) -> None:
        request, output = self._request(), self._form.output.path
        if request is None or output is None:
            return
        how = self.ask_about(output) if (output / SETTINGS).exists() else "new"
        if how is None:
            return
        self._output, self._model, self._left, self._stopping = output, None, TimeLeft(), False
        self.view.begin(self.plots())
        self.say("")
        rules = {"output": str(output), "overwrite": how == "overwrite", "resume": how == "resume"}
        self._training = ENGINES.start_alone(self.kind.train, {**request, **rules})
        self.follow(self._training, self._on_trained, stage="Starting the training")
        self.show_part(self.view)
        self._timer.start()

    def ask_about(self, output: Path) -> str | None:
        """Ask what becomes of an earlier run in the folder: resume, overwrite, or None for neither."""
        return ask_about_run(self, output)

    def _look_at_curves(self) -> None:
        if not self._left.begun and not self._stopping:
            return  # an earlier run's curves may still be there
        rows = read_curves(self._output)
        if len(rows) != len(self.view.curves.rows):
            self.view.show_curves(rows)

    def _on_trained(self, value: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        report = value["report"]
        self.view.show_curves(read_curves(self._output))
        self._model = self._output / report["checkpoint"]
        self.view.show_outcome(self.outcome(value), self._output / self.kind.picture)
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
        self.foot.cancel.setText("Cance&l")
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
            self.say(choose_in(self.viewer, self.kind.user, value["name"]))

        config = {"path": str(self._model), "name": name, "overwrite": taken}
        self.start("import_model", config, None, done, heavy=True, stage="Checking the model")

    def may_replace(self, name: str) -> bool:
        """Ask whether the imported model of this name may be replaced."""
        question = f"There is already a model '{name}'. Replace it?"
        return QMessageBox.question(self, "Use this model", question) == QMessageBox.StandardButton.Yes
