"""The folder of a training run: refused, cleared or gone on with, and what fixed the run written down."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from napari_all.errors import CheckpointError, FileExistsRefused
from napari_all.files import write_json
from napari_all.training.curves import BEST, CURVES_FILE, LAST

SETTINGS, REPORT, PAGE = "settings.json", "report.json", "report.md"
TERMS = "Weights for research use only; the terms of the images they were trained on apply."
_FREE = ("epochs", "patience", "device", "processes")
"""Settings that may change when a run is resumed."""


def leads() -> bool:
    """Tell whether this is the process that writes files, not a helper that Lightning has started."""
    return "LOCAL_RANK" not in os.environ


def files_of_a_run(name: str) -> tuple[str, ...]:
    """Return the files that make a folder hold a run."""
    return (f"{name}.safetensors", f"{name}.json", REPORT, CURVES_FILE, LAST, BEST)


def refuse_existing(output: Path, name: str) -> None:
    """Raise `FileExistsRefused` when the folder holds a run."""
    if found := [file for file in files_of_a_run(name) if (output / file).exists()]:
        raise FileExistsRefused(
            f"{output.name} already holds {', '.join(found[:3])}; give --resume to go on, --overwrite to start again, "
            "or choose another folder"
        )


def begin_run(output: Path, name: str, told: Mapping[str, Any], *, resume: bool, free: Sequence[str] = _FREE) -> None:
    """Clear the folder of an earlier run, or compare with what that was begun with; write what fixes this one.

    Parameters
    ----------
    told
        Settings, fingerprints and all else that must be the same for a run to go on; JSON-ready.
    free
        Keys, at any depth, that may differ.

    Raises
    ------
    CheckpointError
        The run to resume was begun with something else.
    """
    path = output / SETTINGS
    if not resume:
        for file in files_of_a_run(name):
            (output / file).unlink(missing_ok=True)
    elif path.exists() and (output / LAST).exists():
        begun = json.loads(path.read_text(encoding="utf-8"))
        if changed := sorted(_differences(begun, told, free)):
            raise CheckpointError(
                f"{output.name} was begun with other {', '.join(changed)}; resume with the same data and settings, "
                "or start again in a new folder"
            )
    write_json(path, told)


def _differences(begun: Mapping[str, Any], now: Mapping[str, Any], free: Sequence[str]) -> set[str]:
    found = set()
    for key in set(begun) | set(now):
        old, new = begun.get(key), now.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            found |= _differences(old, new, free)
        elif old != new and key not in free:
            found.add(key)
    return found
