"""The list of what breaks a rule: one line each; a click goes there, a button mends it."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QGroupBox, QHBoxLayout, QLabel, QListWidget, QListWidgetItem, QPushButton, QVBoxLayout

from napari_all.gui.camera import centre_on
from napari_all.gui.corrections import Context
from napari_all.gui.review_keys import FINDING
from napari_all.gui.review_rules import RulesWatch
from napari_all.gui.review_session import ReviewSession
from napari_all.segmentation.editing import Edit
from napari_all.segmentation.rules import WORDS, Finding, remedy

MOST_LISTED = 100
_ROWS = 4


class FindingsBox(QGroupBox):
    """Shows findings quietly; it has no list where there are none."""

    def __init__(self) -> None:
        super().__init__("Rules")
        self._session: ReviewSession | None = None
        self.watch: RulesWatch | None = None
        self.line = QLabel()
        self.list = QListWidget()
        self.list.setUniformItemSizes(True)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.next = QPushButton(f"Next [{FINDING.replace('Shift+', '⇧')}]")
        self.next.setToolTip(f"Go to the next of them ({FINDING})")
        self.mend = QPushButton("Men&d")
        self.mend.setToolTip(
            "Mend the one that is chosen: fill a hole, delete a speck, part the pieces, find the nucleus; "
            "one step of undo"
        )
        row = QHBoxLayout()
        row.addWidget(self.line, 1)
        row.addWidget(self.next)
        row.addWidget(self.mend)
        layout = QVBoxLayout(self)
        layout.addLayout(row)
        layout.addWidget(self.list)
        self.list.itemClicked.connect(self._on_item)
        self.list.itemActivated.connect(self._on_item)
        self.list.currentRowChanged.connect(lambda row: self.mend.setEnabled(row >= 0))
        self.next.clicked.connect(self.go_on)
        self.mend.clicked.connect(self.mend_chosen)
        self._show([], known=False)

    def use(self, session: ReviewSession | None) -> None:
        """Watch the images of a project that was opened, or none."""
        if self.watch is not None:
            self.watch.close()
            self.watch = None
        self._session = session
        self._show([], known=False)
        if session is not None:
            self.watch = RulesWatch(session, self)
            self.watch.changed.connect(self._on_changed)

    @property
    def chosen(self) -> Finding | None:
        """The finding whose line is chosen."""
        item = self.list.currentItem()
        found = item.data(Qt.ItemDataRole.UserRole) if item is not None else None
        return found if isinstance(found, Finding) else None

    def go_on(self) -> None:
        """Go to the next finding, from the first again past the last."""
        if self.list.count():
            self.list.setCurrentRow((self.list.currentRow() + 1) % self.list.count())
            self._on_item()

    def mend_chosen(self) -> None:
        """Mend the finding whose line is chosen, as one step of undo."""
        session, finding = self._session, self.chosen
        if session is None or finding is None:
            return

        def mending(context: Context) -> Edit:
            planes = session.shown.pixels.editable("nucleus+cytoplasm" if session.shown.parted else "cell")
            return remedy(finding, planes, context.rgb, context.cells)

        session.correct(f"mend: {WORDS[finding.rule]}", mending)

    def _on_item(self) -> None:
        session, finding = self._session, self.chosen
        if session is None or finding is None or session.shown.labels is None:
            return
        y, x = finding.where
        size = max(side.stop - side.start for side in finding.window) // 2
        centre_on(
            session.shown.viewer, session.shown.labels, (slice(y - size, y + size + 1), slice(x - size, x + size + 1))
        )
        if finding.label:
            session.shown.labels.selected_label = finding.label

    def _on_changed(self) -> None:
        if self.watch is not None:
            self._show(self.watch.findings, known=self.watch.known)

    def _show(self, findings: list[Finding], *, known: bool) -> None:
        chosen = self.chosen
        self.list.clear()
        for finding in findings[:MOST_LISTED]:
            words = WORDS[finding.rule]
            item = QListWidgetItem(f"{words}: cell {finding.label}" if finding.label else words)
            item.setData(Qt.ItemDataRole.UserRole, finding)
            self.list.addItem(item)
            if finding == chosen:
                self.list.setCurrentItem(item)
        count = len(findings)
        found = f"{count} finding{'' if count == 1 else 's'}" if count else "Nothing breaks a rule."
        self.line.setText(found if known else "–")
        self.list.setVisible(count > 0)
        self.list.setFixedHeight(self.list.sizeHintForRow(0) * min(count, _ROWS) + 6 if count else 0)
        self.next.setVisible(count > 0)
        self.mend.setVisible(count > 0)
        self.mend.setEnabled(self.chosen is not None)
