"""Dock widget: review a folder of smears image by image, correct, accept; everything is kept in a project folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari import Viewer
from napari.utils.notifications import show_error, show_info, show_warning
from numpy.typing import NDArray
from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QMainWindow, QMessageBox

from napari_all.errors import NapariAllError
from napari_all.gui.canvas_tools import Points, Tool
from napari_all.gui.memory import recall, remember
from napari_all.gui.panel import Panel
from napari_all.gui.review_keys import ACCEPT, EXCLUDE, FLAG, HELP, NEXT, PREVIOUS, REDO, SKIP, UNDO, KeySheet
from napari_all.gui.review_page import ReviewPage
from napari_all.gui.review_predict import PredictionQueue
from napari_all.gui.review_session import ReviewSession
from napari_all.gui.review_start import ReviewStart
from napari_all.gui.subtype_queue import MOST_NAMED, warn_of
from napari_all.gui.tool_buttons import ToolButtons, bind_keys, panel_keys
from napari_all.project.order import ORDERS
from napari_all.project.project import Project
from napari_all.workflows.segment import SegmentConfig

_ORDER = "review/order"


class ReviewPanel(Panel):
    """Opens projects and moves through them; the work itself is `ReviewSession`'s."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self.session: ReviewSession | None = None
        self.predictions: PredictionQueue | None = None
        self._hears_window = False
        self._sheet: KeySheet | None = None
        self.start_page = ReviewStart()
        self.toolbox = ToolButtons(napari_viewer, self._labels, self._on_gesture, self.say)
        self.review = ReviewPage(self.toolbox)
        self.review.setVisible(False)
        self.page.addWidget(self.start_page)
        self.page.addWidget(self.review)
        self._connect()

    @property
    def keys(self) -> dict[str, Any]:
        """What each key does while the panel is in front."""
        buttons = {
            NEXT: self.review.next, PREVIOUS: self.review.previous, ACCEPT: self.review.accept,
            SKIP: self.review.skip, FLAG: self.review.flag, EXCLUDE: self.review.exclude, HELP: self.review.keys,
        }  # fmt: skip
        return {key: button.click for key, button in buttons.items()} | self.toolbox.keys

    def _connect(self) -> None:
        self.start_page.open_wanted.connect(self.open_project)
        self.start_page.new_wanted.connect(self._on_new)
        self.review.bind(
            {
                "close_project": self.close_project,
                "keys": self.show_keys,
                "predict": self.predict,
                "stop": self._on_stop,
                "undo": lambda: self._go(ReviewSession.undo),
                "redo": lambda: self._go(ReviewSession.redo),
                "accept": lambda: self._go(ReviewSession.accept),
                "skip": lambda: self._go(ReviewSession.next_left),
                "next": lambda: self._go(ReviewSession.next),
                "previous": lambda: self._go(ReviewSession.previous),
                "exclude": lambda: self._go(ReviewSession.exclude),
                "flag": lambda: self._go(ReviewSession.flag),
            }
        )
        self.review.order_chosen.connect(self._on_order)
        self.review.outlines.toggled.connect(self._on_sight)
        self.review.parts.toggled.connect(self._on_sight)
        self.review.saving.moved.connect(self._on_moved)
        undo = {UNDO: self.review.undo.click, REDO: self.review.redo.click, "Escape": self.toolbox.lay_down}
        panel_keys(self, self.keys | undo)

    def _on_new(self) -> None:
        page = self.start_page
        images, folder = page.images.path, page.folder.path
        if images is None or folder is None:
            self.say("Name the folder of the images and a new folder for the project.")
            return
        masks = page.masks.path

        def done(value: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
            warn_of(value["problems"], value["images"])
            if self.open_project(folder):
                self.predict()

        config = {
            "folder": str(folder), "images": str(images), "masks": str(masks) if masks else "", "who": page.who,
        }  # fmt: skip
        self.start("create_project", config, None, done, heavy=False, stage="Looking at the images")

    def on_busy(self, busy: bool) -> None:
        """One project at a time."""
        self.start_page.setEnabled(not busy)

    def open_project(self, folder: Path) -> bool:
        """Open a project and show its first image that is left; show an error when that fails."""
        if not self.close_project():
            return False
        try:
            project = Project(folder, self.start_page.who)
        except NapariAllError as error:
            self._complain(str(error))
            return False
        session = self.session = ReviewSession(self.viewer, project, self)
        order = recall(_ORDER, "file")
        session.order = order if order in ORDERS else "file"
        self._show_project(project)
        session.changed.connect(self._show_state)
        session.moved.connect(self.toolbox.renew)
        session.told.connect(self._on_told)
        self._make_predictions(session)
        session.begin()
        self._tell_found(project)
        return True

    def _make_predictions(self, session: ReviewSession) -> None:
        self.predictions = PredictionQueue(session.project, lambda: _current_first(session), self)
        self.predictions.taken.connect(self._on_taken)
        self.predictions.progressed.connect(self._on_predicted)
        self.predictions.ended.connect(self._on_prediction_ended)

    def _show_project(self, project: Project) -> None:
        self.start_page.remember(project.layout.folder)
        self.start_page.setVisible(False)
        self.review.setVisible(True)
        self.review.title.setText(f"<b>{project.layout.folder.name}</b>")
        self.review.title.setToolTip(f"{project.layout.folder}\nworked on by {project.who}")
        if self.session is not None:
            self.review.choose_order(self.session.order)
        self._on_sight()
        self.review.saving.watch(project)

    def _tell_found(self, project: Project) -> None:
        """Say what was repaired when the project was opened."""
        if project.reports:
            self.say("Found on opening:\n" + "\n".join(project.reports[:MOST_NAMED]))
            show_warning("Found on opening the project:\n" + "\n".join(project.reports[:MOST_NAMED]))

    def close_project(self) -> bool:
        """Save, close the project and go back to the start; False where saving fails, and it stays open."""
        session = self.session
        if session is None:
            return True
        if self.predictions is not None:
            self.predictions.close()
            self.predictions.deleteLater()
        session.shown.take_in()
        try:
            session.project.close()
        except NapariAllError as error:
            self._make_predictions(session)
            self.review.saving.look()
            self._complain(f"The project stays open, as it cannot be saved: {error}")
            return False
        self.session = self.predictions = None
        self.toolbox.lay_down()
        self.review.saving.watch(None)
        session.shown.let_go()
        session.deleteLater()
        self.review.setVisible(False)
        self.start_page.setVisible(True)
        self.say("")
        return True

    def predict(self) -> None:
        """Predict every image that has no labels, in the background."""
        if self.session is None or self.predictions is None:
            return
        images = [entry.image for entry in self.session.project.entries if entry.status == "none"]
        if images and not self.predictions.running:
            self.predictions.begin(images, SegmentConfig(), subtypes=self.start_page.subtypes.isChecked())

    def show_keys(self) -> None:
        """Show the sheet of keys, or put it away."""
        if self._sheet is None:
            self._sheet = KeySheet(self)
        self._sheet.setVisible(not self._sheet.isVisible())

    def _labels(self) -> Any:
        return self.session.shown.labels if self.session is not None else None

    def _go(self, what: Any) -> None:
        if self.session is not None:
            self.say("")
            what(self.session)
            self._show_state()

    def _on_gesture(self, tool: Tool, points: Points) -> None:
        if self.session is not None:
            self.session.gesture(tool, points)

    def _on_order(self, order: str) -> None:
        if self.session is not None:
            remember(_ORDER, order)
            self.session.order = order  # type: ignore[assignment]
            self.session.look_ahead()
            self._show_state()

    def _on_sight(self) -> None:
        if self.session is not None:
            self.session.shown.show_outlines(self.review.outlines.isChecked())
            self.session.shown.show_parts(self.review.parts.isChecked())

    def _on_stop(self) -> None:
        if self.predictions is not None:
            self.predictions.cancel()

    def _on_taken(self, image: str, taken: str) -> None:
        if self.session is not None and image == self.session.current and taken == "prediction":
            self.session.reload()

    def _on_predicted(self, done: int, total: int) -> None:
        self.review.predicting.setRange(0, total)
        self.review.predicting.setValue(done)
        self._show_state()

    def _on_prediction_ended(self, failed: list[str]) -> None:
        if self.predictions is not None:
            done = self.predictions.done - len(failed)
            self.say(f"{done} image{'' if done == 1 else 's'} predicted.")
            warn_of(failed, self.predictions.asked)
        self._show_state()

    def _on_told(self, text: str) -> None:
        self.say(text)
        if self.session is not None and self.session.project.failure is not None:
            self.review.saving.look()
            self.show_part(self.review.saving)

    def _on_moved(self) -> None:
        if self.session is not None:
            self._show_project(self.session.project)
            show_info(f"The project lies in {self.session.project.layout.folder.name} now")

    def _show_state(self) -> None:
        session = self.session
        if session is None:
            return
        self.review.show_progress(session.progress, self.predictions is not None and self.predictions.running)
        history = session.project.desk.history
        self.review.show_steps(_words(history.to_undo), _words(history.to_redo))
        entry = session.entry
        if entry is not None:
            names = session.names
            self.review.show_image(entry, names.index(entry.image) + 1, len(names), len(session.shown.cells))

    def _complain(self, text: str) -> None:
        self.say(text)
        show_error(text)

    def on_front(self, front: bool) -> None:
        """Take the keys on the canvas while the panel is in front; else give them back and lay the tool down."""
        undo = {"Control-Z": self.review.undo.click, "Control-Shift-Z": self.review.redo.click}
        bind_keys(self.viewer, self.keys | undo, front)
        if front:
            self._watch_window()
        else:
            self.toolbox.lay_down()

    def _watch_window(self) -> None:
        """Hear of the window's end, to save before it."""
        widget = self.parentWidget()
        while widget is not None and not isinstance(widget, QMainWindow):
            widget = widget.parentWidget()
        if isinstance(widget, QMainWindow) and not self._hears_window:
            self._hears_window = True  # no reference to it: it would keep the window alive for ever
            widget.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802 - Qt's name
        """Save before the window closes; where that fails, a person decides."""
        closing = event is not None and event.type() == QEvent.Type.Close and isinstance(watched, QMainWindow)
        if closing and event is not None and not self.close_project() and not self._ask_to_lose():
            event.ignore()
            return True
        return super().eventFilter(watched, event)

    def _ask_to_lose(self) -> bool:
        text = "What was done last cannot be saved. Close without it?"
        button = QMessageBox.StandardButton
        return QMessageBox.warning(self, "Not saved", text, button.Discard | button.Cancel) == button.Discard

    def event(self, event: QEvent | None) -> bool:
        """Save and let go of the project when the dock is closed for good."""
        if event is not None and event.type() == QEvent.Type.ParentChange and self.parentWidget() is None:
            self.close_project()
        return super().event(event)


def _current_first(session: ReviewSession) -> tuple[str, ...]:
    """Return the images as the person comes to them, the one on the screen first."""
    names = session.names
    place = names.index(session.current) if session.current in names else 0
    return (*names[place:], *names[:place])


def _words(step: Any) -> str | None:
    if step is None:
        return None
    change = step.change
    return f"{change.tool} in {step.image}" if change is not None else f"a change in {step.image}"
