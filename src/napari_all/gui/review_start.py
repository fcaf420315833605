"""What the Review widget shows while no project is open: who works, a new project, or one that is there."""

from __future__ import annotations

import getpass
from pathlib import Path

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_all.gui.memory import recall, remember
from napari_all.gui.panel import primary
from napari_all.gui.panel_foot import small
from napari_all.gui.paths import PathRow
from napari_all.gui.review_predictor import PredictorChooser, remembered

MOST_RECENT = 8
_RECENT, _NAME, _SUBTYPES = "review/recent", "review/name", "review/subtypes"


class ReviewStart(QWidget):
    """Asks what to work on."""

    open_wanted = Signal(Path)
    new_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self.name = QLineEdit(recall(_NAME, "") or getpass.getuser())
        self.name.setToolTip("Who you are, for the log of the project: who changed what")
        self.name.editingFinished.connect(lambda: remember(_NAME, self.who))
        form = _form()
        form.addRow("Your na&me", self.name)
        layout.addLayout(form)
        layout.addWidget(self._old())
        layout.addWidget(self._new())
        layout.addStretch(1)
        self._named_by_us = ""

    @property
    def who(self) -> str:
        """Name of the person."""
        return self.name.text().strip() or getpass.getuser()

    def _old(self) -> QWidget:
        group = QGroupBox("Go on with a project")
        self.recent = QComboBox()
        self.recent.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.recent.setToolTip("Projects opened before, the last one first")
        self.go_on = primary("&Open", "Open the project chosen above")
        self.other = QPushButton("O&ther…")
        self.other.setToolTip("Open a project from its folder")
        row = QHBoxLayout()
        row.addWidget(self.go_on, 1)
        row.addWidget(self.other)
        layout = QVBoxLayout(group)
        layout.addWidget(self.recent)
        layout.addLayout(row)
        self.go_on.clicked.connect(lambda: self.open_wanted.emit(Path(str(self.recent.currentData()))))
        self.other.clicked.connect(self._ask)
        self.show_recent()
        return group

    def _new(self) -> QWidget:
        group = QGroupBox("New project")
        self.images = PathRow("Folder of images", "The images; they stay where they are", "images")
        self.masks = PathRow(
            "Folder of masks",
            "Masks to begin from, named as the images; leave empty to have all predicted",
            "masks",
            placeholder="optional",
        )
        self.folder = PathRow("Folder of the project", "A new folder for labels, log and table", "project")
        self.predictor = PredictorChooser()
        self.subtypes = QCheckBox("Predict s&ubtypes, too")
        self.subtypes.setToolTip("To order the images by predicted subtype; it takes longer")
        self.subtypes.setChecked(bool(recall(_SUBTYPES, False)))
        self.subtypes.toggled.connect(lambda on: remember(_SUBTYPES, on))
        self.create_new = primary("Make &project", "Make the project, open it and predict images without labels")
        form = _form()
        form.addRow("&Images", self.images)
        form.addRow("M&asks", self.masks)
        form.addRow("Pro&ject", self.folder)
        layout = QVBoxLayout(group)
        layout.addLayout(form)
        layout.addWidget(self.predictor)
        layout.addWidget(self.subtypes)
        layout.addWidget(self.create_new)
        layout.addWidget(small("Images without labels are predicted in the background while you review."))
        self.images.edited.connect(self._propose)
        self.create_new.clicked.connect(lambda: self.new_wanted.emit())
        return group

    def showEvent(self, event: QShowEvent | None) -> None:  # noqa: N802 - Qt's name
        """Show what predicted last, in a project that is closed now."""
        super().showEvent(event)
        self.predictor.show_config(remembered())

    def show_recent(self) -> None:
        """Show the projects that are remembered and still there."""
        self.recent.clear()
        for path in recall(_RECENT, []):
            if (Path(path) / "project.json").is_file():
                self.recent.addItem(f"{Path(path).name}   ({Path(path).parent.name})", path)
                self.recent.setItemData(self.recent.count() - 1, path, Qt.ItemDataRole.ToolTipRole)
        self.recent.setPlaceholderText("no project yet")
        self.recent.setCurrentIndex(0 if self.recent.count() else -1)  # Qt prefers the placeholder
        self.go_on.setEnabled(self.recent.count() > 0)

    def remember(self, folder: Path) -> None:
        """Put a project first among the recent ones."""
        others = [path for path in recall(_RECENT, []) if path != str(folder)]
        remember(_RECENT, [str(folder), *others][:MOST_RECENT])
        self.show_recent()

    def _ask(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Folder of the project", recall("folders/project", ""))
        if folder:
            remember("folders/project", str(Path(folder).parent))
            self.open_wanted.emit(Path(folder))

    def _propose(self) -> None:
        """Name the project after its images, unless a person has named it."""
        images, folder = self.images.path, self.folder.line
        if images is not None and folder.text() in ("", self._named_by_us):
            self._named_by_us = str(images.with_name(f"{images.name} review"))
            folder.setText(self._named_by_us)


def _form() -> QFormLayout:
    form = QFormLayout()
    form.setContentsMargins(0, 0, 0, 0)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    return form
