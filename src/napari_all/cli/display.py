"""Is there a screen, and if not, one made for a moment."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from napari_all.errors import DependencyError

_QT_BINDINGS = ("PyQt6", "PySide6", "PyQt5", "PySide2")
_SCREEN = "1600x1000x24"


def has_display() -> bool:
    """Tell whether a window can be shown: always on Windows and macOS, elsewhere with X or Wayland."""
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def require_window() -> None:
    """Raise `DependencyError` with the pip line when napari or Qt is not installed; imports neither."""
    there = {name for name in ("napari", *_QT_BINDINGS) if importlib.util.find_spec(name) is not None}
    if "napari" not in there or len(there) < 2:
        lacking = "napari" if "napari" not in there else "a Qt binding"
        raise DependencyError(f'the window needs {lacking}; install it with: pip install "napari-all[all]"')


def run_window(arguments: Sequence[str], display: str | None = None) -> int:
    """Run the demo's window in a process of its own and return its exit code."""
    environment = dict(os.environ)
    if display is not None:
        environment |= {"DISPLAY": display, "QT_QPA_PLATFORM": "xcb"}
        environment.pop("WAYLAND_DISPLAY", None)
    command = [sys.executable, "-m", "napari_all.gui.demo", *arguments]
    return subprocess.run(command, env=environment, check=False).returncode


@contextmanager
def virtual_display() -> Iterator[str]:
    """Give the name of an X display without a screen (Xvfb), which ends with the block.

    Raises
    ------
    DependencyError
        Xvfb is not installed or does not start; the message names the package.
    """
    program = shutil.which("Xvfb")
    if program is None:
        raise DependencyError(
            "a screenshot without a display needs Xvfb; install it (Debian, Ubuntu: sudo apt-get install xvfb)"
        )
    reading, writing = os.pipe()
    server = subprocess.Popen(
        [program, "-displayfd", str(writing), "-screen", "0", _SCREEN, "-nolisten", "tcp"],
        pass_fds=[writing],
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    try:
        with os.fdopen(reading) as pipe:
            number = pipe.readline().strip()
        if not number:
            raise DependencyError("Xvfb did not start; run 'Xvfb :99' to see why, or give the demo a display")
        yield f":{number}"
    finally:
        server.terminate()
        server.wait()
