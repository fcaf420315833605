"""Copy a project's files into another folder, also while it is worked on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from napari_all.errors import SaveError
from napari_all.files import WRITING
from napari_all.monitor import Monitor
from napari_all.project.layout import Layout

Copied: TypeAlias = dict[Path, tuple[int, int]]
"""Time of change (ns) and size of every file when it was copied, by its path in the project."""


def copy_project(source: Layout, target: Layout, copied: Copied, monitor: Monitor) -> None:
    """Copy all files but the lock; those that `copied` has already only if they have changed since.

    Called twice it makes a true copy of a project that changes meanwhile: once at leisure, once more, quickly, while
    nothing is written.

    Raises
    ------
    SaveError
        The target cannot take them.
    Cancelled
        The monitor asks to stop; what was copied stays behind.
    """
    try:
        target.folder.mkdir(parents=True, exist_ok=True)
        found = {path: _stamp(source.folder / path) for path in _files(source)}
        for gone in copied.keys() - found.keys():
            (target.folder / gone).unlink(missing_ok=True)
            del copied[gone]
        due = [path for path, stamp in found.items() if stamp is not None and copied.get(path) != stamp]
        for done, path in enumerate(due):
            monitor.raise_if_cancelled()
            monitor.report("copying files", done, len(due))
            (target.folder / path).parent.mkdir(parents=True, exist_ok=True)
            if (stamp := _stamp(source.folder / path)) is not None:
                shutil.copyfile(source.folder / path, target.folder / path)  # without the rights, perhaps the trouble
                copied[path] = stamp  # of before the copy: what changes during it is copied again
        monitor.report("copying files", len(due), len(due))
    except OSError as error:
        raise SaveError(
            f"cannot copy the project to {target.folder.name!r}: {error.strerror or error}; choose another folder"
        ) from error


def _files(layout: Layout) -> Iterator[Path]:
    for folder, _, names in os.walk(layout.folder):
        for name in names:
            if name != layout.lock.name and not name.startswith(WRITING):
                yield Path(folder, name).relative_to(layout.folder)


def _stamp(path: Path) -> tuple[int, int] | None:
    """Return time of change and size of a file, or None when it is gone meanwhile."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size
