"""Copy a project's files into another folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from napari_all.errors import SaveError
from napari_all.project.layout import Layout


def copy_project(source: Layout, target: Layout) -> None:
    """Copy all files but the lock; raises `SaveError` when the target cannot take them."""
    try:
        for folder, _, files in os.walk(source.folder):
            copy = target.folder / Path(folder).relative_to(source.folder)
            copy.mkdir(parents=True, exist_ok=True)
            for name in files:
                if name != source.lock.name and not name.startswith(".writing-"):
                    shutil.copyfile(Path(folder, name), copy / name)  # without the rights, which may be the trouble
    except OSError as error:
        raise SaveError(
            f"cannot copy the project to {target.folder.name!r}: {error.strerror or error}; choose another folder"
        ) from error
