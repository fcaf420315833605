"""Write label images that are in memory in several formats at once: the Export widget's button."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_all.errors import FileExistsRefused
from napari_all.files import inside
from napari_all.io.exporters import EXPORTERS, ExportItem
from napari_all.monitor import Monitor, NullMonitor


@dataclass(frozen=True)
class NamedItem:
    """An item and the stem of its files."""

    stem: str
    item: ExportItem


def export_items(
    items: Sequence[NamedItem],
    formats: Sequence[str],
    folder: Path,
    *,
    together: bool = False,
    overwrite: bool = False,
    monitor: Monitor | None = None,
) -> list[Path]:
    """Write each item in each format; return the files written.

    Parameters
    ----------
    items
        What to write; stems differ from each other.
    formats
        Names of `EXPORTERS`.
    folder
        Where to; it is made when it does not exist.
    together
        Formats that can hold many images write one file, `all<ending>`.
    overwrite
        Replace files that are there.

    Raises
    ------
    UsageError
        For an unknown format.
    FileExistsRefused
        Files are there and `overwrite` is False. Nothing was written.
    SaveError
        The disk refuses; what stood there is untouched.
    """
    watch = monitor or NullMonitor()
    plan: list[tuple[str, Path, list[ExportItem]]] = []
    for name in formats:
        ending = EXPORTERS[name].ending
        if together and EXPORTERS[name].combines:
            plan.append((name, folder / f"all{ending}", [named.item for named in items]))
        else:
            plan.extend((name, inside(folder, named.stem + ending), [named.item]) for named in items)
    existing = [path.name for _, path, _ in plan if path.exists()]
    if existing and not overwrite:
        raise FileExistsRefused(
            f"{folder.name} already holds {existing[0]}; tick 'Replace files that are there' or choose another folder"
        )
    written: list[Path] = []
    for done, (name, path, content) in enumerate(plan):
        watch.raise_if_cancelled()
        watch.report("files", done, len(plan))
        written.extend(EXPORTERS[name].write(path, content))
    watch.report("files", len(plan), len(plan))
    return written
