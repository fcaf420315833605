"""A project's folder while it is open: one program holds it, what changes gets to the disk, and it can move."""

from __future__ import annotations

import contextlib
import getpass
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any, Self

from napari_all.errors import NapariAllError, ProjectError, SaveError, UsageError, unknown_name
from napari_all.io.images import read_image
from napari_all.monitor import Monitor, NullMonitor
from napari_all.project.desk import Desk
from napari_all.project.index import ImageEntry
from napari_all.project.layout import Layout
from napari_all.project.lock import ProjectLock
from napari_all.project.manifest import ImageReference, Manifest, folder_reference, read_manifest
from napari_all.project.migration import migrate
from napari_all.project.moving import Copied, copy_project
from napari_all.project.recovery import recover
from napari_all.project.worker import Worker
from napari_all.types import ImageRecord, RGBImage

PAUSE_S = 1.0
"""A person who rests for this long has the labels saved; the log is written at once."""
PATIENCE_S = 1.0
"""How long a change waits for the one before it to reach the log; a disk that takes longer is told as a failure."""


class ProjectFolder:
    """The folder of an open project, without what is done in it; use it as a context, or `close` it.

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
        The folder is no project, of a newer version, damaged, or open in another program.
    """

    def __init__(self, folder: Path, who: str = "", images: Path | None = None, pause_s: float = PAUSE_S) -> None:
        self.layout = Layout(folder.resolve())
        self.who = who or getpass.getuser()
        migrated = migrate(self.layout.folder, self.who)
        self.manifest: Manifest = read_manifest(self.layout.manifest)
        self.images_folder = (images or self.layout.folder / self.manifest.images_folder).resolve()
        self.reports: list[str] = [migrated] if migrated else []
        self._writing = threading.Lock()
        self._lock: ProjectLock | None = None
        try:
            self._lock = ProjectLock(self.layout.lock, self.who)
        except SaveError as error:
            self.reports.append(f"nothing can be saved in this project: {error}")
        references = {reference.image: reference for reference in self.manifest.images}
        self.desk = Desk(self.layout, references, pause_s, lambda image: self.picture(image)[0].shape)
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

    def image_path(self, image: str) -> Path:
        """Return where the file of an image lies."""
        return self.images_folder / self.reference(image).image

    def picture(self, image: str) -> tuple[ImageRecord, RGBImage]:
        """Read an image; `ImageError` when it cannot be read, `ProjectError` when it is not the project's any more."""
        record, rgb = read_image(self.image_path(image))
        if record.sha256 != self.reference(image).sha256:
            raise ProjectError(
                f"{image} is another file than the project was made with, so its labels do not belong to it; "
                "put the image back, or make a new project"
            )
        return record, rgb

    def keep(self, *, cell_classes: Sequence[str] | None = None, settings: Mapping[str, Any] | None = None) -> None:
        """Keep other classes of cells, or settings, in `project.json`; `SaveError` when the disk refuses."""
        changes: dict[str, Any] = {} if cell_classes is None else {"cell_classes": tuple(cell_classes)}
        changes |= {} if settings is None else {"settings": dict(settings)}
        self._rewrite(lambda manifest: manifest.updated(**changes))

    def take_in(self, references: Sequence[ImageReference], entries: Sequence[ImageEntry]) -> None:
        """Have further images in the project; `SaveError` when the disk refuses, and it has them not."""
        name = attrgetter("image")
        self._rewrite(lambda now: now.updated(images=tuple(sorted((*now.images, *references), key=name))))
        self.desk.references.update({reference.image: reference for reference in references})
        self.desk.table.add(entries, self.images)
        self.poke()

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
        found = self._logger.failure or self._saver.failure
        if found is None and self._logger.busy_s > PATIENCE_S and self.desk.unlogged:
            return SaveError(
                f"the disk has not taken the last changes for {self._logger.busy_s:.0f} s; wait for it, or save the "
                "project in another folder"
            )
        return found

    @property
    def unsaved(self) -> list[str]:
        """Images of which something is in memory only."""
        return self.desk.unsaved

    def raise_if_unsaved(self) -> None:
        """Raise why saving does not work; to be called before the person moves on to another image."""
        if (failure := self.failure) is not None:
            raise failure

    def save(self) -> None:
        """Save everything now and wait for it; raises `SaveError` when the disk refuses, and all stays in memory."""
        self._logger.flush()
        self._saver.flush()

    def move_to(self, folder: Path, monitor: Monitor | None = None) -> None:
        """Copy the project into another folder and go on there, with all that could not be saved here.

        May be called from another thread than the one that works on the project: that one waits only while what has
        changed since the copying began is copied again.

        Raises
        ------
        UsageError
            The folder holds something already.
        SaveError
            It cannot be written to either.
        Cancelled
            The monitor asks to stop; the project stays where it is.
        """
        if folder.exists() and any(folder.iterdir()):
            raise UsageError(f"folder {folder.name!r} is not empty; choose a new one")
        layout = Layout(folder.resolve())
        copied: Copied = {}
        copy_project(self.layout, layout, copied, monitor or NullMonitor())
        self.desk.move(layout, copied)
        self.layout = layout
        lock = ProjectLock(layout.lock, self.who)
        place = folder_reference(self.images_folder, folder)
        self._rewrite(lambda manifest: manifest.updated(images_folder=place))
        self._release()
        self._lock = lock
        self.save()

    def close(self) -> None:
        """Save and let go of the folder; raises `SaveError` when something could not be saved, and stays open."""
        self.save()
        self.abandon()

    def abandon(self) -> None:
        """Let go of the folder without saving anything more."""
        for part in (self._logger, self._saver):
            part.close()
        self._release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
            return
        with contextlib.suppress(NapariAllError):  # what went wrong first is what has to be told
            self.save()
        self.abandon()

    def _rewrite(self, change: Callable[[Manifest], Manifest]) -> None:
        """Write another manifest and have it from then on; by one thread at a time."""
        with self._writing:
            manifest = change(self.manifest)
            manifest.write(self.layout.manifest)
            self.manifest = manifest

    def _wait_for_log(self) -> None:
        """Wait until what was changed before is in the log, so that a kill costs one change at most.

        Not while saving fails: the person is told, and whatever is done then is in memory only.
        """
        deadline = time.monotonic() + PATIENCE_S
        ready = not self.desk.unlogged
        while not ready and self.failure is None and time.monotonic() < deadline:
            ready = self._logger.wait_until(lambda: not self.desk.unlogged, deadline - time.monotonic())

    def _release(self) -> None:
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.release()
