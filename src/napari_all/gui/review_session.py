"""A project under review in one viewer: which image is shown, where to go next, and one order of undo for all."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from napari import Viewer
from qtpy.QtCore import QObject, Signal

from napari_all.errors import ImageError, NapariAllError, ProjectError
from napari_all.gui.canvas_tools import Points, Tool
from napari_all.gui.corrections import Context
from napari_all.gui.review_corrections import REVIEW_TOOLS
from napari_all.gui.review_shown import Shown
from napari_all.project.cell_classes import following
from napari_all.project.change import Change
from napari_all.project.index import ImageEntry
from napari_all.project.order import Order, Progress, coming, next_left, progress, review_order
from napari_all.project.project import Project
from napari_all.segmentation.editing import Edit
from napari_all.types import ImageStatus

AHEAD = 2
"""How many of the images that come next are prepared."""


class ReviewSession(QObject):
    """Moves through a project and takes in what a person does; knows layers through `Shown` only.

    Parameters
    ----------
    viewer
        Where the images are shown.
    project
        An open project; whoever made it closes it.
    """

    changed = Signal()
    """Something that a person did, or that arrived, is in the project now; also another image is shown."""
    moved = Signal()
    """Another image is shown, or the same with other labels."""
    edited = Signal(object, object)
    """Pixels changed, also by undo and redo: their window (rows, columns), and the set of the cells concerned."""
    replayed = Signal(object)
    """An action was taken back, or done again: the images that it concerned."""
    told = Signal(str)
    """Words for the person: what hinders, or what was found."""

    def __init__(self, viewer: Viewer, project: Project, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.project = project
        self.shown = Shown(viewer, self._record, self._on_refused, self.undo, self.redo, self.edited.emit)
        self.current: str | None = None
        self.order: Order = "file"

    @property
    def names(self) -> tuple[str, ...]:
        """Images in the order of the review."""
        return review_order(self.project.entries, self.order)

    @property
    def entry(self) -> ImageEntry | None:
        """What is known of the image that is shown."""
        return self.project.entry(self.current) if self.current is not None else None

    @property
    def progress(self) -> Progress:
        """How far the work is."""
        return progress(self.project.entries)

    def begin(self) -> None:
        """Show the first image that is left to do, else the first."""
        first = next_left(self.names, self.project.entries, None)
        self._show_first_of([*([first] if first else []), *self.names])

    def go_to(self, image: str) -> bool:
        """Show an image; return whether it is shown. While saving fails, nobody leaves the image that is shown."""
        return self._may_leave() and self._show_first_of([image])

    def next(self) -> bool:
        """Show the image after this one in the order of the review."""
        return self._step(1)

    def previous(self) -> bool:
        """Show the image before this one."""
        return self._step(-1)

    def next_left(self) -> bool:
        """Leave the image as it is and show the next one that is not done, from the beginning again past the end."""
        if not self._may_leave():
            return False
        names = self.names
        found = next_left(names, self.project.entries, self.current)
        if found is None:
            nothing = self.entry is None or self.progress.left == 0
            self.told.emit("Every image is done." if nothing else "This is the only image that is left.")
            return False
        return self._show_first_of(names[names.index(found) :])

    def accept(self) -> bool:
        """Say that the labels are right: what was changed is corrected, all else accepted; then on to what is left."""
        if not self._may_leave() or (entry := self.entry) is None:
            return False
        if entry.status == "none":
            self.told.emit("There are no labels yet; predict the image, draw its cells, or exclude it.")
            return False
        return self._finish("corrected" if entry.status == "in work" else "accepted")

    def exclude(self) -> bool:
        """Leave the image out of training and counts, or take it in again; then on to what is left."""
        if not self._may_leave() or (entry := self.entry) is None:
            return False
        if entry.status == "excluded":
            self._set_status(self._included(entry))
            return True
        return self._finish("excluded")

    def flag(self) -> None:
        """Flag the image to come back to it, or take the flag away."""
        if (entry := self.entry) is not None:
            self.project.set_flag(entry.image, not entry.flag)
            self.changed.emit()

    def gesture(self, tool: Tool, points: Points) -> None:
        """Do what a tool of the canvas asks for."""
        self.correct(tool.name.lower(), lambda context: REVIEW_TOOLS[tool](context, points))

    def correct(self, name: str, correction: Callable[[Context], Edit]) -> None:
        """Make a correction of the image that is shown, as one step of undo under the name of its tool."""
        if self.current is None or not self.shown.there:
            return
        self.shown.take_in()
        try:
            done = self.shown.edit(name, correction(self.shown.context()))
        except ProjectError as error:
            self._on_refused(str(error))
        except NapariAllError as error:
            self.told.emit(str(error))
        else:
            if not done:
                self.told.emit("Nothing to change.")

    def undo(self) -> None:
        """Take back the last step, on whichever image it was."""
        self._replay(again=False)

    def redo(self) -> None:
        """Do again what was taken back last."""
        self._replay(again=True)

    def reload(self) -> None:
        """Show the labels of the image as the project has them now, without moving the picture."""
        if self.current is not None:
            self._show(self.current, fit=False)

    def look_ahead(self) -> None:
        """Have the images prepared that are likely to come next."""
        self.project.prefetch(coming(self.names, self.project.entries, self.current)[:AHEAD])

    def _step(self, step: int) -> bool:
        if not self._may_leave():
            return False
        names = self.names
        if self.current not in names:
            return self._show_first_of(names)
        place = names.index(self.current)
        rest = names[place + 1 :] if step > 0 else names[:place][::-1]
        if not rest:
            self.told.emit("This is the last image." if step > 0 else "This is the first image.")
            return False
        return self._show_first_of(rest)

    def _finish(self, status: ImageStatus) -> bool:
        self._set_status(status)
        return self.next_left()

    def _set_status(self, status: ImageStatus) -> None:
        if self.current is not None:
            self.project.set_status(self.current, status)
            self._tell_changed()

    def _included(self, entry: ImageEntry) -> ImageStatus:
        """Return the status of an excluded image that is taken in again."""
        if self.project.desk.hold(entry.image)[0].pixel_edits:
            return "in work"
        return "none" if self.shown.sidecar.method is None and not len(self.shown.cells) else "predicted"

    def _may_leave(self) -> bool:
        """Tell whether what was done is safe; where saving fails, say why."""
        self.shown.take_in()
        if self.project.failure is not None:
            self.told.emit(f"Not saved: {self.project.failure}")
            return False
        return True

    def _show_first_of(self, images: Iterable[str]) -> bool:
        """Show the first image that can be shown; tell why others cannot."""
        for image in images:
            try:
                self._show(image)
            except (ImageError, ProjectError) as error:
                self.told.emit(f"{image} cannot be shown: {error}")
                continue
            return True
        return False

    def _show(self, image: str, *, fit: bool = True) -> None:
        opened = self.project.load(image)
        self.shown.show(image, opened, fit=fit)
        self.current = image
        if opened.reports:
            self.told.emit("\n".join(opened.reports))
        self.moved.emit()
        self.changed.emit()
        self.look_ahead()

    def _record(self, change: Change) -> None:
        if self.current is not None:
            values = self.project.values(self.current)
            self.project.record(self.current, following(values, change, self.shown.pixels.labels, self.shown.cells))
            self._tell_changed()

    def _tell_changed(self) -> None:
        if self.current is not None:
            self.shown.note_values(self.project.values(self.current))
        self.changed.emit()

    def _on_refused(self, reason: str) -> None:
        self.reload()
        self.told.emit(reason)

    def _replay(self, *, again: bool) -> None:
        """Undo or redo; go to the image that it concerns."""
        self.shown.take_in()
        history = self.project.desk.history
        steps, replay = (history.to_redo, self.project.redo) if again else (history.to_undo, self.project.undo)
        if not steps:
            self.told.emit(f"There is nothing to {'redo' if again else 'undo'}.")
            return
        images = [step.image for step in steps]
        if self.current not in images and not self._may_leave():
            return
        try:
            for done in replay():
                if done.image == self.current and self.shown.there:
                    self.shown.replay(done.change)
            if self.current in images and self.shown.there:
                self._tell_changed()
            else:
                self._show(images[0])
            self.replayed.emit(images)
        except NapariAllError as error:
            self._on_refused(str(error))
