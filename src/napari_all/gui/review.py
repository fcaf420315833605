"""Dock widget: review a folder of smears image by image, correct, accept; everything is kept in a project folder."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from napari import Viewer
from napari.utils.notifications import show_error, show_info, show_warning
from numpy.typing import NDArray
from qtpy.QtCore import QEvent

from napari_all.errors import NapariAllError
from napari_all.gui.front_keys import FrontKeys, Keys
from napari_all.gui.memory import recall, remember
from napari_all.gui.panel import Panel
from napari_all.gui.review_adding import Adding
from napari_all.gui.review_cells import CellsTab
from napari_all.gui.review_correct import CorrectTab
from napari_all.gui.review_count import CountTab
from napari_all.gui.review_keys import ACCEPT, EXCLUDE, FLAG, HELP, NEXT, PREVIOUS, REDO, SKIP, UNDO, KeySheet
from napari_all.gui.review_learn import LearnTab
from napari_all.gui.review_page import ReviewPage
from napari_all.gui.review_predicting import Predicting
from napari_all.gui.review_proposals import ProposalBox
from napari_all.gui.review_session import ReviewSession
from napari_all.gui.review_start import ReviewStart
from napari_all.gui.review_tab import ReviewTab, ReviewTabs
from napari_all.gui.subtype_queue import MOST_NAMED, warn_of
from napari_all.gui.window_end import WindowEnd
from napari_all.project.order import ORDERS
from napari_all.project.project import Project

_ORDER = "review/order"
TABS: tuple[type[ReviewTab], ...] = (CorrectTab, CellsTab, CountTab, LearnTab)
"""In the order of the bar; each is made with the viewer and with what shows a line at the foot of the panel."""


class ReviewPanel(Panel):
    """Opens projects and moves through them; the work itself is `ReviewSession`'s."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self.session: ReviewSession | None = None
        self._sheet: KeySheet | None = None
        self.start_page = ReviewStart()
        self.tabs = ReviewTabs([tab(napari_viewer, self.say) for tab in TABS])
        self.proposals = ProposalBox(napari_viewer, self.say)
        self.review = ReviewPage(self.proposals, self.tabs)
        self.review.setVisible(False)
        self.page.addWidget(self.start_page)
        self.page.addWidget(self.review)
        learn = self.tabs.of(LearnTab)
        subtypes = self.start_page.subtypes.isChecked
        self.predicting = Predicting(self.review, learn.predictor.config, subtypes, self.say, self)
        learn.attach(self.predicting)
        self.adding = Adding(self.say, self)
        self._window_end = WindowEnd(self, self.close_project)
        self._connect()

    @property
    def keys(self) -> Keys:
        """What each key does while the panel is in front, with the tab that is in front."""
        buttons = {
            NEXT: self.review.next, PREVIOUS: self.review.previous, ACCEPT: self.review.accept,
            SKIP: self.review.skip, FLAG: self.review.flag, EXCLUDE: self.review.exclude, HELP: self.review.keys,
        }  # fmt: skip
        return {key: button.click for key, button in buttons.items()} | self.tabs.front.keys

    def _keys_with(self, undo: str, redo: str) -> Keys:
        return self.keys | {undo: self.review.undo.click, redo: self.review.redo.click}

    def _connect(self) -> None:
        self.start_page.open_wanted.connect(self.open_project)
        self.start_page.new_wanted.connect(self._on_new)
        go: dict[str, Callable[[ReviewSession], object]] = {
            "undo": ReviewSession.undo, "redo": ReviewSession.redo, "accept": ReviewSession.accept,
            "skip": ReviewSession.next_left, "next": ReviewSession.next, "previous": ReviewSession.previous,
            "exclude": ReviewSession.exclude, "flag": ReviewSession.flag,
        }  # fmt: skip
        self.review.bind({name: partial(self._go, what) for name, what in go.items()})
        self.review.bind(
            {
                "close_project": self.close_project, "add": self.adding.begin, "keys": self.show_keys,
                "predict": self.predict, "stop": self.predicting.stop,
            }
        )  # fmt: skip
        self.review.order_chosen.connect(self._on_order)
        self.review.saving.moved.connect(self._on_moved)
        self.predicting.changed.connect(self._show_state)
        self.predicting.taken.connect(self.proposals.on_taken)
        on_canvas = partial(self._keys_with, "Control-Z", "Control-Shift-Z")
        self._keys = FrontKeys(self.viewer, self, partial(self._keys_with, UNDO, REDO), on_canvas)
        self.tabs.switched.connect(lambda: self._keys.renew(self.in_front))

    def _on_new(self) -> None:
        page = self.start_page
        images, folder, masks = page.images.path, page.folder.path, page.masks.path
        if images is None or folder is None:
            self.say("Name the folder of the images and a new folder for the project.")
            return

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
        session.told.connect(self._on_told)
        self.tabs.use(session)
        self._let_work(session)
        session.begin()
        self._tell_found(project)
        return True

    def _show_project(self, project: Project) -> None:
        self.start_page.remember(project.layout.folder)
        self.start_page.setVisible(False)
        self.review.setVisible(True)
        self.review.title.setText(f"<b>{project.layout.folder.name}</b>")
        self.review.title.setToolTip(f"{project.layout.folder}\nworked on by {project.who}")
        if self.session is not None:
            self.review.choose_order(self.session.order)
        self.review.saving.watch(project)

    def _tell_found(self, project: Project) -> None:
        """Say what was repaired when the project was opened."""
        if project.reports:
            words = "Found on opening the project:\n" + "\n".join(project.reports[:MOST_NAMED])
            self.say(words)
            show_warning(words)

    def close_project(self) -> bool:
        """Save, close the project and go back to the start; False where saving fails, and it stays open."""
        session = self.session
        if session is None:
            return True
        self._let_work(None)
        self.review.saving.finish()
        session.shown.take_in()
        try:
            session.project.close()
        except NapariAllError as error:
            self._let_work(session)
            self.review.saving.watch(session.project)
            self._complain(f"The project stays open, as it cannot be saved: {error}")
            return False
        self.session = None
        self.tabs.use(None)
        self.review.saving.watch(None)
        session.shown.let_go()
        session.deleteLater()
        self.review.setVisible(False)
        self.start_page.setVisible(True)
        self.say("")
        return True

    def _let_work(self, session: ReviewSession | None) -> None:
        """Have what goes on beside the person work on a project, or with None wait until nothing does any more."""
        for part in (self.predicting, self.proposals, self.adding):
            part.use(session)

    def predict(self) -> None:
        """Predict every image that has no labels, in the background."""
        self.predicting.begin()

    def show_keys(self) -> None:
        """Show the sheet of keys, or put it away."""
        if self._sheet is None:
            self._sheet = KeySheet(self)
        self._sheet.setVisible(not self._sheet.isVisible())

    def _go(self, what: Callable[[ReviewSession], object]) -> None:
        if self.session is not None:
            self.say("")
            what(self.session)
            self._show_state()

    def _on_order(self, order: str) -> None:
        if self.session is not None:
            remember(_ORDER, order)
            self.session.order = order  # type: ignore[assignment]
            self.session.look_ahead()
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
        self.review.show_progress(session.progress, self.predicting.running)
        history = session.project.desk.history
        self.review.show_steps(history.to_undo, history.to_redo)
        entry = session.entry
        if entry is not None:
            names = session.names
            self.review.show_image(entry, names.index(entry.image) + 1, len(names), len(session.shown.cells))

    def _complain(self, text: str) -> None:
        self.say(text)
        show_error(text)

    def on_front(self, front: bool) -> None:
        """Take the keys on the canvas while the panel is in front; else give them back."""
        self._keys.take(front)
        self.tabs.front.on_front(front)
        if front:
            self._window_end.watch()

    def event(self, event: QEvent | None) -> bool:
        """Save and let go of the project when the dock is closed for good."""
        if event is not None and event.type() == QEvent.Type.ParentChange and self.parentWidget() is None:
            self.close_project()
        return super().event(event)
