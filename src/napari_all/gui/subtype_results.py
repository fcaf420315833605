"""The lower part of the Subtype widget: the table of many images, its order, and the ways to take it along."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_all.gui.jobs import ENGINES, Job
from napari_all.gui.memory import recall, remember
from napari_all.gui.subtype_entries import Entry
from napari_all.gui.subtype_table import EntriesTable
from napari_all.types import RGBImage

EMPTY = "Images that are classified are listed here."


class SubtypeResults(QWidget):
    """Table of entries with its buttons."""

    chosen = Signal(object)
    """The `Entry` that a person wants to see."""
    thumbnails_found = Signal(object)
    """Thumbnails by path, which the engine made of files that were looked at."""
    csv_wanted = Signal(Path)
    report_wanted = Signal(Path)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._reading: Job | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        top = QHBoxLayout()
        self.counted = QLabel(EMPTY)
        self.counted.setWordWrap(True)
        self.least_sure = QPushButton("Least s&ure first")
        self.least_sure.setToolTip("Sort: failed, unfamiliar, to review, confident; in each the least confidence first")
        top.addWidget(self.counted, 1)
        top.addWidget(self.least_sure)
        layout.addLayout(top)
        self.table = EntriesTable(self._read_pictures)
        layout.addWidget(self.table, 1)
        row = QHBoxLayout()
        self.export = QPushButton("&Export table…")
        self.export.setToolTip("Write the predictions as CSV, with the same columns as the command line")
        self.report = QPushButton("&Report…")
        self.report.setToolTip("Write one HTML page: pictures, probabilities, status, and how they were made")
        row.addWidget(self.export)
        row.addWidget(self.report)
        layout.addLayout(row)
        self.table.chosen.connect(self.chosen)
        self.least_sure.clicked.connect(self.table.least_sure_first)
        self.export.clicked.connect(self._ask_csv)
        self.report.clicked.connect(self._ask_report)

    def show_entries(self, entries: list[Entry]) -> None:
        """Show other entries."""
        self.table.rows.set_entries(entries)
        found = [entry.prediction for entry in entries if entry.prediction is not None]
        for button in (self.least_sure, self.export, self.report):
            button.setEnabled(bool(found))
        counts = {s: sum(p.status == s for p in found) for s in ("confident", "review", "unfamiliar")}
        told = ", ".join(f"{n} {status}" for status, n in counts.items() if n)
        if failed := len(entries) - len(found):
            told += f"{', ' if told else ''}{failed} failed"
        self.counted.setText(f"{len(entries)} image{'' if len(entries) == 1 else 's'}: {told}" if entries else EMPTY)

    def _read_pictures(self, paths: list[Path]) -> None:
        """Have the engine make thumbnails of the files that are looked at."""
        self._reading = ENGINES.start("thumbnails", {"paths": [str(path) for path in paths]}, heavy=False)
        self._reading.succeeded.connect(self._on_pictures)

    def _on_pictures(self, value: Mapping[str, list[str]], arrays: Mapping[str, RGBImage]) -> None:
        found = {Path(path): arrays["thumbnails"][i] for i, path in enumerate(value["paths"])}
        self.table.rows.add_thumbnails(found)
        self.thumbnails_found.emit(found)

    def _ask_csv(self) -> None:
        if path := self._ask("Export table", "predictions.csv", "Table (*.csv)"):
            self.csv_wanted.emit(path)

    def _ask_report(self) -> None:
        if path := self._ask("Write report", "predictions.html", "Page (*.html)"):
            self.report_wanted.emit(path)

    def _ask(self, caption: str, name: str, kind: str) -> Path | None:
        start = str(Path(recall("folders/tables", "")) / name)
        path, _ = QFileDialog.getSaveFileName(self, caption, start, kind)
        if not path:
            return None
        remember("folders/tables", str(Path(path).parent))
        chosen = Path(path)
        return chosen if chosen.suffix else chosen.with_suffix(Path(name).suffix)
