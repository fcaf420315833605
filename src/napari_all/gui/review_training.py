"""Part of the tab Learn: train the segmenter on what was corrected, see what it gained, and use it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QGroupBox, QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout

from napari_all.errors import NapariAllError
from napari_all.gui.background import Background
from napari_all.gui.jobs import ENGINES, Job
from napari_all.gui.model_chooser import MODELS
from napari_all.gui.panel import primary
from napari_all.gui.review_learn_form import LearnForm
from napari_all.gui.review_session import ReviewSession
from napari_all.gui.train import NO_BETTER, PLOTS
from napari_all.gui.train_view import TimeLeft, TrainView
from napari_all.gui.training_panel import LOOK_EVERY_MS
from napari_all.training.curves import read_curves
from napari_all.workflows.train_segmenter import PICTURE

LOOK_AFTER_MS = 1500
"""How long after an image was finished it is looked at anew what a training would learn from."""


class TrainingBox(QGroupBox):
    """One button that trains; it says before what serves for training, and afterwards what was gained."""

    learned = Signal(Path)
    """The person wants the images that are not yet corrected predicted by this model."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__("Learn from the corrections")
        self._say = say
        self._session: ReviewSession | None = None
        self._files: Background | None = None
        self._planned: tuple[Any, ...] | None = None
        self._plan: Job | None = None
        self.job: Job | None = None
        self._run, self._model = Path(), Path()
        self._able = self._stopping = False
        self._left = TimeLeft()
        self._build()
        self._connect()

    def _build(self) -> None:
        self.told = QLabel()
        self.told.setWordWrap(True)
        self.form = LearnForm()
        self.train = primary(
            "T&rain on corrections",
            "Train on the corrected and accepted images in the background; go on with your work",
        )
        self.stage = QLabel()
        self.bar = QProgressBar()
        self.stop = QPushButton("St&op")
        self._row = QHBoxLayout()
        self._row.addWidget(self.bar, 1)
        self._row.addWidget(self.stop)
        self.view = TrainView("Images kept aside before and after", "Review")
        self.view.use.setText("Predict the rest with this mo&del")
        self.view.use.setToolTip("Predict all images that nobody has corrected or accepted anew")
        layout = QVBoxLayout(self)
        layout.addWidget(self.told)
        layout.addWidget(self.form)
        layout.addWidget(self.train)
        layout.addWidget(self.stage)
        layout.addLayout(self._row)
        layout.addWidget(self.view)
        self._switch()

    def _connect(self) -> None:
        self.train.clicked.connect(self.begin)
        self.stop.clicked.connect(self.cancel)
        self.form.groups.edited.connect(self.look)
        self.view.use.clicked.connect(lambda: self.learned.emit(self._model))
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(LOOK_AFTER_MS)
        self._later.timeout.connect(self.look)
        self._curves = QTimer(self)
        self._curves.setInterval(LOOK_EVERY_MS)
        self._curves.timeout.connect(self._look_at_curves)

    def use(self, session: ReviewSession | None) -> None:
        """Learn from a project that was opened; a training under way is asked to stop, and leaves its best epoch."""
        for job in (self.job, self._plan):
            if job is not None:
                job.cancel()
        self.job = self._plan = self._planned = None
        self._able = False
        self._later.stop()
        self._curves.stop()
        if self._files is not None:
            self._files.close()
            self._files.deleteLater()
        self._session = session
        self._files = Background("learning", self) if session is not None else None
        self.view.setVisible(False)
        self._switch()

    def look_later(self) -> None:
        """Look anew what a training would learn from, when the person rests."""
        self._later.start()

    def look(self) -> None:
        """Say what a training would learn from; quick where nothing has changed since."""
        session, files = self._session, self._files
        if session is None or files is None or self.job is not None:
            return
        finished = (
            *(e.image for e in session.project.entries if e.status in ("corrected", "accepted")),
            self.form.groups.path,
        )
        if finished == self._planned:
            return
        if self._plan is not None:
            self._plan.cancel()
        self._planned = finished
        self.told.setText("Looking which images a training can learn from…")
        self._able = False
        self._switch()
        self._saved_then("plan_learning", self._on_saved)

    def begin(self) -> None:
        """Train."""
        if self._session is None or self.job is not None:
            return
        self._stopping, self._left = False, TimeLeft()
        self.view.begin(PLOTS)
        self._saved_then("learn", self._on_ready)
        self.train.setEnabled(False)  # until it has begun
        self.stage.setText("Starting the training…")

    def cancel(self) -> None:
        """Stop the training and keep its best epoch; when asked again, stop at once."""
        if self.job is None:
            return
        if self._stopping:
            self.job.end()
            return
        self._stopping = True
        self.stage.setText("Stopping: the best epoch is kept…")
        self.stop.setText("Stop at &once")
        self.job.cancel()

    def _saved_then(self, job: str, go_on: Callable[[str, dict[str, Any]], None]) -> None:
        """Have the project saved, as the engine reads its files, then start a job."""
        session, files = self._session, self._files
        if session is None or files is None:
            return
        project = session.project
        try:
            config = self.form.config(project.layout.folder)
        except NapariAllError as error:
            self._refuse(str(error))
            return
        told = {"project": str(project.layout.folder), "images": str(project.images_folder)}
        asked = {**told, "config": config.model_dump(mode="json")}
        self._run = project.layout.models / config.training.name
        files.run(project.save, lambda _: go_on(job, asked), self._refuse)

    def _on_saved(self, name: str, asked: dict[str, Any]) -> None:
        if self._session is None:
            return
        job = self._plan = ENGINES.start(name, asked, heavy=False)

        def planned(value: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
            if self._plan is job:
                self.told.setText("\n".join(f"• {line}" for line in value["lines"]))
                self._able = True
                self._switch()

        job.succeeded.connect(planned)
        job.failed.connect(lambda reason: self._refuse(reason) if self._plan is job else None)

    def _on_ready(self, name: str, asked: dict[str, Any]) -> None:
        if self._session is None or self.job is not None:
            return
        job = self.job = ENGINES.start_alone(name, asked)
        for signal, slot in (
            (job.progressed, self._on_progressed), (job.succeeded, self._on_learned),
            (job.failed, self._say), (job.cancelled, self._on_cancelled), (job.ended, self._on_ended),
        ):  # fmt: skip
            signal.connect(lambda *values, do=slot: do(*values) if self.job is job else None)
        self._curves.start()
        self._switch()

    def _on_progressed(self, stage: str, done: int, total: int) -> None:
        self.bar.setRange(0, total)
        self.bar.setValue(done)
        if self._stopping:
            self.stage.setText(f"Stopping: measuring the best epoch, {done} of {total}")
            return
        left = self._left.words(done, total) if stage == "train" else ""
        self.stage.setText(f"{stage[:1].upper()}{stage[1:]}: {done} of {total}{left}")

    def _on_learned(self, value: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        before, after = value["report"]["before"], value["report"]["after"]
        worse = before is not None and after["dice"] <= before["dice"]
        self._model = Path(value["model"])
        MODELS.changed.emit()
        self.view.show_curves(read_curves(self._run))
        self.view.show_outcome([*value["lines"], *([NO_BETTER] if worse else [])], self._run / PICTURE)
        self._say(f"Model '{self._model.stem}' lies in the project, with its report and pictures.")

    def _on_cancelled(self) -> None:
        self._say("Stopped; nothing was learned that could be kept.")
        self.view.setVisible(False)
        run = self._run
        if self._files is not None:  # a process that is ended at once leaves pieces behind
            self._files.run(lambda: shutil.rmtree(run, ignore_errors=True), lambda _: None, self._say)

    def _on_ended(self) -> None:
        self.job = None
        self._curves.stop()
        self._switch()
        self._planned = None
        self.look()

    def _refuse(self, reason: str) -> None:
        self.told.setText(f"⚠ {reason}")
        self._switch()

    def _look_at_curves(self) -> None:
        rows = read_curves(self._run)
        if len(rows) != len(self.view.curves.rows):
            self.view.show_curves(rows)

    def _switch(self) -> None:
        busy = self.job is not None
        self.form.setEnabled(not busy)
        for widget in (self.stage, self.bar, self.stop):
            widget.setVisible(busy)
        self.bar.setRange(0, 0)
        self.stop.setText("St&op")
        self.stop.setToolTip("Stop, and keep the best epoch; again: at once")
        self.train.setVisible(not busy)
        self.train.setEnabled(self._able)
