"""The table of a project's images in memory: kept true by what happens, written now and then."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from napari_all.project.index import ImageEntry, read_index, write_index


class Table:
    """Rows of `images.csv`, for use by several threads.

    Parameters
    ----------
    path
        The file, read here.
    images
        Names of the images, in the order of the rows.
    """

    def __init__(self, path: Path, images: Iterable[str]) -> None:
        self._images = tuple(images)
        self._rows = read_index(path)
        self._lock = threading.Lock()
        self.changed_at: float | None = None
        """Monotonic time of the first change that the file does not hold; None = it holds all."""

    def __getitem__(self, image: str) -> ImageEntry:
        """Return the row of an image; an empty one where nothing is known of it."""
        return self._rows.get(image) or ImageEntry(image=image)

    def knows(self, image: str) -> bool:
        """Tell whether there is a row of an image."""
        return image in self._rows

    def note(self, image: str, **facts: Any) -> None:
        """Change the row of an image."""
        with self._lock:
            row = self[image]
            new = row.updated(**facts)
            if new != row or not self.knows(image):
                self._rows[image] = new
                self.changed_at = self.changed_at or time.monotonic()

    def add(self, entries: Iterable[ImageEntry], order: Iterable[str]) -> None:
        """Take in rows of further images; `order` names all images, in the order of the rows."""
        with self._lock:
            self._rows.update({entry.image: entry for entry in entries})
            self._images = tuple(order)
            self.changed_at = self.changed_at or time.monotonic()

    def touch(self) -> None:
        """Have the table written although no row has changed."""
        self.changed_at = time.monotonic()

    def write(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        with self._lock:
            rows, self.changed_at = [self[image] for image in self._images], None
        try:
            write_index(path, rows)
        except BaseException:
            self.touch()
            raise
