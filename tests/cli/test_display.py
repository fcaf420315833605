"""Whether there is a screen, what is lacking for a window, and a display made for a moment."""

from __future__ import annotations

import importlib.util
import shutil
import socket
from pathlib import Path

import pytest

from napari_all.cli import display
from napari_all.errors import DependencyError


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {}, False),
        ("linux", {"DISPLAY": ""}, False),
        ("linux", {"DISPLAY": ":0"}, True),
        ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, True),
        ("win32", {}, True),
        ("darwin", {}, True),
    ],
)
def test_has_display(monkeypatch: pytest.MonkeyPatch, platform: str, variables: dict[str, str], expected: bool) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(display.sys, "platform", platform)
    assert display.has_display() is expected


@pytest.mark.parametrize(("installed", "lacking"), [((), "napari"), (("PyQt6",), "napari"), (("napari",), "Qt")])
def test_without_napari_or_qt_the_pip_line_is_given(
    monkeypatch: pytest.MonkeyPatch, installed: tuple[str, ...], lacking: str
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: True if name in installed else None)
    with pytest.raises(DependencyError, match=lacking) as caught:
        display.require_window()
    assert 'pip install "napari-all[all]"' in str(caught.value)


@pytest.mark.skipif(shutil.which("Xvfb") is None, reason="Xvfb is not installed")
def test_virtual_display_is_there_and_ends() -> None:
    with display.virtual_display() as name:
        path = Path("/tmp/.X11-unix") / f"X{name[1:]}"
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
    with socket.socket(socket.AF_UNIX) as client, pytest.raises(OSError, match=r"refused|No such file"):
        client.connect(str(path))


def test_without_xvfb_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(DependencyError, match="apt-get install xvfb"), display.virtual_display():
        pass
