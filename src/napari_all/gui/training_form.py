"""What the forms of all trainings share: name and folder of the run, what is remembered, when it can begin."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QFormLayout, QLineEdit, QVBoxLayout, QWidget

from napari_all.config import Settings
from napari_all.errors import NapariAllError
from napari_all.gui.paths import PathRow

C = TypeVar("C", bound=Settings)


class TrainingForm(QWidget, Generic[C]):
    """Edits the settings of a training, the folders it reads and the folder it writes.

    Parameters
    ----------
    cls
        Class of the settings.
    name
        Name of the model to begin with.
    """

    changed = Signal()
    """Anything was changed."""
    data_changed = Signal()
    """Something was changed that decides what the network is fed with."""

    def __init__(self, cls: type[C], name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._cls = cls
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(0, 0, 0, 0)
        self.name = QLineEdit(name)
        self.name.setToolTip("Name of the new model, also of its file")
        self.output = PathRow("Folder for the run", "Gets the model, its report, curves and pictures", "training")
        self.name.textChanged.connect(lambda: self.changed.emit())
        self.output.edited.connect(self.changed.emit)

    def ready(self) -> bool:
        """Return whether all folders to read from are given."""
        raise NotImplementedError

    def config(self) -> C:
        """Return the settings; raise `UsageError` when one is not valid."""
        raise NotImplementedError

    def show_config(self, config: C) -> None:
        """Show settings."""
        raise NotImplementedError

    def paths(self) -> dict[str, PathRow]:
        """Return every path that is remembered, `output` among them."""
        raise NotImplementedError

    def request(self) -> dict[str, Any]:
        """Return what the engine's jobs are given; raise `UsageError` when something is missing or not valid."""
        raise NotImplementedError

    def state(self) -> dict[str, Any]:
        """Return what to remember; a form that is not complete is remembered too."""
        try:
            config = self.config().model_dump(mode="json")
        except NapariAllError:
            config = None
        return {"paths": {name: row.line.text() for name, row in self.paths().items()}, "config": config}

    def restore(self, state: dict[str, Any]) -> None:
        """Show what was remembered, as far as this version understands it."""
        for name, row in self.paths().items():
            row.line.setText(str(state.get("paths", {}).get(name, "")))
        try:
            config = self._cls.parse(state["config"])
        except (KeyError, TypeError, NapariAllError):  # of another version, or not complete
            return
        self.show_config(config)

    def add_run_rows(self, form: QFormLayout) -> None:
        """Add the rows of name and folder."""
        form.addRow("&Name", self.name)
        form.addRow("Sa&ve in", self.output)

    def on_data(self) -> None:
        """Tell that what the network is fed with was changed."""
        self.data_changed.emit()
        self.changed.emit()


def rows() -> QFormLayout:
    """Return an empty form whose fields take the room there is."""
    form = QFormLayout()
    form.setContentsMargins(0, 0, 0, 0)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
    return form
