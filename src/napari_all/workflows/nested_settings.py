"""Settings within settings, set by one flat list of `key=value` texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from napari_all.config import Settings
from napari_all.errors import unknown_name

S = TypeVar("S", bound=Settings)


def assign(config: S, assignments: Sequence[str]) -> S:
    """Apply `key=value` texts, each to the section of the configuration that has the key.

    Raises
    ------
    UsageError
        For an unknown key or a value out of range.
    """
    valid = settable(type(config))
    for text in assignments:
        if (key := text.partition("=")[0].strip()) not in valid:
            raise unknown_name("setting", key, valid)
    return _assigned(config, assignments)


def settable(section: type[Settings]) -> dict[str, str]:
    """Return every key that `assign` takes, with its description and default."""
    nested = _sections(section)
    found = {
        key: f"{field.description} (default {'none' if field.default is None else field.default})"
        for key, field in section.model_fields.items()
        if key not in nested
    }
    for inner in nested.values():
        found |= settable(inner)
    return found


def _assigned(config: S, assignments: Sequence[str]) -> S:
    nested = _sections(type(config))
    own = [
        text for text in assignments if text.partition("=")[0].strip() in set(type(config).model_fields) - set(nested)
    ]
    changes: dict[str, Any] = {
        key: _assigned(getattr(config, key), [t for t in assignments if t.partition("=")[0].strip() in settable(inner)])
        for key, inner in nested.items()
    }
    return config.updated_from_text(own).updated(**changes)


def _sections(section: type[Settings]) -> dict[str, type[Settings]]:
    return {
        key: field.annotation
        for key, field in section.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, Settings)
    }
