"""The engine's process as the window sees it: started, spoken to, ended. Knows no Qt."""

from __future__ import annotations

import logging
import subprocess
import threading
from collections import deque
from collections.abc import Sequence

from napari_all.errors import EngineError
from napari_all.wire import Channel

STOP_S = 2.0
"""Seconds that the engine gets to leave when the window closes."""

log = logging.getLogger("napari_all.engine")


class EngineChild:
    """One run of the engine."""

    def __init__(self, command: Sequence[str]) -> None:
        try:
            self._popen = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            raise EngineError(f"cannot start {command[0]}: {error.strerror}; check the installation") from error
        assert self._popen.stdin is not None
        assert self._popen.stdout is not None
        self.channel = Channel(self._popen.stdout, self._popen.stdin)  # type: ignore[arg-type]
        self.last_words: deque[str] = deque(maxlen=20)
        self._stderr_thread = threading.Thread(target=self._forward_stderr, daemon=True)
        self._stderr_thread.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._popen.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._popen.poll() is None

    def kill(self) -> None:
        """End it at once."""
        self._popen.kill()

    def reap(self, wait_s: float | None = None) -> int:
        """Close the pipe, wait for the end (ending it after `wait_s`), return the exit code."""
        self.channel.close()
        try:
            code = self._popen.wait(wait_s)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            code = self._popen.wait()
        self._stderr_thread.join(STOP_S)
        if self._popen.stdout is not None:
            self._popen.stdout.close()
        return code

    def _forward_stderr(self) -> None:
        assert self._popen.stderr is not None
        with self._popen.stderr as stream:
            for raw in stream:
                line = raw.decode(errors="replace").rstrip()
                self.last_words.append(line)
                log.info(line)
