"""What the window remembers from one day to the next, in the user's own settings file."""

from __future__ import annotations

import json
from typing import Any

from qtpy.QtCore import QSettings


def recall(key: str, default: Any = None) -> Any:
    """Return what was remembered under `key`, or `default` when there is nothing or it cannot be read."""
    text = _store().value(key)
    if not isinstance(text, str):
        return default
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return default


def remember(key: str, value: Any) -> None:
    """Keep a JSON-ready value under `key`."""
    _store().setValue(key, json.dumps(value))


def _store() -> QSettings:
    return QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "napari-all", "napari-all")
