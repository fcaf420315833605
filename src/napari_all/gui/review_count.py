"""Tab of the Review widget: the differential count of the project, and its report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from napari import Viewer
from napari.utils.notifications import show_info
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QProgressBar, QPushButton, QSpinBox, QVBoxLayout

from napari_all.errors import NapariAllError
from napari_all.evaluation.differential import TARGETS, unreviewed
from napari_all.evaluation.differential_report import CountedImages, write_report
from napari_all.gui.background import Background
from napari_all.gui.memory import recall, remember
from napari_all.gui.panel import primary
from napari_all.gui.panel_foot import small
from napari_all.gui.review_count_table import CountTable
from napari_all.gui.review_session import ReviewSession
from napari_all.gui.review_tab import ReviewTab
from napari_all.project.cell_classes import counted_images
from napari_all.workflows.count_cells import keep_target, target_of

_COALESCE_MS = 300
NOTE = "Percentages are of the classes that count, with the exact 95 % interval of each (Clopper–Pearson)."


class CountTab(ReviewTab):
    """Counts the cells of all images that are not excluded, in another thread while the tab is seen."""

    title = "Count"

    def __init__(self, viewer: Viewer, say: Callable[[str], None]) -> None:
        super().__init__(viewer, say)
        self._files: Background | None = None
        self._front = self._counting = self._stale = False
        self._images: CountedImages | None = None
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(_COALESCE_MS)
        self._later.timeout.connect(self.count)
        self._build()

    def use(self, session: ReviewSession | None) -> None:
        """Count in another project, or in none."""
        super().use(session)
        if self._files is not None:
            self._files.close()
        self._files, self._images, self._counting = None, None, False
        if session is not None:
            self._files = Background("count", self)
            session.changed.connect(self._on_changed)
            self.target.setValue(target_of(session.project))
            self.on_front(self._front)

    def on_front(self, front: bool) -> None:
        """Count while somebody looks."""
        self._front = front
        if front:
            self.count()

    def count(self) -> None:
        """Count anew; what comes meanwhile is counted afterwards."""
        session, files = self.session, self._files
        if session is None or files is None or not self._front:
            return
        self._stale = self._counting
        if not self._counting:
            self._counting = True
            target = self.target.value()
            files.run(lambda: counted_images(session.project, target), self._on_counted, self._on_failed)

    def write(self, path: Path) -> bool:
        """Write the report; return whether that could be done."""
        if self.session is None:
            return False
        try:
            write_report(path, counted_images(self.session.project, self.target.value()))
        except NapariAllError as error:
            self.say(str(error))
            return False
        self.say(f"{path.name} is written.")
        show_info(f"{path.name} is written")
        return True

    def _build(self) -> None:
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.bar = QProgressBar()
        self.target = QSpinBox()
        self.target.setRange(1, 100_000)
        self.target.setToolTip("How many cells are to be counted")
        self.target.editingFinished.connect(self._on_target)
        row = QHBoxLayout()
        label = QLabel("&Target")
        label.setBuddy(self.target)
        row.addWidget(label)
        row.addWidget(self.target, 1)
        self.targets = [QPushButton(str(number)) for number in TARGETS]
        for button, number in zip(self.targets, TARGETS, strict=True):
            button.setToolTip(f"Count {number} cells")
            button.clicked.connect(lambda checked=False, number=number: self._set_target(number))
            row.addWidget(button)
        self.table = CountTable()
        self.waiting = QLabel()
        self.waiting.setWordWrap(True)
        self.to_waiting = QPushButton("Go to the ne&xt image to review")
        self.to_waiting.clicked.connect(self._on_to_waiting)
        self.report = primary("&Report…", "")
        self.report.clicked.connect(self._ask)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        layout.addWidget(self.bar)
        layout.addWidget(self.words)
        layout.addWidget(self.table)
        layout.addWidget(small(NOTE))
        layout.addWidget(self.waiting)
        layout.addWidget(self.to_waiting)
        layout.addWidget(self.report)

    def _on_changed(self) -> None:
        if self._front and not self._later.isActive():
            self._later.start()

    def _on_counted(self, images: CountedImages) -> None:
        self._counting, self._images = False, images
        self._show(images)
        if self._stale:
            self.count()

    def _on_failed(self, text: str) -> None:
        self._counting = False
        self.say(f"The cells could not be counted: {text}")

    def _show(self, images: CountedImages) -> None:
        found = images.together()
        self.bar.setRange(0, found.target)
        self.bar.setValue(min(found.counted, found.target))
        self.bar.setFormat(f"{found.counted} of {found.target} counted")
        excluded = len(images.status_by_image) - found.images
        words = f"{found.counted} cells counted in {_plural(found.images, 'image')}"
        words += f", {excluded} more excluded" if excluded else ""
        words += f"; {_plural(found.unclassified, 'cell')} without a class" if found.unclassified else ""
        self.words.setText(f"{words}.")
        self.table.show_counts(found, images.classes)
        waiting = unreviewed(images.status_by_image)
        self.waiting.setText(
            f"<b>{_plural(len(waiting), 'image')} not reviewed.</b> Accept or exclude "
            f"{'it' if len(waiting) == 1 else 'them'} before a report is made."
            if waiting
            else "Every image is reviewed."
        )
        self.to_waiting.setVisible(bool(waiting))
        self.report.setEnabled(not waiting)
        self.report.setToolTip("First every image has to be reviewed" if waiting else "Write the count as HTML or CSV")

    def _set_target(self, number: int) -> None:
        self.target.setValue(number)
        self._on_target()

    def _on_target(self) -> None:
        if self.session is None:
            return
        try:
            keep_target(self.session.project, self.target.value())
        except NapariAllError as error:
            self.say(str(error))
        self.count()

    def _on_to_waiting(self) -> None:
        if self.session is not None:
            self.session.next_left()

    def _ask(self) -> None:
        start = str(Path(recall("folders/tables", "")) / "differential.html")
        path, chosen = QFileDialog.getSaveFileName(self, "Write report", start, "Page (*.html);;Table (*.csv)")
        if path:
            remember("folders/tables", str(Path(path).parent))
            wanted = Path(path)
            self.write(wanted if wanted.suffix else wanted.with_suffix(".csv" if "csv" in chosen else ".html"))


def _plural(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
