"""Images that come into the folder of a project are added to it; what was there stays as it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from project_of_tests import IMAGES, PREDICTED, SHAPE, painted, write_images

from napari_all.errors import Cancelled, SaveError, UsageError
from napari_all.monitor import NullMonitor
from napari_all.project.add import add_images
from napari_all.project.create import Created
from napari_all.project.project import Project


def test_new_images_are_added_while_the_project_is_worked_on(folder: Path) -> None:
    images = folder.parent / "images"
    with Project(folder) as project:
        pixels = project.load("a.png").pixels
        project.record("a.png", painted(pixels, 9, 14, 20))
        assert add_images(project) == Created(0, 0, ())
        write_images(images, ("aa.png", "sub/d.png"))
        assert add_images(project) == Created(2, 0, ())
        assert project.images == tuple(sorted((*IMAGES, "aa.png", "sub/d.png")))
        assert [entry.status for entry in project.entries] == ["in work", "none", "none", "predicted", "none"]
        project.record("aa.png", painted(project.load("aa.png").pixels, 1, 2, 2))
    with Project(folder) as project:
        assert project.reports == []
        assert project.load("a.png").pixels.same(pixels)
        assert project.entry("aa.png").status == "in work"
        assert len(project.images) == 5


def test_new_images_may_come_with_masks(folder: Path, tmp_path: Path) -> None:
    write_images(folder.parent / "images", ("new.png", "other.png"))
    masks = tmp_path / "masks"
    (masks / "sub").mkdir(parents=True)
    for name in ("a.png", "new.png"):
        Image.fromarray((PREDICTED.labels > 0).astype(np.uint8) * 255).save(masks / name)
    with Project(folder) as project:
        before = project.load("a.png").pixels
        assert add_images(project, masks) == Created(2, 1, ())
        assert (project.entry("new.png").status, project.entry("new.png").cells) == ("predicted", 3)
        assert project.load("a.png").pixels.same(before), "masks of images that were there are not taken"
        assert project.load("new.png").pixels.labels.shape == SHAPE


def test_images_that_cannot_be_added_leave_the_project_as_it_was(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = folder.parent / "images"
    manifest = (folder / "project.json").read_bytes()

    class Stopped(NullMonitor):
        def raise_if_cancelled(self) -> None:
            raise Cancelled("stopped")

    with Project(folder) as project:
        write_images(images, ("new.png",))
        with pytest.raises(Cancelled):
            add_images(project, monitor=Stopped())
        (images / "a.jpg").write_bytes(b"")
        with pytest.raises(UsageError, match=r"a\.png"):  # whose labels would have the same name
            add_images(project)
        (images / "a.jpg").unlink()
        monkeypatch.setattr(Project, "read_only", True)
        with pytest.raises(SaveError, match="another folder first"):
            add_images(project)
        monkeypatch.undo()
        assert project.images == IMAGES
        assert (folder / "project.json").read_bytes() == manifest
