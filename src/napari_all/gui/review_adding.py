"""Adds the images that have come into a project's folder of images since it was made."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QObject

from napari_all.gui.background import Background
from napari_all.gui.review_session import ReviewSession
from napari_all.gui.subtype_queue import warn_of
from napari_all.project.add import add_images
from napari_all.project.create import Created


class Adding(QObject):
    """Looks for new images beside the work; they are left to be predicted then.

    Parameters
    ----------
    say
        Shows a line at the foot of the panel.
    """

    def __init__(self, say: Callable[[str], None], parent: QObject) -> None:
        super().__init__(parent)
        self._say = say
        self._session: ReviewSession | None = None
        self._files: Background | None = None

    def use(self, session: ReviewSession | None) -> None:
        """Add to a project that was opened; with None, wait until nothing is added any more."""
        if self._files is not None:
            self._files.close()
            self._files.deleteLater()
        self._session = session
        self._files = Background("new images", self) if session is not None else None

    def begin(self) -> None:
        """Look for new images, and add them."""
        session, files = self._session, self._files
        if session is None or files is None:
            return
        project = session.project

        def added(done: Created) -> None:
            self._say(_words(done.images, project.images_folder.name))
            warn_of(list(done.problems), done.images)
            session.look_ahead()
            session.changed.emit()

        self._say("Looking for new images…")
        files.run(lambda: add_images(project), added, self._say)


def _words(count: int, folder: str) -> str:
    if count:
        return f"{count} image{'' if count == 1 else 's'} added; predict {'it' if count == 1 else 'them'} above."
    return f"No new image in '{folder}'. Put the files there, in a sub-folder perhaps, and add them then."
