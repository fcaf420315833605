"""Files written whole or not at all, hashes, and paths that stay inside a folder."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from napari_all.errors import SaveError, UsageError

WRITING = ".writing-"
"""How the names of temporary files begin."""
_HOST = re.sub(r"[^A-Za-z0-9.]", "_", platform.node())
_OWNER = re.compile(re.escape(f"{WRITING}{_HOST}-") + r"(\d+)-")


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Give a temporary path beside `target`; on success it replaces `target`, on any error it is removed.

    The temporary name keeps the suffix, because writers choose the format by it, and tells whose it is (see
    `remove_abandoned`). Raises `SaveError` when the disk refuses; what stood at `target` is then untouched.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        prefix = f"{WRITING}{_HOST}-{os.getpid()}-"
        handle, name = tempfile.mkstemp(prefix=prefix, suffix="".join(target.suffixes[-2:]), dir=target.parent)
        os.close(handle)
    except OSError as error:
        raise SaveError(f"cannot write to {target.parent}: {error.strerror}; choose another folder") from error
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb+") as stream:
            os.fsync(stream.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(target)
    except OSError as error:
        raise SaveError(
            f"cannot write {target.name}: {error.strerror or error}; free some space or choose another folder"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def remove_abandoned(folder: Path) -> None:
    """Remove the temporary files below a folder that killed processes of this machine have left."""
    for inner, _, names in os.walk(folder):
        for name in names:
            owner = _OWNER.match(name)
            if owner and not psutil.pid_exists(int(owner[1])):
                with suppress(OSError):  # somebody else's, or gone
                    Path(inner, name).unlink(missing_ok=True)


def write_bytes(target: Path, content: bytes) -> None:
    """Write `content` to `target` whole or not at all."""
    with atomic_path(target) as path:
        path.write_bytes(content)


def write_json(target: Path, value: Any) -> None:
    """Write `value` as indented UTF-8 JSON, whole or not at all."""
    write_bytes(target, (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes as lower-case hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_array(array: NDArray[Any]) -> str:
    """Return the SHA-256 of an array's dtype, shape and bytes as lower-case hex."""
    digest = hashlib.sha256(f"{array.dtype.str}{array.shape}".encode())
    digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def inside(folder: Path, relative: str | Path) -> Path:
    """Return `folder / relative`, or raise `UsageError` when that would leave the folder."""
    root = folder.resolve()
    path = (root / relative).resolve()
    if not path.is_relative_to(root):
        raise UsageError(f"{str(relative)!r} leads outside {folder.name!r}; give a path inside it")
    return path


_UMASK = threading.Lock()
"""The umask can be read only by setting it; two threads at once would leave the process with none."""


def _umask() -> int:
    with _UMASK:
        value = os.umask(0)
        os.umask(value)
        return value
