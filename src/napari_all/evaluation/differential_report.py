"""A differential count as a page (HTML) and as a table (CSV)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_all import __version__
from napari_all.errors import UsageError
from napari_all.evaluation.differential import Differential, check_reviewed, count_classes
from napari_all.evaluation.page_html import as_page
from napari_all.files import write_bytes
from napari_all.io.tables import DIFFERENTIAL_COLUMNS, DIFFERENTIAL_VERSION, Row, write_table
from napari_all.segmentation.cell_classes import CellClasses
from napari_all.types import ImageStatus

NOTE = "For research use only. Not for use in diagnostic procedures."


@dataclass(frozen=True)
class CountedImages:
    """What a report is made of.

    Attributes
    ----------
    classes_by_image
        Class of each cell (None = unclassified), by the image's name.
    status_by_image
        Status of each image.
    classes
        The classes there are.
    target
        Number of cells to count.
    who
        Name of the person who counted; "" = not told.
    """

    classes_by_image: Mapping[str, Sequence[str | None]]
    status_by_image: Mapping[str, ImageStatus]
    classes: CellClasses
    target: int
    who: str = ""

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.classes_by_image) ^ set(self.status_by_image)):
            raise UsageError(f"{unknown[0]!r} has cells or a status, not both; give both of the same images")

    @property
    def names(self) -> list[str]:
        """The images that count, in order."""
        return sorted(name for name, status in self.status_by_image.items() if status != "excluded")

    def together(self) -> Differential:
        """Return the counts of all images that are not excluded."""
        return count_classes((self.classes_by_image[name] for name in self.names), self.classes, self.target)

    def alone(self, image: str) -> Differential:
        """Return the counts of one image."""
        return count_classes([self.classes_by_image[image]], self.classes, self.target)


def write_report(path: Path, images: CountedImages) -> None:
    """Write the page (`.html`) or the table (`.csv`), whole or not at all.

    Raises
    ------
    UsageError
        When an image was not reviewed, the path has another ending, or a class is unknown.
    SaveError
        When the disk refuses.
    """
    check_reviewed(images.status_by_image)
    if path.suffix.lower() in (".html", ".htm"):
        write_bytes(path, as_html(images).encode())
    elif path.suffix.lower() == ".csv":
        write_table(path, DIFFERENTIAL_COLUMNS, rows(images))
    else:
        raise UsageError(f"a report cannot be written as {path.suffix or path.name!r}; name it .html or .csv")


def rows(images: CountedImages) -> Iterator[Row]:
    """Yield the rows of the table: all images together, then each by itself."""
    yield from _rows("", images.together())
    for name in images.names:
        yield from _rows(name, images.alone(name))


def as_html(images: CountedImages) -> str:
    """Return the page."""
    return as_page("\n\n".join(_sections(images)))


def _sections(images: CountedImages) -> Iterator[str]:
    found = images.together()
    excluded = len(images.status_by_image) - found.images
    yield "# Differential count"
    who = f", counted by {_safe(images.who)}" if images.who else ""
    out = f" ({excluded} more excluded)" if excluded else ""
    yield f"{_plural(found.counted, 'cell')} counted in {_plural(found.images, 'image')}{out}{who}."
    reached = "reached" if not found.left else f"{found.left} cells short"
    yield f"Target: {found.target} cells, {reached}. Every image was reviewed by a person."
    yield _table(found)
    yield (
        "Per cent are of the counted cells; the interval is the exact 95 % interval (Clopper–Pearson) of each class by "
        "itself, as if every cell had been drawn at random from the blood film."
    )
    if found.unclassified:
        yield f"{_plural(found.unclassified, 'cell')} without a class: the percentages leave them out."
    if found.images > 1:
        yield "## Each image"
        yield _by_image(images)
    yield f"{NOTE} Made by napari-all {__version__}."


def _table(found: Differential) -> str:
    lines = ["| class | cells | per cent | 95 % interval |", "|---|---|---|---|"]
    for count in found.classes:
        share = "not counted" if count.share is None else f"{100 * count.share:.1f}"
        interval = "" if count.interval is None else f"{100 * count.interval[0]:.1f}–{100 * count.interval[1]:.1f}"
        lines.append(f"| {_safe(count.name)} | {count.cells} | {share} | {interval} |")
    return "\n".join(lines)


def _by_image(images: CountedImages) -> str:
    names = images.classes.names
    lines = [f"| image | status | counted | {' | '.join(map(_safe, names))} |", "|---" * (len(names) + 3) + "|"]
    for image in images.names:
        found = images.alone(image)
        cells = " | ".join(str(count.cells) for count in found.classes)
        lines.append(f"| {_safe(image)} | {images.status_by_image[image]} | {found.counted} | {cells} |")
    return "\n".join(lines)


def _rows(image: str, found: Differential) -> Iterator[Row]:
    for count in found.classes:
        low, high = (None, None) if count.interval is None else count.interval
        yield {
            "image": image,
            "cell_class": count.name,
            "cells": count.cells,
            "counted": found.counted,
            "percent": _percent(count.share),
            "low_95": _percent(low),
            "high_95": _percent(high),
            "schema_version": DIFFERENTIAL_VERSION,
        }


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _plural(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _safe(text: str) -> str:
    """A name that someone chose, without what would end a cell of a table or begin code."""
    return text.replace("|", "/").replace("`", "'")
