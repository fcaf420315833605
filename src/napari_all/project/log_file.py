"""The log of one image on disk: appended to, synchronised, and read so that a kill at any moment does no harm.

A line is `{"prev": "<chain of the line before>", …, "chain": "<first 16 digits of the SHA-256 of all before it>"}`. A
line that was torn by a kill fits nothing and is skipped; the next one continues the chain. A line that was altered or
lost later breaks it, and is told.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import Any, Protocol

from napari_all.errors import ProjectError, SaveError

_CHAIN = ', "chain": "'


class _Numbered(Protocol):
    @property
    def n(self) -> int: ...

    def model_dump(self, *, mode: str, exclude: set[str]) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Tail:
    """Where a log ends.

    Attributes
    ----------
    size
        Its bytes.
    chain, n
        Chain and number of its last good line.
    clean
        Whether the last line is ended; else a kill has left a piece of one.
    """

    size: int = 0
    chain: str = ""
    n: int = 0
    clean: bool = True


@dataclass(frozen=True)
class Place:
    """The bytes of a log that hold a line."""

    offset: int
    length: int


@dataclass(frozen=True)
class RawLine:
    """A good line: its JSON object, and where it lies."""

    found: Mapping[str, Any]
    place: Place

    @property
    def n(self) -> int:
        """Number of the line."""
        return int(self.found["n"])


@dataclass
class LogContent:
    """What a log holds.

    Attributes
    ----------
    lines
        The good lines, in order.
    gaps
        How often a line does not continue the one before it: something between them was altered or lost.
    torn
        How many unfinished lines were skipped, which a kill left.
    """

    lines: list[RawLine] = field(default_factory=list)
    gaps: int = 0
    torn: int = 0
    tail: Tail = Tail()


def read_log(path: Path) -> LogContent:
    """Read a log; one that does not exist is empty. Raises `ProjectError` when the disk refuses."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return LogContent()
    except OSError as error:
        raise ProjectError(f"cannot read the log {path.name}: {error.strerror}; check the disk") from error
    content = LogContent()
    offset, chain, torn = 0, "", 0
    for raw in data.split(b"\n"):
        found = _checked(raw)
        if found is not None:
            content.gaps += found["prev"] != chain
            content.lines.append(RawLine(found, Place(offset, len(raw))))
            chain = str(found["chain"])
        elif raw.strip():
            torn += 1
        offset += len(raw) + 1
    last = content.lines[-1].n if content.lines else 0
    content.torn, content.tail = torn, Tail(len(data), chain, last, not data or data.endswith(b"\n"))
    return content


def append_lines(path: Path, tail: Tail, lines: Sequence[_Numbered]) -> tuple[Tail, list[Place]]:
    """Append lines behind `tail` and wait until the disk has them.

    Returns
    -------
    The new end, and where each line lies.

    Raises
    ------
    SaveError
        The disk refuses. Nothing counts as written; append the same lines again.
    """
    body, places, chain, n = b"" if tail.clean else b"\n", [], tail.chain, tail.n
    for line in lines:
        text, chain = _text(line, chain)
        places.append(Place(tail.size + len(body), len(text)))
        body, n = body + text + b"\n", line.n
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab", buffering=0) as stream:
            if os.fstat(stream.fileno()).st_size > tail.size:  # what an earlier append left when it failed
                stream.truncate(tail.size)
            _write_all(stream, body)
            os.fsync(stream.fileno())
    except OSError as error:
        raise SaveError(
            f"cannot write the log {path.name}: {error.strerror or error}; free some space, or save the project "
            "in another folder"
        ) from error
    return Tail(tail.size + len(body), chain, n), places


def read_line(path: Path, place: Place) -> Mapping[str, Any]:
    """Read one line of a log again; `ProjectError` when it is no longer there."""
    try:
        with path.open("rb") as stream:
            stream.seek(place.offset)
            found = _checked(stream.read(place.length))
    except OSError as error:
        raise ProjectError(f"cannot read the log {path.name}: {error.strerror}; check the disk") from error
    if found is None:
        raise ProjectError(f"the log {path.name} was changed by another program; open the project again")
    return found


def _text(line: _Numbered, chain: str) -> tuple[bytes, str]:
    found = {"prev": chain} | line.model_dump(mode="json", exclude={"prev", "chain"})
    body = json.dumps(found, ensure_ascii=False)[:-1]
    new = _digest(body.encode())
    return f'{body}{_CHAIN}{new}"}}'.encode(), new


def _checked(raw: bytes) -> Mapping[str, Any] | None:
    """Return the object of a line whose own digest is right, else None."""
    body, found, rest = raw.rpartition(_CHAIN.encode())
    if not found or rest != f'{_digest(body)}"}}'.encode():
        return None
    try:
        value = json.loads(raw)
    except ValueError:
        return None
    return value if isinstance(value, dict) and isinstance(value.get("n"), int) and "prev" in value else None


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:16]


def _write_all(stream: FileIO, body: bytes) -> None:
    while body:
        body = body[stream.write(body) or 0 :]
