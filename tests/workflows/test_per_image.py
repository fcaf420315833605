"""Work on many images overlaps: how far it reads ahead, in which order it ends, what a stop or an error leaves."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from napari_all.errors import Cancelled, CheckpointError, ImageError
from napari_all.io.inputs import InputImage
from napari_all.monitor import Monitor, NullMonitor
from napari_all.workflows.per_image import Rest, SaveTimer, read_ahead, work_through
from napari_all.workflows.run_record import InputRecord

IMAGES = [InputImage(Path(f"{k}.png"), f"{k}.png") for k in range(6)]
LONG_S = 10.0


def done(image: InputImage) -> InputRecord:
    return InputRecord(image=image.name, status="done")


def own_threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith(("rest", "read-ahead"))]


def test_one_image_is_read_ahead_and_no_more() -> None:
    read: list[str] = []
    second = threading.Event()

    def note(image: InputImage) -> int:
        read.append(image.name)
        if len(read) == 2:
            second.set()
        return len(read)

    with ThreadPoolExecutor(1, "read-ahead") as reader:
        given = read_ahead(IMAGES, note, reader)
        assert given(IMAGES[0]) == 1
        assert second.wait(LONG_S)  # while the first is being worked on
        reader.submit(lambda: None).result(LONG_S)  # whatever else had been asked for would be read by now
        assert read == ["0.png", "1.png"]
        assert [given(image) for image in IMAGES[1:]] == [2, 3, 4, 5, 6]
    assert not own_threads()


def test_what_reading_raises_is_raised_for_its_image_and_passed_over_ones_are_dropped() -> None:
    def read(image: InputImage) -> str:
        if image is IMAGES[1]:
            raise ImageError("damaged")
        return image.name

    with ThreadPoolExecutor(1) as reader:
        given = read_ahead(IMAGES, read, reader)
        assert given(IMAGES[0]) == "0.png"
        with pytest.raises(ImageError):
            given(IMAGES[1])
        assert given(IMAGES[4]) == "4.png"


def test_two_images_are_worked_on_while_the_first_is_written_and_not_a_fourth() -> None:
    begun: list[str] = []
    third, go = threading.Event(), threading.Event()

    def work(image: InputImage, monitor: Monitor) -> Rest:
        begun.append(image.name)
        if len(begun) == 3:
            third.set()

        def rest() -> InputRecord:
            assert go.wait(LONG_S)
            return done(image)

        return rest

    def run() -> list[str]:
        return [record.image for record in work_through(IMAGES, work, NullMonitor())]

    with ThreadPoolExecutor(1) as other:
        records = other.submit(run)
        assert third.wait(LONG_S)
        with pytest.raises(TimeoutError):
            records.result(0.2)
        assert begun == ["0.png", "1.png", "2.png"]
        go.set()
        assert records.result(LONG_S) == [image.name for image in IMAGES]
    assert not own_threads()


def test_errors_of_both_halves_are_failures_of_their_image() -> None:
    def work(image: InputImage, monitor: Monitor) -> InputRecord | Rest:
        number = IMAGES.index(image)
        if number == 1:
            raise ImageError("cannot be read")

        def rest() -> InputRecord:
            if number == 3:
                raise OSError("disk full")
            return done(image)

        return done(image) if number == 4 else rest

    said: list[str] = []

    class Listener(NullMonitor):
        def message(self, text: str) -> None:
            said.append(text)

    records = list(work_through(IMAGES, work, Listener()))
    assert [r.image for r in records] == [image.name for image in IMAGES]
    assert [r.status for r in records] == ["done", "failed", "done", "failed", "done", "done"]
    assert said == ["1.png: cannot be read", "3.png: OSError: disk full"]
    assert all(r.seconds is not None for r in records)


@pytest.mark.parametrize("late", [False, True])
def test_an_error_of_all_images_ends_the_run(late: bool) -> None:
    def fail() -> InputRecord:
        raise CheckpointError("no weights")

    def work(image: InputImage, monitor: Monitor) -> InputRecord | Rest:
        if image is not IMAGES[2]:
            return lambda: done(image)
        return fail if late else fail()

    with pytest.raises(CheckpointError):
        list(work_through(IMAGES, work, NullMonitor()))
    assert not own_threads()


def test_a_stop_keeps_what_was_worked_on() -> None:
    def work(image: InputImage, monitor: Monitor) -> Rest:
        if image is IMAGES[3]:
            raise Cancelled("in the middle of an image")
        return lambda: done(image)

    records = list(work_through(IMAGES, work, NullMonitor()))
    assert [r.status for r in records] == ["done"] * 3 + ["not started"] * 3


def test_closed_early_it_finishes_what_is_left_and_ends_its_thread() -> None:
    finished: list[str] = []

    def work(image: InputImage, monitor: Monitor) -> Rest:
        def rest() -> InputRecord:
            finished.append(image.name)
            return done(image)

        return rest

    with pytest.raises(KeyboardInterrupt), closing(work_through(IMAGES, work, NullMonitor())) as records:
        first = next(records)
        raise KeyboardInterrupt
    assert first.image == "0.png"
    assert finished == [image.name for image in IMAGES[: len(finished)]]
    assert not own_threads()


def test_what_there_is_so_far_is_saved_at_once_and_then_seldom() -> None:
    saved: list[int] = []
    timer = SaveTimer()
    for number in range(1000):
        timer.save(lambda number=number: saved.append(number))
    assert saved == [0]
