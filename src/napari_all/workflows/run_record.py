"""The record of a run (`run.json`): what went in, what was done to it with which versions, and what came out."""

from __future__ import annotations

import json
import platform
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from napari_all import __version__
from napari_all.config import Settings
from napari_all.files import write_json
from napari_all.types import ImageRecord, Parts, Prediction

_LIBRARIES = (
    "numpy", "scipy", "scikit-image", "opencv-python-headless", "pillow", "tifffile", "imagecodecs", "torch",
)  # fmt: skip


class InputRecord(Settings):
    """What happened to one input."""

    image: str = Field(description="POSIX path relative to the folder that was given, or the file's name")
    status: Literal["done", "skipped", "failed", "not started"] = Field(
        "not started", description="skipped = an earlier result with this input and these settings was kept"
    )
    error: str | None = Field(None, description="What went wrong, and the remedy")
    sha256: str | None = Field(None, description="SHA-256 of the file")
    shape: tuple[int, int] | None = Field(None, description="(Y, X) in pixels")
    pixel_size_um: tuple[float, float] | None = Field(None, description="(y, x) pixel size in micrometres")
    source: str | None = Field(None, description="How the pixels were stored")
    outputs: list[str] = Field(default_factory=list, description="Files written, relative to the output folder")
    labels_sha256: str | None = Field(
        None, description="SHA-256 of the label image's type, shape and pixels; null where it was not made anew"
    )
    cells: int | None = Field(None, description="Number of cells")
    smudges: int | None = Field(None, description="Number of smudge cells left out; null where they cannot be told")
    diameter_px: float | None = Field(None, description="Cell diameter used, in pixels")
    uncertainty: float | None = Field(
        None, description="1 minus the Dice to be expected by the network's own probabilities, 0..1"
    )
    prediction: Prediction | None = Field(None, description="Predicted subtype")
    cam_in_cells: float | None = Field(
        None, description="Share of the Grad-CAM heat map's mass inside white cells, 0..1; null where there is none"
    )
    seconds: float | None = Field(None, description="Time taken")

    @classmethod
    def of(cls, name: str, record: ImageRecord, **facts: Any) -> InputRecord:
        """Return the record of a readable image that was worked on."""
        return cls(
            image=name,
            status="done",
            sha256=record.sha256,
            shape=record.shape,
            pixel_size_um=record.pixel_size_um,
            source=record.source,
            **facts,
        )


class RunRecord(Settings):
    """The whole run; two runs of one job on one machine differ in `started` and `seconds` only."""

    schema_version: Literal[1, 2, 3, 4] = Field(
        4, description="Version of this file's layout; 2: `uncertainty` is new; 3: `cam_in_cells`; 4: `labels_sha256`"
    )
    command: Literal["segment", "classify", "export", "import"] = Field(description="The job")
    complete: bool = Field(False, description="False while it runs and when it was interrupted")
    software: str = Field(default_factory=lambda: f"napari-all {__version__}", description="Program that ran")
    python: str = Field(default_factory=platform.python_version, description="Python's version")
    system: str = Field(default_factory=lambda: f"{platform.system()} {platform.machine()}", description="System")
    libraries: dict[str, str] = Field(default_factory=lambda: _versions(), description="Versions of libraries")
    settings: dict[str, Any] = Field(default_factory=dict, description="Configuration of the job")
    parts: Parts | None = Field(None, description="What the classes maps part")
    model: str | None = Field(None, description="Network, if one was used")
    model_sha256: str | None = Field(None, description="SHA-256 of the network's weights")
    device: str | None = Field(None, description="Device the network ran on")
    started: str = Field("", description="UTC, ISO 8601")
    seconds: float | None = Field(None, description="Time taken by the whole run")
    inputs: list[InputRecord] = Field(default_factory=list, description="One per input, in sorted order")

    @property
    def failed(self) -> list[InputRecord]:
        """The inputs that failed."""
        return [entry for entry in self.inputs if entry.status == "failed"]

    def write(self, path: Path) -> None:
        """Write it as JSON, whole or not at all."""
        write_json(path, self.model_dump(mode="json"))


def read_record(path: Path) -> RunRecord | None:
    """Return the record of an earlier run, or None when there is none that can be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return RunRecord.parse(found)
    except (OSError, ValueError):  # a damaged or foreign record vouches for nothing
        return None


def record_beside(table: Path) -> Path:
    """Return where the record of a run lies that wrote one file."""
    return table.with_name(f"{table.stem}_run.json")


class Clock:
    """Start of a run: wall clock for the record, a steady clock for durations."""

    def __init__(self) -> None:
        self.started = datetime.now(UTC).isoformat(timespec="seconds")
        self._begin = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return round(time.perf_counter() - self._begin, 3)


def _versions() -> dict[str, str]:
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
