"""A project that is open: images are loaded, changes recorded, taken back and saved; the entry to this package."""

from __future__ import annotations

import contextlib
import getpass
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from napari_all.errors import NapariAllError, ProjectError, SaveError, UsageError, unknown_name
from napari_all.io.images import read_image
from napari_all.project import deeds
from napari_all.project.change import Change
from napari_all.project.clock import utc_now
from napari_all.project.desk import Desk
from napari_all.project.index import ImageEntry
from napari_all.project.layout import Layout, Shelf
from napari_all.project.lock import ProjectLock
from napari_all.project.manifest import ImageReference, Manifest, folder_reference, read_manifest
from napari_all.project.opened import Opened, Replayed
from napari_all.project.plane_files import SavedImage, read_image_files
from napari_all.project.planes import ImageStatus, Values
from napari_all.project.read_ahead import ReadAhead
from napari_all.project.recovery import recover
from napari_all.project.worker import Worker
from napari_all.types import ImageRecord, RGBImage

PAUSE_S = 1.0
"""A person who rests for this long has the labels saved; the log is written at once."""
_PATIENCE_S = 1.0
"""How long a change waits for the one before it to reach the log of a slow disk."""


class Project:
    """An open project; use it as a context, or `close` it.

    Parameters
    ----------
    folder
        The project.
    who
        Name of the person, for the log; the name of the account where it is empty.
    images
        Folder of the images, where it is not the one that the project names any more.
    pause_s
        See `PAUSE_S`.

    Attributes
    ----------
    reports
        What was found and repaired on opening, for the person to read.
    read_only
        Nothing can be written here: changes stay in memory until `move_to` gives them another folder.

    Raises
    ------
    ProjectError
        The folder is no project, of another version, damaged, or open in another program.
    """

    def __init__(self, folder: Path, who: str = "", images: Path | None = None, pause_s: float = PAUSE_S) -> None:
        self.layout = Layout(folder.resolve())
        self.manifest: Manifest = read_manifest(self.layout.manifest)
        self.who = who or getpass.getuser()
        self.images_folder = (
            images.resolve() if images else (self.layout.folder / self.manifest.images_folder).resolve()
        )
        self.reports: list[str] = []
        self._lock: ProjectLock | None = None
        try:
            self._lock = ProjectLock(self.layout.lock, self.who)
        except SaveError as error:
            self.reports.append(f"nothing can be saved in this project: {error}")
        references = {reference.image: reference for reference in self.manifest.images}
        self.desk = Desk(self.layout, references, pause_s, lambda image: self._picture(image)[0].shape)
        try:
            self.reports += recover(self.desk)
        except BaseException:
            self._release()
            raise
        if self.read_only:  # nobody has changed anything yet: there is nothing to fail on
            self.desk.table.changed_at = None
        else:
            self.layout.remove_leftovers()
        self._logger = Worker("project log", self.desk.write_logs)
        self._saver = Worker("project labels", self.desk.write_files)
        self._pictures = ReadAhead(self._prepare)
        self._repairs: dict[str, list[str]] = {}
        self._saver.poke()

    @property
    def read_only(self) -> bool:
        """Whether nothing can be written here."""
        return self._lock is None

    @property
    def images(self) -> tuple[str, ...]:
        """Names of the images, in the order of the files."""
        return tuple(reference.image for reference in self.manifest.images)

    @property
    def entries(self) -> tuple[ImageEntry, ...]:
        """What is known of each image without opening it, in the order of the files."""
        return tuple(self.entry(image) for image in self.images)

    def entry(self, image: str) -> ImageEntry:
        """Return the row of an image."""
        return self.desk.table[image]

    def reference(self, image: str) -> ImageReference:
        """Return what the project says of an image file; `UsageError` for one that it does not have."""
        if image not in self.desk.references:
            raise unknown_name("image", image, self.images[:20])
        return self.desk.references[image]

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
        """Take in a change that a person made: one step of undo, journalled at once, saved at the next pause.

        A change of pixels also puts the image in work.

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
        return self._commit(image, deeds.put_in_work(self.values(image), change), as_step=True)

    def set_status(self, image: str, status: ImageStatus) -> Change:
        """Say how far the work on an image is; one step of undo."""
        return self.record(image, deeds.new_status(self.values(image), status))

    def set_flag(self, image: str, flag: bool) -> Change:
        """Flag an image, or take the flag back; one step of undo."""
        return self.record(image, deeds.new_flag(self.values(image), flag))

    def set_cell_classes(self, image: str, classes: Mapping[int, str | None]) -> Change:
        """Give cells a class, or None; all together are one step of undo."""
        return self.record(image, deeds.new_classes(self.values(image), classes, self.manifest.cell_classes))

    def values(self, image: str) -> Values:
        """Return status, flag and cell classes of an image as they are now."""
        self.reference(image)
        return self.desk.hold(image)[0].values

    def undo(self) -> Replayed | None:
        """Take back the last step, on whichever image it was; None when there is none."""
        step = self.desk.history.to_undo
        if step is None:
            return None
        change = replace(self.desk.history.change_of(step).reversed(), undoes=step.n)
        done = self._commit(step.image, change, as_step=False)
        self.desk.history.undid()
        return Replayed(step.image, done)

    def redo(self) -> Replayed | None:
        """Do again the step that was taken back last; None when there is none."""
        step = self.desk.history.to_redo
        if step is None:
            return None
        done = self._commit(step.image, replace(self.desk.history.change_of(step), redoes=step.n), as_step=False)
        self.desk.history.redid()
        return Replayed(step.image, done)

    def keep(self, *, cell_classes: Sequence[str] | None = None, settings: Mapping[str, Any] | None = None) -> None:
        """Keep other classes of cells, or settings, in `project.json`; `SaveError` when the disk refuses."""
        changes: dict[str, Any] = {} if cell_classes is None else {"cell_classes": tuple(cell_classes)}
        changes |= {} if settings is None else {"settings": dict(settings)}
        manifest = self.manifest.updated(**changes)
        manifest.write(self.layout.manifest)
        self.manifest = manifest

    def note_numbers(self, image: str, **numbers: Any) -> None:
        """Keep numbers to order by: `uncertainty`, `cells`, `predicted`, `confidence`, `quality`."""
        self.reference(image)
        self.desk.table.note(image, **numbers)
        self.poke()

    def poke(self) -> None:
        """Have what was noted written when it is due."""
        self._logger.poke()
        self._saver.poke()

    @property
    def failure(self) -> NapariAllError | None:
        """Why saving does not work at the moment; None when all is well."""
        return self._logger.failure or self._saver.failure

    @property
    def unsaved(self) -> list[str]:
        """Images of which something is in memory only."""
        return self.desk.unsaved

    def raise_if_unsaved(self) -> None:
        """Raise why saving does not work; to be called before the person moves on to another image."""
        if self.failure is not None:
            raise self.failure

    def save(self) -> None:
        """Save everything now and wait for it; raises `SaveError` when the disk refuses, and all stays in memory."""
        self._logger.flush()
        self._saver.flush()

    def move_to(self, folder: Path) -> None:
        """Copy the project into another folder and go on there, with all that could not be saved here.

        Raises
        ------
        UsageError
            The folder holds something already.
        SaveError
            It cannot be written to either.
        """
        if folder.exists() and any(folder.iterdir()):
            raise UsageError(f"folder {folder.name!r} is not empty; choose a new one")
        layout = Layout(folder.resolve())
        self.desk.move(layout)
        self.layout = layout
        lock = ProjectLock(layout.lock, self.who)
        self.manifest = self.manifest.updated(images_folder=folder_reference(self.images_folder, folder))
        self.manifest.write(layout.manifest)
        self._release()
        self._lock = lock
        self.save()

    def close(self) -> None:
        """Save and let go of the folder; raises `SaveError` when something could not be saved, and stays open."""
        self.save()
        self.abandon()

    def abandon(self) -> None:
        """Let go of the folder without saving anything more."""
        for part in (self._logger, self._saver, self._pictures):
            part.close()
        self._release()

    def __enter__(self) -> Project:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
            return
        with contextlib.suppress(NapariAllError):  # what went wrong first is what has to be told
            self.save()
        self.abandon()

    def _commit(self, image: str, change: Change, *, as_step: bool) -> Change:
        """Record a change once the one before it is in the log, so that a kill never costs more than one."""
        if self.failure is None:
            deadline = time.monotonic() + _PATIENCE_S
            ready = not self.desk.unlogged
            while not ready and self.failure is None and time.monotonic() < deadline:
                ready = self._logger.wait_until(lambda: not self.desk.unlogged, deadline - time.monotonic())
        done = self.desk.commit(image, replace(change, who=self.who, when=utc_now()), as_step=as_step)
        self.poke()
        return done

    def _release(self) -> None:
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.release()

    def _picture(self, image: str) -> tuple[ImageRecord, RGBImage]:
        record, rgb = read_image(self.images_folder / image)
        if record.sha256 != self.reference(image).sha256:
            raise ProjectError(
                f"{image} is another file than the project was made with, so its labels do not belong to it; "
                "put the image back, or make a new project"
            )
        return record, rgb

    def _prepare(self, image: str) -> tuple[ImageRecord, RGBImage]:
        record, rgb = self._picture(image)
        if repairs := self.desk.hold(image, record.shape)[1]:
            self._repairs[image] = repairs
        return record, rgb
