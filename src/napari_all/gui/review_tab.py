"""The tabs of the Review widget: each is one way to work on the image, or on the project, that is open."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from napari import Viewer
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QTabBar, QVBoxLayout, QWidget

from napari_all.gui.front_keys import Keys
from napari_all.gui.review_session import ReviewSession


class ReviewTab(QWidget):
    """Base of the tabs.

    Parameters
    ----------
    viewer
        napari's viewer.
    say
        Shows a line of words at the foot of the panel; an empty one takes it away.

    Attributes
    ----------
    title
        Words on the tab.
    session
        The project that is open, or None.
    """

    title: str

    def __init__(self, viewer: Viewer, say: Callable[[str], None]) -> None:
        super().__init__()
        self.viewer, self.say = viewer, say
        self.session: ReviewSession | None = None

    def use(self, session: ReviewSession | None) -> None:
        """Work with a project that was opened, before its first image is shown; None where it was closed.

        Tabs that override this call it and connect to `session.changed` and `session.moved`, which end with the
        session. Nothing slow may hang on them.
        """
        self.session = session

    def on_front(self, front: bool) -> None:
        """The tab comes to the front, or goes."""

    @property
    def keys(self) -> Keys:
        """What keys do while this tab is in front, beside those of the panel."""
        return {}


Tab = TypeVar("Tab", bound=ReviewTab)


class ReviewTabs(QWidget):
    """A bar of tabs over the one that is in front; unlike Qt's own, it is no higher than that one needs.

    Parameters
    ----------
    tabs
        In the order of the bar.
    """

    switched = Signal()
    """Another tab is in front."""

    def __init__(self, tabs: Sequence[ReviewTab]) -> None:
        super().__init__()
        self.tabs = tuple(tabs)
        self.bar = QTabBar()
        self.bar.setExpanding(True)
        self.bar.setDrawBase(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.bar)
        for tab in self.tabs:
            self.bar.addTab(tab.title)
            tab.setVisible(False)
            layout.addWidget(tab)
        self.bar.setVisible(len(self.tabs) > 1)
        self._front = self.tabs[0]
        self._front.setVisible(True)
        self.bar.currentChanged.connect(self._on_bar)

    @property
    def front(self) -> ReviewTab:
        """The tab that is in front."""
        return self._front

    def of(self, kind: type[Tab]) -> Tab:
        """Return the tab of a class."""
        return next(tab for tab in self.tabs if isinstance(tab, kind))

    def show_tab(self, kind: type[ReviewTab]) -> None:
        """Bring the tab of a class to the front."""
        self.bar.setCurrentIndex(self.tabs.index(self.of(kind)))

    def use(self, session: ReviewSession | None) -> None:
        """Tell every tab of a project that was opened or closed."""
        for tab in self.tabs:
            tab.use(session)

    def _on_bar(self, index: int) -> None:
        self._front.on_front(False)
        self._front.setVisible(False)
        self._front = self.tabs[index]
        self._front.setVisible(True)
        self._front.on_front(True)
        self.switched.emit()
