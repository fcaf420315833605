"""A project of an older format is copied, then brought to today's; a failure on the way loses nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from project_of_tests import PREDICTED

from napari_all.errors import ProjectError
from napari_all.project.migration import STEPS
from napari_all.project.project import Project


@pytest.fixture
def old(folder: Path) -> Path:
    """A project of a format 0, in which images were called pictures; it was worked on."""
    with Project(folder, "me") as project:
        project.load("a.png")
        project.set_status("a.png", "accepted")
    path = folder / "project.json"
    known = json.loads(path.read_text())
    path.write_text(json.dumps({**known, "version": 0, "pictures": known.pop("images"), "images": None}))
    return folder


def rename(folder: Path) -> None:
    path = folder / "project.json"
    known = json.loads(path.read_text())
    if "pictures" in known:
        known["images"] = known.pop("pictures")
        path.write_text(json.dumps(known))


def state(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "project.lock")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_an_older_project_is_copied_and_brought_to_todays_format(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STEPS, 0, rename)
    before, copy = state(old), old.with_name(f"{old.name}-format-0")
    with Project(old) as project:
        assert project.reports == [f"{old.name!r} was of format 0; a copy as it was lies in {copy.name!r}"]
        assert project.entry("a.png").status == "accepted"
        assert project.load("a.png").pixels.same(PREDICTED)
    assert state(copy) == before
    with Project(old) as project:
        assert project.reports == []


def test_a_step_that_fails_leaves_a_copy_and_can_be_done_again(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(folder: Path) -> None:
        rename(folder)
        raise OSError(28, "No space left on device")

    before = state(old)
    monkeypatch.setitem(STEPS, 0, full)
    with pytest.raises(ProjectError, match=r"could not be brought to format 1: .*No space left"):
        Project(old)
    assert state(old.with_name(f"{old.name}-format-0")) == before
    monkeypatch.setitem(STEPS, 0, rename)
    with Project(old) as project:
        assert project.entry("a.png").status == "accepted"
    assert state(old.with_name(f"{old.name}-format-0")) == before, "the copy is of what was there at first"


def test_without_a_whole_copy_nothing_is_changed(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STEPS, 0, rename)
    before = state(old)

    def full(*args: object, **more: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copytree", full)
    with pytest.raises(ProjectError, match="No space left"):
        Project(old)
    assert state(old) == before
    assert not old.with_name(f"{old.name}-format-0").exists()
