"""What a slide's segmentation has made so far, on disk: a stopped or killed run goes on from it."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_all.errors import SaveError
from napari_all.io.pyramid import Reader
from napari_all.segmentation.blocks import Block, Claimed
from napari_all.types import Cell, ClassesMap, LabelImage

_CHUNK_PX = 1024
_IDS = 1 << 16
"""Numbers that each block may give to its cells; so a block that was interrupted is known by them."""
_JOURNAL, _PLANES = "progress.jsonl", "planes.zarr"


@dataclass(frozen=True)
class SlideCell:
    """A cell of a slide: its number in the work, its first pixel (y, x), and its measurements."""

    number: int
    first: tuple[int, int]
    cell: Cell


class SlideWork:
    """Planes and journal of one run.

    Parameters
    ----------
    folder
        Where they lie; made if need be.
    shape
        (Y, X) of the slide.
    facts
        JSON-ready facts that decide about the result; work of other facts is thrown away.
    resume
        Go on with what is there, if the facts are the same.

    Raises
    ------
    SaveError
        The disk refuses.
    """

    def __init__(self, folder: Path, shape: tuple[int, int], facts: dict[str, Any], *, resume: bool) -> None:
        import zarr

        self._folder, self._journal = folder, folder / _JOURNAL
        self.notes: dict[str, Any] = {}
        self._cells: dict[int, list[SlideCell]] = {}
        if not (resume and self._read(facts)):
            self._begin(facts)
        try:
            group = zarr.open_group(folder / _PLANES, mode="a")
            chunks = (_CHUNK_PX, _CHUNK_PX)
            self.labels: Any = group.require_array("labels", shape=shape, chunks=chunks, dtype="uint32", fill_value=0)
            self.classes: Any = group.require_array("classes", shape=shape, chunks=chunks, dtype="uint8", fill_value=0)
        except OSError as error:
            raise _refused(folder, error) from error

    @property
    def done(self) -> set[int]:
        """Numbers of the blocks that are finished."""
        return set(self._cells)

    @property
    def cells(self) -> list[SlideCell]:
        """All cells so far, in the raster order of their first pixels."""
        found = [cell for cells in self._cells.values() for cell in cells]
        return sorted(found, key=lambda cell: cell.first)

    def note(self, **facts: Any) -> None:
        """Keep facts that were found out on the way, such as the diameter."""
        self._append({"notes": facts})
        self.notes |= facts

    def taken(self, block: Block) -> NDArray[np.bool_]:
        """Return (Y, X) bool of the block's window, where other blocks have cells; leftovers of its own are removed."""
        window: NDArray[np.uint32] = self.labels[block.window]
        own = window // _IDS == block.number + 1
        if own.any():  # of a run that was killed while it wrote them
            window[own] = 0
            self.labels[block.window] = window
            self.classes[block.window] = np.where(own, np.uint8(0), self.classes[block.window])
        return window > 0

    def add(
        self, block: Block, kept: LabelImage, classes: ClassesMap, claimed: list[Claimed], cells: tuple[Cell, ...]
    ) -> None:
        """Write the cells of a block, then say in the journal that it is finished."""
        numbers = (block.number + 1) * _IDS
        mine = kept > 0
        try:
            if mine.any():
                labels: NDArray[np.uint32] = self.labels[block.window]
                labels[mine] = kept[mine].astype(np.uint32) + np.uint32(numbers)
                self.labels[block.window] = labels
                self.classes[block.window] = np.where(mine, classes, self.classes[block.window])
        except OSError as error:
            raise _refused(self._folder, error) from error
        pairs = zip(claimed, cells, strict=True)
        found = [SlideCell(numbers + where.number, where.first, replace(cell)) for where, cell in pairs]
        self._append({"block": block.number, "cells": [asdict(cell) for cell in found]})
        self._cells[block.number] = found

    def read_classes(self, rows: slice, columns: slice) -> NDArray[Any]:
        """Return a piece of the classes map."""
        return np.asarray(self.classes[rows, columns])

    def numbered(self) -> Reader:
        """Return a reader of the labels that numbers cells 1..N in the raster order of their first pixels."""
        numbers = np.array([0, *(cell.number for cell in self.cells)])
        order = np.argsort(numbers).astype(np.uint32)
        ranked = numbers[order]
        return lambda rows, columns: order[np.searchsorted(ranked, self.labels[rows, columns])]

    def remove(self) -> None:
        """Remove the work when its result is written."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _begin(self, facts: dict[str, Any]) -> None:
        try:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder.mkdir(parents=True)
        except OSError as error:
            raise _refused(self._folder, error) from error
        self._append({"facts": facts})

    def _read(self, facts: dict[str, Any]) -> bool:
        """Take over an earlier journal, if it is of the same facts; its last line may be cut off."""
        try:
            lines = self._journal.read_bytes().split(b"\n")
        except OSError:
            return False
        whole = []
        for line in lines[:-1]:
            try:
                whole.append(json.loads(line))
            except ValueError:
                break
        if not whole or whole[0].get("facts") != json.loads(json.dumps(facts)):
            return False
        for entry in whole[1:]:
            self.notes |= entry.get("notes", {})
            if "block" in entry:
                self._cells[entry["block"]] = [_slide_cell(cell) for cell in entry["cells"]]
        length = sum(len(line) + 1 for line in lines[: len(whole)])
        with self._journal.open("r+b") as stream:
            stream.truncate(length)
        return True

    def _append(self, entry: dict[str, Any]) -> None:
        try:
            with self._journal.open("ab") as stream:
                stream.write(json.dumps(entry).encode() + b"\n")
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise _refused(self._folder, error) from error


def _slide_cell(stored: dict[str, Any]) -> SlideCell:
    return SlideCell(stored["number"], (stored["first"][0], stored["first"][1]), Cell(**stored["cell"]))


def _refused(folder: Path, error: OSError) -> SaveError:
    why = error.strerror or str(error)
    return SaveError(f"cannot write to {folder.name}: {why}; make room, then go on with --resume")
