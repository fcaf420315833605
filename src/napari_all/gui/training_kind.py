"""What one kind of training is called, the question about a folder that holds one, and who uses its model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from napari import Viewer
from napari.utils.notifications import show_error, show_info
from qtpy.QtWidgets import QMessageBox, QWidget


@dataclass(frozen=True)
class Kind:
    """What one kind of training is called.

    Attributes
    ----------
    key
        Under which its form is remembered.
    check, train
        Jobs of the engine.
    picture, picture_title
        File that the training writes, and what it shows.
    user
        Display name of the widget that uses the model, which must have a `model` chooser.
    """

    key: str
    check: str
    train: str
    picture: str
    picture_title: str
    user: str


def ask_about_run(parent: QWidget, output: Path) -> str | None:
    """Ask what becomes of an earlier run in a folder: resume, overwrite, or None for neither."""
    box = QMessageBox(parent)
    box.setWindowTitle("Train")
    box.setText(f"{output.name} already holds a training.")
    box.setInformativeText("Go on with it (same data and settings), or start again and lose it?")
    resume = box.addButton("&Go on", QMessageBox.ButtonRole.AcceptRole)
    again = box.addButton("Start &again", QMessageBox.ButtonRole.DestructiveRole)
    box.addButton(QMessageBox.StandardButton.Cancel)
    box.exec()
    if box.clickedButton() is resume:
        return "resume"
    return "overwrite" if box.clickedButton() is again else None


def choose_in(viewer: Viewer, user: str, name: str) -> str:
    """Open a widget by its display name and choose a model there; return what to say of it."""
    try:
        dock, panel = viewer.window.add_plugin_dock_widget("napari-all", user, tabify=True)
    except (RuntimeError, ValueError, KeyError) as error:  # napari cannot open it; the model is there all the same
        said = f"'{name}' is in your model folder, but the {user} panel did not open: {error}"
        show_error(said)
        return said
    panel.model.choose(name)
    dock.show()
    dock.raise_()
    show_info(f"'{name}' is chosen in the {user} panel")
    return f"'{name}' is in your model folder and chosen in the {user} panel."
