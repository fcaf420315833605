"""Copy a project's files into another folder."""

from __future__ import annotations

import shutil

from napari_all.errors import SaveError
from napari_all.project.layout import Layout


def copy_project(source: Layout, target: Layout) -> None:
    """Copy all files but the lock; raises `SaveError` when the target cannot take them."""
    try:
        shutil.copytree(
            source.folder,
            target.folder,
            ignore=shutil.ignore_patterns(source.lock.name, ".writing-*"),
            dirs_exist_ok=True,
        )
    except (OSError, shutil.Error) as error:
        raise SaveError(f"cannot copy the project to {target.folder.name!r}: {error}; choose another folder") from error
