"""One small typed registry: a folder of modules, one entry each.

A module of the folder defines `ENTRY`, a frozen value with a `name`. Listing imports these modules, so they stay
light: what is heavy (torch) is imported inside the entry's functions.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Generic, Protocol, TypeVar

from napari_all.errors import NapariAllError, unknown_name


class Named(Protocol):
    """Anything with a name."""

    @property
    def name(self) -> str:
        """Unique name within its registry."""


T = TypeVar("T", bound=Named)


class Registry(Mapping[str, T], Generic[T]):
    """Entries found in the modules of one package, by name, in alphabetical order.

    Parameters
    ----------
    kind
        What an entry is, for messages ("segmentation method").
    package
        Dotted name of the package whose modules are scanned.
    entry_type
        Type that each module's `ENTRY` must have.
    """

    def __init__(self, kind: str, package: str, entry_type: type[T]) -> None:
        self.kind = kind
        self._package = package
        self._entry_type = entry_type

    @cached_property
    def _entries(self) -> dict[str, T]:
        package = importlib.import_module(self._package)
        found: dict[str, T] = {}
        for info in pkgutil.iter_modules(package.__path__):
            if info.name.startswith("_"):
                continue
            module = importlib.import_module(f"{self._package}.{info.name}")
            entry = getattr(module, "ENTRY", None)
            if not isinstance(entry, self._entry_type):
                raise NapariAllError(
                    f"{module.__name__} must define ENTRY, a {self._entry_type.__name__}; found {entry!r}"
                )
            if entry.name in found:
                raise NapariAllError(f"two {self.kind}s are named {entry.name!r}; rename the one in {module.__name__}")
            found[entry.name] = entry
        return dict(sorted(found.items()))

    def __getitem__(self, name: str) -> T:
        try:
            return self._entries[name]
        except KeyError:
            raise unknown_name(self.kind, name, self._entries) from None

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
