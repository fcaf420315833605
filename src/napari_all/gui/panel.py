"""What every dock widget shares: a page that scrolls, a line of state, progress with cancel, one job at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from napari import Viewer
from napari.layers import Layer
from napari.utils.notifications import show_error, show_info
from numpy.typing import NDArray
from qtpy.QtCore import QTimer
from qtpy.QtGui import QHideEvent, QShowEvent
from qtpy.QtWidgets import (
    QDockWidget,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_all.gui.jobs import ENGINES, Job
from napari_all.gui.layers import prepare_labels
from napari_all.gui.page_scroll import PageScroll
from napari_all.gui.panel_foot import PROGRESS_AFTER_MS, PanelFoot

NO_IMAGE = "Open an image or a sample: File > Open Sample > napari-all"

OnDone = Callable[[dict[str, Any], dict[str, NDArray[Any]]], None]
"""(value, arrays) of a job's result."""


class Panel(QWidget):
    """Base of the dock widgets.

    Parameters
    ----------
    napari_viewer
        The viewer whose layers it works on.
    """

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        prepare_labels()
        self.viewer = napari_viewer
        self.job: Job | None = None
        self._on_done: OnDone | None = None
        self._needs: Layer | None = None
        self._dock: QDockWidget | None = None
        self.in_front = False
        page = QWidget()
        self.page = QVBoxLayout(page)
        self.page.setContentsMargins(10, 10, 10, 6)
        self.page.setSpacing(8)
        scroll = PageScroll(page)
        self._part: QWidget = page
        self._scroll_there = QTimer(self)  # a child, so that it never fires after the panel is gone
        self._scroll_there.setSingleShot(True)
        self._scroll_there.setInterval(PROGRESS_AFTER_MS + 200)
        self._scroll_there.timeout.connect(lambda: scroll.ensureWidgetVisible(self._part))
        self.foot = PanelFoot()
        self.state = self.foot.state
        self.foot.cancel.clicked.connect(self.cancel)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(scroll, 1)
        outer.addWidget(self.foot)

    def say(self, text: str) -> None:
        """Show a line of state at the foot of the panel."""
        self.state.setText(text)

    def show_part(self, widget: QWidget) -> None:
        """Scroll the page so that a part of it is seen, as soon as it and the bar at the foot have their places."""
        self._part = widget
        self._scroll_there.start()

    def form(self) -> QFormLayout:
        """Add a form to the page and return it."""
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.page.addLayout(form)
        return form

    def start(
        self,
        job: str,
        config: dict[str, Any],
        arrays: Mapping[str, NDArray[Any]] | None,
        on_done: OnDone,
        *,
        heavy: bool,
        needs: Layer | None = None,
        stage: str = "Waiting for the engine",
    ) -> Job:
        """Start work, show its progress, and hand its result to `on_done` if layer `needs` is still there then."""
        return self.follow(ENGINES.start(job, config, arrays, heavy=heavy), on_done, needs=needs, stage=stage)

    def follow(self, work: Job, on_done: OnDone, *, needs: Layer | None = None, stage: str = "Starting") -> Job:
        """Show the progress of work that was just started, and hand on its result as `start` does."""
        self._on_done, self._needs = on_done, needs
        self.job = work
        work.progressed.connect(self._on_progressed)
        work.messaged.connect(self.on_message)
        work.succeeded.connect(self._on_succeeded)
        work.failed.connect(self._on_failed)
        work.cancelled.connect(self._on_cancelled)
        work.ended.connect(self._on_ended)
        self.foot.begin(stage)
        self.on_busy(True)
        return work

    def on_message(self, text: str) -> None:
        """Show one line of a job; panels that have a place for it override this."""
        self.say(text)

    def describe(self, stage: str, done: int, total: int) -> str:
        """Return the words above the bar; panels that know more about a stage override this."""
        return f"{stage[:1].upper()}{stage[1:]}: {done} of {total}" if total else stage

    def on_front(self, front: bool) -> None:
        """The panel comes to the front, or goes (closed, hidden, behind another tab)."""

    def on_busy(self, busy: bool) -> None:
        """Work begins or is over; panels switch their buttons here."""

    def cancel(self) -> None:
        """Ask the running work to stop."""
        if self.job is not None:
            self.foot.stopping()
            self.job.cancel()

    def showEvent(self, event: QShowEvent | None) -> None:  # noqa: N802 - Qt's name
        """Notice that the panel is shown, and listen to its dock: Qt does not hide a dock behind another tab."""
        super().showEvent(event)
        parent = self.parentWidget()
        while parent is not None and not isinstance(parent, QDockWidget):
            parent = parent.parentWidget()
        if isinstance(parent, QDockWidget) and parent is not self._dock:
            self._dock = parent
            parent.visibilityChanged.connect(self._set_front)
        QTimer.singleShot(0, self._look_whether_in_front)  # when the layout is done

    def hideEvent(self, event: QHideEvent | None) -> None:  # noqa: N802 - Qt's name
        """Notice that the panel is hidden."""
        super().hideEvent(event)
        self._set_front(False)

    def _look_whether_in_front(self) -> None:
        self._set_front(not self.visibleRegion().isEmpty())

    def _set_front(self, front: bool) -> None:
        front = front and self.isVisible()
        if front != self.in_front:
            self.in_front = front
            self.on_front(front)

    def _on_progressed(self, stage: str, done: int, total: int) -> None:
        self.foot.show_progress(self.describe(stage, done, total), done, total)

    def _on_succeeded(self, value: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        if self._needs is not None and self._needs not in self.viewer.layers:
            self.say(f"'{self._needs.name}' was removed meanwhile; its result is dropped.")
            show_info(f"'{self._needs.name}' was removed while it was worked on; the result is dropped")
        elif self._on_done is not None:
            self._on_done(value, arrays)

    def _on_failed(self, text: str) -> None:
        self.say(text)
        show_error(text)

    def _on_cancelled(self) -> None:
        self.say("Stopped.")

    def _on_ended(self) -> None:
        self.job = None
        self._on_done = self._needs = None
        self.foot.end()
        self.on_busy(False)


def labelled(form: QFormLayout, text: str, row: QHBoxLayout, buddy: QWidget) -> None:
    """Add a row of several widgets whose label's mnemonic leads to `buddy`."""
    label = QLabel(text)
    label.setBuddy(buddy)
    form.addRow(label, row)


def primary(text: str, tip: str) -> QPushButton:
    """Return a panel's main button."""
    button = QPushButton(text)
    button.setToolTip(tip)
    button.setMinimumHeight(32)
    font = button.font()
    font.setBold(True)
    button.setFont(font)
    return button
