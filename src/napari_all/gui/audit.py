"""Dock widget: the shortcut audit of a data set and of a model, what an accuracy measured on them is worth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari import Viewer
from napari.utils.notifications import show_warning
from numpy.typing import NDArray
from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QLabel, QLineEdit, QMessageBox, QPushButton, QWidget
from superqt import QCollapsible

from napari_all.errors import NapariAllError
from napari_all.gui.forms import SettingsForm
from napari_all.gui.jobs import ENGINES
from napari_all.gui.memory import recall, remember
from napari_all.gui.model_chooser import ModelChooser
from napari_all.gui.panel import Panel, primary
from napari_all.gui.panel_foot import small
from napari_all.gui.paths import PathRow
from napari_all.gui.picture_view import PictureView
from napari_all.gui.training_form import rows
from napari_all.workflows.audit_config import AuditConfig

WHAT = (
    "How well is the subtype told from background colour, the scale-bar corner or white cells alone? Which images "
    "overlap? With a model: how often does its answer change with the scale bar or the background?"
)
FINISH_S = 60.0
"""Seconds that an audit gets to notice a wish to stop."""
PAGE, FIGURE, LAST = "audit.html", "shortcuts.png", "audit.json"
_REMEMBERED = "audit/form"


class AuditPanel(Panel):
    """Audits a folder of labelled images and shows the verdict."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self._output = Path()
        self._build()
        self._restore(recall(_REMEMBERED, {}))
        for row in self._paths().values():
            row.edited.connect(self._on_changed)
        self.column.textChanged.connect(lambda: self._on_changed())
        self.model.model_changed.connect(lambda: self._on_changed())
        self.settings.changed.connect(lambda: self._on_changed())
        self.run.clicked.connect(self._on_run)
        self.open.clicked.connect(self._on_open)
        self._switch()

    def _build(self) -> None:
        self.page.addWidget(small(WHAT))
        form = self.form()
        self.data = PathRow(
            "Folder of the data set", "Holds a folder of images per subtype: Benign, Early, Pre, Pro", "dataset"
        )
        form.addRow("&Data set", self.data)
        self.model = ModelChooser("classification", scratch="none: the data set alone")
        self.model.setToolTip("A classifier to look at, too")
        form.addRow("M&odel", self.model)
        self.output = PathRow("Folder for the audit", "Gets page, tables and figures", "audit")
        form.addRow("Sa&ve in", self.output)
        more = QCollapsible("More settings")
        page = QWidget()
        details = rows()
        page.setLayout(details)
        self.split = PathRow(
            "File of a split", "split.json of the model's training: the test part is looked at", "tables",
            file_filter="Split (*.json)", placeholder="none",
        )  # fmt: skip
        self.groups = PathRow(
            "Table of groups", "CSV with the columns image and group; without one, overlap_groups.csv of the data set, "
            "or groups that are found", "tables", file_filter="Table (*.csv)", placeholder="none: of the data set",
        )  # fmt: skip
        self.column = QLineEdit()
        self.column.setPlaceholderText("none: appearance clusters")
        self.column.setToolTip("Column of the table that is held out whole, such as patient")
        for text, widget in (("S&plit", self.split), ("&Groups", self.groups), ("Col&umn", self.column)):
            details.addRow(text, widget)
        more.addWidget(page)
        self.settings = SettingsForm(AuditConfig, skip=("method", "exchange_method", "limits"))
        more.addWidget(self.settings)
        self.page.addWidget(more)
        self.run = primary("Aud&it", "Look at every image in the background; the window stays free for other work")
        self.page.addWidget(self.run)
        self.verdict = QLabel()
        self.verdict.setWordWrap(True)
        self.verdict.setVisible(False)
        self.page.addWidget(self.verdict)
        self.picture = PictureView("Right answers by what is seen")
        self.picture.setVisible(False)
        self.page.addWidget(self.picture)
        self.open = QPushButton("Open &the page")
        self.open.setToolTip("Show the whole audit in the browser")
        self.open.setVisible(False)
        self.page.addWidget(self.open)
        self.page.addStretch(1)

    def on_busy(self, busy: bool) -> None:
        """One job at a time."""
        self._switch()

    def _paths(self) -> dict[str, PathRow]:
        return {"folder": self.data, "output": self.output, "split": self.split, "groups": self.groups}

    def _restore(self, state: dict[str, Any]) -> None:
        for name, row in self._paths().items():
            row.line.setText(str(state.get("paths", {}).get(name, "")))
        self.column.setText(str(state.get("column", "")))
        try:
            self.settings.set_value(AuditConfig.parse(state["config"]))
        except (KeyError, TypeError, NapariAllError):  # of another version, or none
            return

    def _on_changed(self) -> None:
        config = self.settings.value().model_dump(mode="json")
        paths = {name: row.line.text() for name, row in self._paths().items()}
        remember(_REMEMBERED, {"paths": paths, "column": self.column.text(), "config": config})
        self._switch()

    def _switch(self) -> None:
        there = self.data.path is not None and self.output.path is not None
        self.run.setEnabled(there and self.job is None)

    def _on_run(self) -> None:
        paths = {name: None if row.path is None else str(row.path) for name, row in self._paths().items()}
        output = self.output.path
        if output is None:
            return
        earlier = (output / LAST).exists()
        if earlier and not self.may_replace(output):
            self._show(output)
            return
        for widget in (self.verdict, self.picture, self.open):
            widget.setVisible(False)
        self._output = output
        config = {
            **paths,
            "group_column": self.column.text().strip() or None,
            "model": self.model.selected or None,
            "config": self.settings.value().model_dump(mode="json"),
            "overwrite": earlier,
        }
        self.say("")
        self.follow(ENGINES.start_alone("audit", config, FINISH_S), self._on_audited, stage="Starting the audit")

    def may_replace(self, output: Path) -> bool:
        """Ask whether an earlier audit in the folder may be replaced."""
        question = f"{output.name} already holds an audit. Replace it?"
        return QMessageBox.question(self, "Audit", question) == QMessageBox.StandardButton.Yes

    def _on_audited(self, value: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        lines = [*(f"• {line}" for line in value["verdict"]), *value["notes"]]
        self.verdict.setText("\n\n".join(lines))
        self.verdict.setVisible(True)
        self._show(self._output)
        self.say(f"{value['images']} images were looked at; the page and its tables are in {self._output.name}.")
        if value["failed"]:
            named = "\n".join(f"{f['image']}: {f['error']}" for f in value["failed"][:10])
            show_warning(f"{len(value['failed'])} images could not be read:\n{named}")
        self.show_part(self.open)

    def _show(self, output: Path) -> None:
        """Show what an audit has written."""
        self._output = output
        self.picture.show_file(output / FIGURE)
        self.open.setVisible((output / PAGE).is_file())

    def _on_open(self) -> None:
        url = QUrl.fromLocalFile(str((self._output / PAGE).resolve()))
        if not QDesktopServices.openUrl(url):
            self.say(f"No program opened the page; it is {PAGE} in {self._output.name}.")
