"""A project that is open: images are loaded, changes recorded and taken back; the entry to this package."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from napari_all.errors import ProjectError
from napari_all.project import deeds
from napari_all.project.change import Change
from napari_all.project.clock import utc_now
from napari_all.project.folder import PAUSE_S, ProjectFolder
from napari_all.project.history import Step, StepKind
from napari_all.project.layout import Shelf
from napari_all.project.opened import Opened, Replayed
from napari_all.project.plane_files import SavedImage, read_image_files
from napari_all.project.planes import Values
from napari_all.project.read_ahead import ReadAhead
from napari_all.types import ImageRecord, ImageStatus, RGBImage


class Project(ProjectFolder):
    """An open project and the work on its images; see `ProjectFolder` for opening, saving and closing it."""

    def __init__(self, folder: Path, who: str = "", images: Path | None = None, pause_s: float = PAUSE_S) -> None:
        super().__init__(folder, who, images, pause_s)
        self._pictures = ReadAhead(self._prepare)
        self._repairs: dict[str, list[str]] = {}

    def load(self, image: str) -> Opened:
        """Return an image with its labels; at once where `prefetch` had the time to prepare it.

        Raises
        ------
        ImageError
            The image file cannot be read.
        ProjectError
            The file is another one than the project was made with, or its labels cannot be rebuilt.
        """
        self.reference(image)
        record, rgb = self._pictures.get(image)
        pixels, values, sidecar, late = self.desk.state(image, record.shape)
        if pixels.shape != record.shape:
            raise ProjectError(f"labels of {image} are {pixels.shape}, the image is {record.shape}; restore the image")
        self._saver.poke()
        return Opened(record, rgb, pixels, values, sidecar, (*self._repairs.pop(image, ()), *late))

    def shelf(self, image: str, shelf: Shelf) -> SavedImage | None:
        """Return the prediction that the labels of an image began from, or what is proposed for them; None without one.

        Raises `MaskError` when its files are damaged.
        """
        path = self.layout.labels(self.reference(image).image, shelf)
        return read_image_files(path) if path.exists() else None

    def prefetch(self, images: Sequence[str]) -> None:
        """Prepare the images that will be wanted next, in another thread."""
        self._pictures.ask(images)

    def record(self, image: str, change: Change) -> Change:
        """Take in a change that a person made: one step of undo, on its way to the log, saved at the next pause.

        The line of the log is written by another thread, in some milliseconds; a kill before that costs this change
        and no other, as the next one waits for it (`PATIENCE_S`). A change of pixels also puts the image in work.

        Returns
        -------
        The change as recorded, with who, when and the change of the status.

        Raises
        ------
        ProjectError
            It does not fit the image as the project has it; nothing was changed.
        """
        if not change:
            return change
        with self._action():
            return self._commit(image, deeds.put_in_work(self.values(image), change), "step")

    def set_status(self, image: str, status: ImageStatus) -> Change:
        """Say how far the work on an image is; one step of undo."""
        return self.record(image, deeds.new_status(self.values(image), status))

    def set_flag(self, image: str, flag: bool) -> Change:
        """Flag an image, or take the flag back; one step of undo."""
        return self.record(image, deeds.new_flag(self.values(image), flag))

    def set_cell_classes(self, classes: Mapping[str, Mapping[int, str | None]]) -> None:
        """Give cells of some images a class, or None; all together are one action.

        Raises `UsageError` for a class that the project does not have; nothing was changed.
        """
        for cells in classes.values():
            deeds.check_classes(cells.values(), self.manifest.cell_classes)
        with self._action():
            kind: StepKind = "step"
            for image, cells in classes.items():
                if change := deeds.new_classes(self.values(image), cells):
                    self._commit(image, change, kind)
                    kind = "joined"

    def values(self, image: str) -> Values:
        """Return status, flag and cell classes of an image as they are now."""
        self.reference(image)
        return self.desk.hold(image)[0].values

    def undo(self) -> tuple[Replayed, ...]:
        """Take back the last action, on whichever images it was; return what that did to each, nothing without one."""
        history = self.desk.history
        return self._replay(
            history.to_undo, lambda step: replace(history.change_of(step).reversed(), undoes=step.n), history.undid
        )

    def redo(self) -> tuple[Replayed, ...]:
        """Do again the action that was taken back last; see `undo`."""
        history = self.desk.history
        return self._replay(
            history.to_redo, lambda step: replace(history.change_of(step), redoes=step.n), history.redid
        )

    def _replay(
        self, steps: Sequence[Step], change_of: Callable[[Step], Change], noted: Callable[[], None]
    ) -> tuple[Replayed, ...]:
        done = []
        with self._action():
            for step in steps:
                done.append(Replayed(step.image, self._commit(step.image, change_of(step))))
                noted()
        return tuple(done)

    def abandon(self) -> None:
        """Let go of the folder without saving anything more."""
        self._pictures.close()
        super().abandon()

    @contextmanager
    def _action(self) -> Iterator[None]:
        """Begin an action once the one before it is in the log; what was done of it by its end is written."""
        self._wait_for_log()
        try:
            yield
        finally:
            self.poke()

    def _commit(self, image: str, change: Change, step: StepKind | None = None) -> Change:
        return self.desk.commit(image, replace(change, who=self.who, when=utc_now()), step)

    def _prepare(self, image: str) -> tuple[ImageRecord, RGBImage]:
        record, rgb = self.picture(image)
        if repairs := self.desk.hold(image, record.shape)[1]:
            self._repairs[image] = repairs
        return record, rgb
