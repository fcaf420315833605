"""Base of all settings: frozen, misspelt fields refused, the same object for window and command line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo

from napari_all.errors import UsageError


class Settings(BaseModel):
    """Frozen settings; every field has a default, a description and, for numbers, bounds.

    Forms and `--set key=value` are made from the fields, so a bound or a description stands in one place.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    @classmethod
    def parse(cls, values: dict[str, Any]) -> Self:
        """Validate `values`; raise `UsageError` naming the bad field, its value and what is valid."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise UsageError(_explain(cls, error)) from error

    def updated(self, **changes: Any) -> Self:
        """Return a validated copy with some fields changed."""
        return type(self).parse({**self.model_dump(), **changes})

    def updated_from_text(self, assignments: Iterable[str]) -> Self:
        """Return a copy with `key=value` texts applied, as the command line gives them."""
        changes: dict[str, Any] = {}
        for text in assignments:
            key, separator, value = text.partition("=")
            if not separator:
                raise UsageError(f"cannot read setting {text!r}; write it as key=value, for example min_area=40")
            key = key.strip()
            if key not in type(self).model_fields:
                valid = ", ".join(sorted(type(self).model_fields))
                raise UsageError(f"unknown setting {key!r}; choose one of {valid}")
            changes[key] = None if value.strip().casefold() in _nothing(type(self).model_fields[key]) else value.strip()
        return self.updated(**changes)


def _nothing(field: FieldInfo) -> tuple[str, ...]:
    """Return the words for "nothing given"; `auto` is one, unless it is a value of the field itself."""
    return ("none", "auto") if field.default is None else ("none",)


def _explain(cls: type[BaseModel], error: ValidationError) -> str:
    parts = []
    for item in error.errors():
        name = ".".join(str(p) for p in item["loc"]) or cls.__name__
        if item["type"] == "extra_forbidden":
            valid = ", ".join(sorted(cls.model_fields))
            parts.append(f"unknown setting {name!r}; choose one of {valid}")
        else:
            parts.append(f"{name} = {item.get('input')!r}: {item['msg']}")
    return "; ".join(parts)
