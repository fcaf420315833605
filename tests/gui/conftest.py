"""Fixtures of the window's tests: a real viewer, settings of their own, engines that end with the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QSettings
from review_of_tests import make_project

from napari_all.gui.jobs import ENGINES
from napari_all.gui.review import ReviewPanel

TIMEOUT_MS = 60_000


@pytest.fixture(autouse=True)
def own_settings(tmp_path, qapp) -> None:
    """Keep the window's memory out of the user's settings and each test away from the others'."""
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(tmp_path / "settings"))


@pytest.fixture(scope="session", autouse=True)
def engines() -> Iterator[None]:
    """Share the engines among the tests, and end them."""
    yield
    ENGINES.close()


@pytest.fixture
def notes() -> Iterator[list[str]]:
    """What napari told the user while the test ran."""
    told: list[str] = []

    def listen(notification) -> None:
        told.append(f"{notification.severity}: {notification.message}")

    notification_manager.notification_ready.connect(listen)
    yield told
    notification_manager.notification_ready.disconnect(listen)


@pytest.fixture
def wait(qtbot) -> Callable[[Callable[[], bool]], None]:
    """Run the event loop until something holds."""

    def until(condition: Callable[[], bool]) -> None:
        qtbot.waitUntil(condition, timeout=TIMEOUT_MS)

    return until


@pytest.fixture
def open_panel(make_napari_viewer):
    """Make a viewer that shows and dock a panel in it: (panel class, images) -> panel."""

    def dock(cls, *images, show=True):
        viewer = make_napari_viewer(show=show)
        for index, image in enumerate(images):
            viewer.add_image(image, name=f"image {index}")
        panel = cls(viewer)
        viewer.window.add_dock_widget(panel, name=cls.__name__)
        return panel

    return dock


@pytest.fixture
def review(open_panel, tmp_path):
    """The Review widget with a small project open; it is closed at the end."""
    panel = open_panel(ReviewPanel)
    assert panel.open_project(make_project(tmp_path))
    yield panel
    panel.close_project()
