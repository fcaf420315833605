"""One program at a time writes a project: a lock of the operating system, which ends with the process that holds it."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path

from napari_all.errors import ProjectError, SaveError


class ProjectLock:
    """The lock of a project, held until `release`.

    The file says who holds it; it stays behind after a kill, but the lock does not, so a dead process keeps nobody out.

    Raises
    ------
    ProjectError
        Another program holds it.
    SaveError
        The folder cannot be written to.
    """

    def __init__(self, path: Path, who: str) -> None:
        try:
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise SaveError(f"cannot write to {path.parent.name!r}: {error.strerror}; choose another folder") from error
        try:
            _lock(self._handle)
        except OSError as error:
            holder = _holder(path)
            os.close(self._handle)
            raise ProjectError(
                f"project {path.parent.name!r} is open in another program ({holder}); close it there, or work on a "
                "copy and merge"
            ) from error
        text = f"{who or 'somebody'}, process {os.getpid()} on {socket.gethostname()}, since "
        note = json.dumps({"holder": text + datetime.now(UTC).isoformat(timespec="minutes")})
        with contextlib.suppress(OSError):  # a full disk must not keep a project from being opened
            os.truncate(self._handle, 0)
            os.write(self._handle, note.encode())

    def release(self) -> None:
        """Let others in."""
        os.close(self._handle)


def _holder(path: Path) -> str:
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["holder"])
    except (OSError, ValueError, KeyError, TypeError):
        return "which does not tell its name"


if sys.platform == "win32":
    import msvcrt

    _FAR = 1 << 30  # behind the text: what is locked cannot be read by others there

    def _lock(handle: int) -> None:
        os.lseek(handle, _FAR, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        os.lseek(handle, 0, os.SEEK_SET)

else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
