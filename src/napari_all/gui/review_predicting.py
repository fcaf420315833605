"""Predictions of a project that is under review: begun and stopped by its buttons, shown as they arrive."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qtpy.QtCore import QObject, Signal

from napari_all.gui.review_page import ReviewPage
from napari_all.gui.review_predict import PredictionQueue
from napari_all.gui.review_session import ReviewSession
from napari_all.gui.subtype_queue import warn_of
from napari_all.workflows.segment import SegmentConfig


class Predicting(QObject):
    """Keeps the queue of the project that is open.

    Parameters
    ----------
    page
        Has the bar.
    config
        Tells how images are predicted.
    subtypes
        Tells whether subtypes are predicted, too.
    say
        Shows a line at the foot of the panel.
    """

    changed = Signal()
    """More is predicted now, or no more is."""
    taken = Signal(str, str)
    """Image, and "prediction" where its labels are new, "proposal" where a person's stay."""

    def __init__(
        self,
        page: ReviewPage,
        config: Callable[[], SegmentConfig],
        subtypes: Callable[[], bool],
        say: Callable[[str], None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._page, self._config, self._subtypes, self._say = page, config, subtypes, say
        self._session: ReviewSession | None = None
        self.queue: PredictionQueue | None = None

    @property
    def running(self) -> bool:
        """Whether images are predicted at the moment."""
        return self.queue is not None and self.queue.running

    def use(self, session: ReviewSession | None) -> None:
        """Predict for a project that was opened; with None, stop and wait until nothing writes into it any more."""
        if self.queue is not None:
            self.queue.close()
            self.queue.deleteLater()
            self.queue = None
        self._session = session
        if session is not None:
            self.queue = PredictionQueue(session.project, lambda: _current_first(session), self)
            self.queue.taken.connect(self._on_taken)
            self.queue.progressed.connect(self._on_predicted)
            self.queue.ended.connect(self._on_ended)

    def begin(self, images: Sequence[str] | None = None) -> None:
        """Predict images, or every image that has no labels; what a person has corrected gets a proposal."""
        if self._session is None or self.queue is None:
            return
        if images is None:
            images = [entry.image for entry in self._session.project.entries if entry.status == "none"]
        if images and not self.queue.running:
            self.queue.begin(list(images), self._config(), subtypes=self._subtypes())
            self.changed.emit()

    def stop(self) -> None:
        """Stop; what came is kept."""
        if self.queue is not None:
            self.queue.cancel()

    def _on_taken(self, image: str, taken: str) -> None:
        if self._session is not None and image == self._session.current and taken == "prediction":
            self._session.reload()
        self.taken.emit(image, taken)

    def _on_predicted(self, done: int, total: int) -> None:
        self._page.predicting.setRange(0, total)
        self._page.predicting.setValue(done)
        self.changed.emit()

    def _on_ended(self, failed: list[str]) -> None:
        if self.queue is not None:
            done = self.queue.done - len(failed)
            self._say(f"{done} image{'' if done == 1 else 's'} predicted.")
            warn_of(failed, self.queue.asked)
        self.changed.emit()


def _current_first(session: ReviewSession) -> tuple[str, ...]:
    """Return the images as the person comes to them, the one on the screen first."""
    names = session.names
    place = names.index(session.current) if session.current in names else 0
    return (*names[place:], *names[:place])
