"""Do one job on many images: a failure is recorded and the rest goes on; a stop keeps what is finished."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from napari_all.errors import Cancelled, CheckpointError, DependencyError, NapariAllError, UsageError
from napari_all.io.inputs import InputImage
from napari_all.monitor import Monitor
from napari_all.workflows.run_record import Clock, InputRecord

SAVE_EVERY_S = 10.0
"""How often a long run writes what it has so far."""


class ImageMonitor:
    """What the work on one image of many reports to: passes on messages and stops, not its own small steps."""

    def __init__(self, outer: Monitor, image: str, said: set[str]) -> None:
        self._outer = outer
        self._image = image
        self._said = said

    def report(self, stage: str, done: int, total: int) -> None:
        """Keep quiet: the bar counts images."""

    def message(self, text: str) -> None:
        """Pass the line on with the image's name, unless an earlier image said the same (the device in use)."""
        if text not in self._said:
            self._said.add(text)
            self._outer.message(f"{self._image}: {text}")

    def raise_if_cancelled(self) -> None:
        """Raise `Cancelled` when a stop was asked for."""
        self._outer.raise_if_cancelled()


def work_through(
    images: Sequence[InputImage], work: Callable[[InputImage, Monitor], InputRecord], monitor: Monitor
) -> Iterator[InputRecord]:
    """Run `work` on each image in order and yield its record; progress counts images, or the steps of a single one.

    Parameters
    ----------
    work
        (image, monitor) -> its record; what it raises becomes the record of a failure.

    Yields
    ------
    One record per image; "not started" for those that a stop left out.

    Raises
    ------
    UsageError, CheckpointError, DependencyError
        What was asked for cannot be done on any image, so these end the run.
    """
    said: set[str] = set()
    many = len(images) > 1
    stopped = False
    for number, image in enumerate(images):
        clock = Clock()
        try:
            if many:
                monitor.report("images", number, len(images))
            monitor.raise_if_cancelled()
            entry = work(image, ImageMonitor(monitor, image.name, said) if many else monitor)
        except Cancelled:
            stopped = True
        except (UsageError, CheckpointError, DependencyError):
            raise
        except Exception as error:  # whatever one image does, the others are still worth having
            entry = InputRecord(image=image.name, status="failed", error=explain(error, image))
            monitor.message(f"{image.name}: {entry.error}")
        if stopped:
            yield from (InputRecord(image=i.name) for i in images[number:])
            return
        yield entry.updated(seconds=clock.seconds)
    if many:
        monitor.report("images", len(images), len(images))


def for_each_image(
    images: Sequence[InputImage], work: Callable[[InputImage, Monitor], InputRecord], monitor: Monitor
) -> list[InputRecord]:
    """Run `work` on each image in order and return the records; see `work_through`."""
    return list(work_through(images, work, monitor))


def is_complete(entries: Sequence[InputRecord]) -> bool:
    """Tell whether no input was left out by a stop."""
    return all(entry.status != "not started" for entry in entries)


def explain(error: Exception, image: InputImage) -> str:
    """Return an error's text without this machine's paths; an error not of ours says its type."""
    text = str(error) if isinstance(error, NapariAllError) else f"{type(error).__name__}: {error}"
    return text.replace(str(image.path.resolve()), image.name).replace(str(image.path), image.name)
