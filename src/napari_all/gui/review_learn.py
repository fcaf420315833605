"""Tab of the Review widget: what predicts the images, predicting again, and training on what was corrected."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from napari import Viewer
from qtpy.QtWidgets import QCheckBox, QGroupBox, QPushButton, QVBoxLayout

from napari_all.errors import NapariAllError
from napari_all.gui.review_predicting import Predicting
from napari_all.gui.review_predictor import PredictorChooser, config_of, predictor_of, record_predictor
from napari_all.gui.review_session import ReviewSession
from napari_all.gui.review_tab import ReviewTab
from napari_all.gui.review_training import TrainingBox
from napari_all.types import ImageStatus

OPEN: tuple[ImageStatus, ...] = ("none", "predicted")
"""Statuses of images that a new prediction becomes the labels of."""
WORKED_ON: tuple[ImageStatus, ...] = ("in work", "corrected", "accepted")
"""Statuses of images for which a new prediction is proposed only."""


class LearnTab(ReviewTab):
    """The model of the predictions, and how to get a better one."""

    title = "Learn"

    def __init__(self, viewer: Viewer, say: Callable[[str], None]) -> None:
        super().__init__(viewer, say)
        self._predicting: Predicting | None = None
        self._in_front = False
        self.predictor = PredictorChooser()
        self.propose = QCheckBox()
        self.propose.setToolTip("Their labels stay; you take over what you like of the new prediction, cell by cell")
        self.again = QPushButton("Predict a&gain")
        self.training = TrainingBox(say)
        group = QGroupBox("Predictions")
        inside = QVBoxLayout(group)
        inside.addWidget(self.predictor)
        inside.addWidget(self.propose)
        inside.addWidget(self.again)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(group)
        layout.addWidget(self.training)
        self.predictor.changed.connect(self._on_chosen)
        self.propose.toggled.connect(self._show)
        self.again.clicked.connect(lambda: self.predict(proposals=self.propose.isChecked()))
        self.training.learned.connect(self._on_learned)

    def attach(self, predicting: Predicting) -> None:
        """Say who predicts."""
        self._predicting = predicting
        predicting.changed.connect(self._show)

    def use(self, session: ReviewSession | None) -> None:
        """Predict as the project that was opened says."""
        super().use(session)
        self.training.use(session)
        if session is not None:
            self.predictor.show_config(predictor_of(session.project))
            self._record()
            session.changed.connect(self._show)
            session.changed.connect(self._look_later)

    def on_front(self, front: bool) -> None:
        """Look what could be learned from while a person sees it."""
        self._in_front = front
        if front:
            self._show()
            self.training.look()

    def predict(self, *, proposals: bool) -> None:
        """Predict all images anew that nobody has worked on; with `proposals`, propose for the others, too."""
        if self.session is not None and self._predicting is not None and self._record():
            wanted = (*OPEN, *(WORKED_ON if proposals else ()))
            self._predicting.begin([e.image for e in self.session.project.entries if e.status in wanted])

    def _on_chosen(self) -> None:
        self._record()

    def _record(self) -> bool:
        """Write into the project what it is predicted with; say why where that fails."""
        if self.session is None:
            return False
        try:
            record_predictor(self.session.project, self.predictor.config())
        except NapariAllError as error:
            self.say(str(error))
            return False
        return True

    def _on_learned(self, model: Path) -> None:
        self.predictor.show_config(config_of(model))
        self.predict(proposals=False)

    def _look_later(self) -> None:
        if self._in_front:
            self.training.look_later()

    def _show(self) -> None:
        session = self.session
        if session is None or not self._in_front:
            return
        statuses = [entry.status for entry in session.project.entries]
        fresh, proposed = (sum(status in kinds for status in statuses) for kinds in (OPEN, WORKED_ON))
        count = fresh + (proposed if self.propose.isChecked() else 0)
        busy = self._predicting is not None and self._predicting.running
        self.propose.setText(f"Propose for {proposed} corrected, &too")
        self.again.setText("Predicting…" if busy else f"Predict {count} image{'' if count == 1 else 's'} a&gain")
        self.again.setEnabled(count > 0 and not busy)
