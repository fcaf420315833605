"""Projects of an older format are brought to the one of today, after a copy of them was made."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from napari_all.errors import ProjectError, SaveError
from napari_all.files import WRITING, write_json
from napari_all.project.layout import Layout
from napari_all.project.lock import ProjectLock
from napari_all.project.manifest import VERSION, read_version

Step: TypeAlias = Callable[[Path], None]
"""Brings the files of a project's folder to the next version, all but the number in `project.json`.

It may be killed and done again, so it leaves what is of the next version already as it is.
"""
STEPS: dict[int, Step] = {}
"""Steps by the version that they begin from. Format 1 is the first, so there is none yet."""


def migrate(folder: Path, who: str) -> str | None:
    """Bring a project of an older format to today's; the copy that is made first lies beside it.

    Parameters
    ----------
    folder
        Of the project.
    who
        Named to another program that tries to open it meanwhile.

    Returns
    -------
    What was done, or None where there was nothing to do.

    Raises
    ------
    ProjectError
        No step leads on from its version, it is open elsewhere, or it cannot be copied or written.
    """
    layout = Layout(folder)
    version = read_version(layout.manifest)
    if version == VERSION:
        return None
    if missing := sorted(set(range(version, VERSION)) - set(STEPS)):
        raise ProjectError(
            f"{layout.manifest.name} says format {missing[0]}, from which no way leads to format {VERSION}; restore it "
            "from a copy"
        )
    copy = folder.with_name(f"{folder.name}-format-{version}")
    try:
        lock = ProjectLock(layout.lock, who)
        try:
            _copy(folder, copy)
            for number in range(version, VERSION):
                STEPS[number](folder)
                known = json.loads(layout.manifest.read_text(encoding="utf-8"))
                write_json(layout.manifest, known | {"version": number + 1})
        finally:
            lock.release()
    except (OSError, SaveError) as error:
        raise ProjectError(
            f"{folder.name!r} is of format {version} and could not be brought to format {VERSION}: {error}; open it "
            "with the napari-all that made it, or again here when there is room and leave to write"
        ) from error
    return f"{folder.name!r} was of format {version}; a copy as it was lies in {copy.name!r}"


def _copy(folder: Path, copy: Path) -> None:
    """Copy the project, unless an earlier start has; a copy that was not finished is made again."""
    if copy.exists():
        return
    begun = copy.with_name(f"{WRITING}{copy.name}")
    shutil.rmtree(begun, ignore_errors=True)
    shutil.copytree(folder, begun, ignore=shutil.ignore_patterns(Layout(folder).lock.name))
    begun.rename(copy)
