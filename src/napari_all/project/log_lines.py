"""The lines of an image's log: JSON objects, one per line, told apart by `action`.

Read from the first to the last they are the audit trail of the image and the recipe of its labels: `begin` names the
planes that all started from, each `change` holds the pixels and values it changed before and after, `save` vouches for
the files in `labels/`. Arrays are little-endian, compressed by zlib, as base64.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from napari_all.config import Settings
from napari_all.errors import ProjectError, UsageError
from napari_all.project.change import Change, PlaneDiff, ValueChange
from napari_all.project.planes import DTYPES, PlaneName, Values
from napari_all.types import ImageStatus

_LEVEL = 1  # strokes are short and journalled while a person waits for nothing; higher gains a few percent


class _Line(Settings):
    prev: str = Field("", description="`chain` of the line before; empty in the first")
    chain: str = Field("", description="First 16 digits of the SHA-256 of the line's text before this entry")
    n: int = Field(0, description="Number of the line, from 1")
    when: str = Field("", description="UTC, ISO 8601")
    who: str = Field("", description="Name that the person has set")


class ValueState(Settings):
    """The values of an image at one moment."""

    status: ImageStatus = Field("none", description="How far the work on the image is")
    flag: bool = Field(False, description="A person wants to come back to it")
    cell_classes: dict[int, str] = Field(default_factory=dict, description="Class given to cells, by label")

    @classmethod
    def of(cls, values: Values) -> ValueState:
        """Return them as they stand in a line."""
        return cls(status=values.status, flag=values.flag, cell_classes=dict(values.cell_classes))

    def values(self) -> Values:
        """Return them as they stand in memory."""
        return Values(self.status, self.flag, self.cell_classes)


class Begin(_Line):
    """What the labels of the image start from; a later `begin` starts anew."""

    action: Literal["begin"] = "begin"
    image: str = Field(description="POSIX path relative to the folder of the images")
    image_sha256: str = Field(description="SHA-256 of the image file")
    shape: tuple[int, int] = Field(description="(Y, X) in pixels")
    start: Literal["nothing", "prediction", "masks"] = Field(
        description="masks = brought along when the project was made; both lie in predictions/"
    )
    planes: dict[str, str] = Field(description="SHA-256 of each plane at the start: dtype, shape, then bytes")
    state: ValueState = Field(default_factory=ValueState, description="Status, flag and classes at the start")
    method: str | None = Field(None, description="Segmentation method that predicted")
    settings: dict[str, Any] = Field(default_factory=dict, description="Its settings")
    model: str | None = Field(None, description="Network")
    model_sha256: str | None = Field(None, description="SHA-256 of the network's weights")


class PlaneData(Settings):
    """Pixels of one plane before and after."""

    plane: PlaneName = Field(description="labels (int32), classes (uint8), ignore (bool) or marks (uint8)")
    count: int = Field(ge=0, description="How many pixels")
    indices: str = Field(description="y * width + x, ascending, as uint32 differences from one to the next")
    before: str = Field(description="Values before, in the plane's type")
    after: str = Field(description="Values after, in the plane's type")


class ValueData(Settings):
    """A value before and after."""

    field: Literal["status", "flag", "cell_class"] = Field(description="What changed")
    before: bool | str | None = Field(description="Before")
    after: bool | str | None = Field(description="After")
    cell: int | None = Field(None, description="Label of the cell whose class it is")


class Changed(_Line):
    """One action of a person."""

    action: Literal["change"] = "change"
    tool: str = Field(description="What was used")
    cell: int | None = Field(None, description="Label of the cell it was used on")
    values: tuple[ValueData, ...] = Field((), description="Values that changed")
    planes: tuple[PlaneData, ...] = Field((), description="Pixels that changed")
    undoes: int | None = Field(None, description="Number of the line that this takes back")
    redoes: int | None = Field(None, description="Number of the line that this does again")


class Save(_Line):
    """The files of `labels/` are being written; where they have these hashes, the save was completed."""

    action: Literal["save"] = "save"
    upto: int = Field(description="Number of the last line that the saved labels hold")
    planes: dict[str, str] = Field(description="SHA-256 of each plane: dtype, shape, then bytes")
    state: ValueState = Field(description="Status, flag and classes")
    dice: float | None = Field(
        None, description="Dice of the labels with what they began from, foreground, without ignored pixels"
    )


class Event(_Line):
    """Something that happened to the image and changed neither labels nor values."""

    action: Literal["event"] = "event"
    text: str = Field(description="What happened")
    facts: dict[str, Any] = Field(default_factory=dict, description="Details")


LogLine: TypeAlias = Annotated[Begin | Changed | Save | Event, Field(discriminator="action")]
L = TypeVar("L", Begin, Changed, Save, Event)


def parse_line(kind: type[L], found: Mapping[str, Any]) -> L:
    """Return a line of a known kind from its JSON object; `ProjectError` when it is none."""
    try:
        return kind.parse(dict(found))
    except UsageError as error:
        raise ProjectError(f"line {found.get('n')} of a log is not understood: {error}") from error


def line_of(change: Change, n: int) -> Changed:
    """Return a change as a line."""
    return Changed(
        n=n,
        when=change.when,
        who=change.who,
        tool=change.tool,
        cell=change.cell,
        values=tuple(ValueData(field=v.field, before=v.before, after=v.after, cell=v.cell) for v in change.values),
        planes=tuple(_packed_diff(diff) for diff in change.planes),
        undoes=change.undoes,
        redoes=change.redoes,
    )


def change_of(line: Changed) -> Change:
    """Return the change that a line holds; `ProjectError` when its arrays are damaged."""
    return Change(
        tool=line.tool,
        planes=tuple(_diff(data) for data in line.planes),
        values=tuple(ValueChange(v.field, v.before, v.after, v.cell) for v in line.values),
        cell=line.cell,
        who=line.who,
        when=line.when,
        undoes=line.undoes,
        redoes=line.redoes,
    )


def _packed_diff(diff: PlaneDiff) -> PlaneData:
    steps = np.diff(diff.indices, prepend=0).astype("<u4")
    packed = {"indices": _pack(steps), "before": _pack(diff.before), "after": _pack(diff.after)}
    return PlaneData(plane=diff.plane, count=len(diff), **packed)


def _diff(data: PlaneData) -> PlaneDiff:
    dtype = DTYPES[data.plane]
    steps = _unpack(data.indices, np.dtype("<u4"), data.count)
    return PlaneDiff(
        data.plane,
        np.cumsum(steps, dtype=np.int64),
        _unpack(data.before, dtype, data.count),
        _unpack(data.after, dtype, data.count),
    )


def _pack(array: NDArray[Any]) -> str:
    return base64.b64encode(zlib.compress(array.tobytes(), _LEVEL)).decode()


def _unpack(text: str, dtype: np.dtype[Any], count: int) -> NDArray[Any]:
    wanted = count * dtype.itemsize
    try:
        raw = zlib.decompressobj().decompress(base64.b64decode(text, validate=True), wanted + 1)
    except (ValueError, zlib.error) as error:
        raise ProjectError(f"a change in the log is damaged ({error})") from error
    if len(raw) != wanted:
        raise ProjectError(f"a change in the log is damaged: {len(raw)} bytes instead of {wanted}")
    return np.frombuffer(raw, dtype)
