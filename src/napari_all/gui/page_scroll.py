"""Scrolls a panel's page up and down, and is never narrower than the page with its scroll bar."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, QSize, Qt
from qtpy.QtWidgets import QFrame, QScrollArea, QWidget

LEAST_PX = 320


class PageScroll(QScrollArea):
    """Asks its dock for the width that the page needs at least; without, what is too wide would be cut off."""

    def __init__(self, page: QWidget) -> None:
        super().__init__()
        self.setWidget(page)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return the least size, with room for the scroll bar whether it is there or not."""
        page, bar = self.widget(), self.verticalScrollBar()
        needed = page.minimumSizeHint().width() if page is not None else 0
        beside = bar.sizeHint().width() if bar is not None else 0
        return QSize(max(LEAST_PX, needed + beside), super().minimumSizeHint().height())

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802 - Qt's name
        """Ask for another width when the page has other contents."""
        if watched is self.widget() and event is not None and event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return super().eventFilter(watched, event)
