"""Undo and redo lead exactly back to the start and to the end again, over images, restarts of memory and all planes."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from project_of_tests import IMAGES, SHAPE, painted

from napari_all.project.change import Change, change_of_edit, diff_planes
from napari_all.project.history import History, Step
from napari_all.project.log_file import Place
from napari_all.project.planes import Pixels
from napari_all.project.project import Project
from napari_all.segmentation import editing

rows, columns = st.integers(0, SHAPE[0] - 4), st.integers(0, SHAPE[1] - 4)
actions = st.one_of(
    st.tuples(st.just("paint"), st.integers(0, 5), rows, columns),
    st.tuples(st.just("classes"), st.integers(0, 2), rows, columns),
    st.tuples(st.just("ignore"), st.integers(0, 1), rows, columns),
    st.tuples(st.just("marks"), st.integers(0, 2), rows, columns),
    st.tuples(st.just("status"), st.sampled_from(["in work", "corrected", "accepted", "excluded"])),
    st.tuples(st.just("flag"), st.booleans()),
    st.tuples(st.just("class"), st.integers(1, 3), st.sampled_from(["blast", "lymphocyte", None])),
    st.tuples(st.just("class everywhere"), st.integers(1, 3), st.sampled_from(["blast", "smudge", None])),
    st.tuples(st.just("undo")),
    st.tuples(st.just("redo")),
)


def act(project: Project, image: str, action: tuple) -> None:
    match action:
        case ("paint", label, top, left):
            project.record(image, painted(project.load(image).pixels, label, top, left))
        case ("classes" | "ignore" | "marks" as plane, value, top, left):
            pixels = project.load(image).pixels
            before = pixels.copy()
            pixels.plane(plane)[top : top + 4, left : left + 4] = value
            project.record(image, Change(plane, diff_planes(before, pixels)))
        case ("status", status):
            project.set_status(image, status)
        case ("flag", flag):
            project.set_flag(image, flag)
        case ("class", cell, name):
            project.set_cell_classes({image: {cell: name}})
        case ("class everywhere", cell, name):
            project.set_cell_classes({image: {cell: name} for image in project.images})
        case ("undo",):
            project.undo()
        case ("redo",):
            project.redo()


def states(project: Project) -> list[tuple]:
    opened = [project.load(image) for image in project.images]
    return [(o.pixels.fingerprints(), o.values) for o in opened]


@settings(max_examples=10)
@given(st.lists(st.tuples(st.sampled_from(IMAGES), actions), min_size=1, max_size=25))
def test_all_is_taken_back_and_done_again_exactly(folder: Path, story: list[tuple[str, tuple]]) -> None:
    home = Path(tempfile.mkdtemp())
    shutil.copytree(folder, home / "project")
    project = Project(home / "project", images=folder.parent / "images", pause_s=60)
    project.desk.history._budget = 200  # nearly every change is read from a log again
    start = states(project)
    for image, action in story:
        act(project, image, action)
    while project.redo():  # to the end of what there is
        pass
    end = states(project)
    while project.undo():
        pass
    assert states(project) == start
    while project.redo():
        pass
    assert states(project) == end
    project.desk.write_logs(True)
    project.abandon()  # the labels were never saved: all comes from the logs
    with Project(home / "project", images=folder.parent / "images") as project:
        assert states(project) == end
    shutil.rmtree(home)


def test_classes_given_in_several_images_are_one_action(folder: Path) -> None:
    first, second = IMAGES[:2]
    with Project(folder) as project:
        project.set_cell_classes({first: {1: "blast"}})
        project.set_cell_classes({first: {1: "smudge"}, second: {1: "smudge", 2: "smudge"}})
        assert {done.image for done in project.undo()} == {first, second}
        assert [project.values(image).cell_classes for image in (first, second)] == [{1: "blast"}, {}]
        assert [done.image for done in project.redo()] == [first, second]
        assert project.values(second).cell_classes == {1: "smudge", 2: "smudge"}
        project.undo()
        project.undo()
        assert project.values(first).cell_classes == {}
        assert not project.undo()


def test_an_action_that_changes_nothing_in_an_image_is_not_joined_to_another(folder: Path) -> None:
    first, second = IMAGES[:2]
    with Project(folder) as project:
        project.set_flag(first, True)
        project.set_cell_classes({first: {1: None}, second: {1: "blast"}})
        assert [done.image for done in project.undo()] == [second]
        assert project.entry(first).flag


def test_a_history_lets_go_of_what_the_logs_hold() -> None:
    fetched: list[Place] = []

    def fetch(image: str, place: Place) -> Change:
        fetched.append(place)
        return Change(f"change {place.offset}")

    history = History(fetch, budget_bytes=10_000)
    pixels = Pixels.empty(SHAPE)
    for number in range(100):
        step = Step("a.png", painted(pixels, number + 1, 0, 0), number)
        history.did(step)
        step.place = Place(number, 1)
    history.spill()
    kept = [step for step in history._steps if step.change is not None]
    assert sum(step.change.nbytes for step in kept if step.change) <= 10_000
    assert len(kept) < 60
    oldest = history._steps[0]
    assert history.change_of(oldest).tool == "change 0"
    assert fetched == [Place(0, 1)]


def test_nothing_is_let_go_of_before_it_is_written() -> None:
    history = History(lambda image, place: Change("x"), budget_bytes=0)
    step = Step("a.png", painted(Pixels.empty(SHAPE), 1, 0, 0), 1)
    history.did(step)
    assert step.change is not None


def test_edits_of_the_editing_package_become_changes(folder: Path) -> None:
    with Project(folder) as project:
        opened = project.load("a.png")
        planes = opened.pixels.editable("nucleus+cytoplasm")
        edit = editing.completed(planes, editing.mark_cell(planes.labels, 2, "smudge"))
        inverse = editing.change(planes, edit)
        project.record("a.png", change_of_edit("smudge", edit, inverse, opened.pixels.shape, cell=2))
        after = project.load("a.png").pixels
        assert after.same(opened.pixels)
        assert (after.marks == editing.Mark.SMUDGE).sum() == 36
        assert not np.isin(2, after.labels)
