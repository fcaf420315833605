"""Settings as forms: one row per field (or per `<name>_low`, `<name>_high` pair), bounds and words from the fields."""

from __future__ import annotations

import math
import types
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QFormLayout, QLabel, QWidget

from napari_all.config import Settings
from napari_all.errors import NapariAllError
from napari_all.gui import field_pairs, fields

SMALL_DECIMALS = 5
"""Decimals of a number that may be arbitrarily small, such as a learning rate."""
MAX_TICK_TEXT = 40
"""Words beside a tick box do not wrap; longer descriptions stay in the tooltip."""


class SettingsForm(QWidget):
    """Form of one settings class.

    Parameters
    ----------
    cls
        Settings whose fields become rows, in their order.
    skip
        Fields that are shown elsewhere; they keep the value last set.
    """

    changed = Signal(str)
    """Name of the field that a person changed."""

    def __init__(self, cls: type[Settings], skip: tuple[str, ...] = (), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._value = cls()
        self._editors: dict[str, fields.Editor] = {}
        layout = QFormLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        layout.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        for names in _rows(cls, skip):
            self._add_row(layout, cls, names)
        self.set_value(self._value)

    def value(self) -> Settings:
        """Return the settings that the form shows."""
        return self._value

    def set_value(self, settings: Settings) -> None:
        """Show `settings` without telling `changed`."""
        self._value = settings
        self.show_found(settings)

    def show_found(self, settings: Settings) -> None:
        """Show values that were found automatically; `value` stays as it is."""
        for names, editor in self._unique_editors():
            wanted = tuple(getattr(settings, name) for name in names)
            if editor.values() != wanted:
                editor.blockSignals(True)
                editor.set_values(wanted)
                editor.blockSignals(False)

    def editor(self, name: str) -> fields.Editor:
        """Return the editor of a field, for tests and for what a panel must switch."""
        return self._editors[name]

    def _unique_editors(self) -> list[tuple[tuple[str, ...], fields.Editor]]:
        grouped: dict[fields.Editor, tuple[str, ...]] = {}
        for name, editor in self._editors.items():
            grouped[editor] = (*grouped.get(editor, ()), name)
        return [(names, editor) for editor, names in grouped.items()]

    def _add_row(self, layout: QFormLayout, cls: type[Settings], names: tuple[str, ...]) -> None:
        infos = [cls.model_fields[name] for name in names]
        editor = _editor(names, infos)
        editor.setToolTip("\n".join(info.description or "" for info in infos))
        for name in names:
            self._editors[name] = editor
        editor.edited.connect(lambda: self._on_edited(names, editor))
        if isinstance(editor, fields.Check):
            words = infos[0].description or ""
            editor.set_text(words if 0 < len(words) <= MAX_TICK_TEXT else title(names[0]))
            layout.addRow(editor)
            return
        label = QLabel(title(names[0].removesuffix("_low") if len(names) == 2 else names[0]))
        label.setToolTip(editor.toolTip())
        label.setBuddy(editor)
        label.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        layout.addRow(label, editor)

    def _on_edited(self, names: tuple[str, ...], editor: fields.Editor) -> None:
        before = self._value
        self._value = self._value.updated(**dict(zip(names, editor.values(), strict=True)))
        for name in names:
            if getattr(before, name) != getattr(self._value, name):
                self.changed.emit(name)


def title(name: str) -> str:
    """Return a field's name as people read it: `min_area_px` becomes `Min area (px)`."""
    for unit in ("px", "um"):
        if name.endswith(f"_{unit}"):
            name = f"{name.removesuffix(f'_{unit}')} ({unit})"
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]


def _rows(cls: type[Settings], skip: tuple[str, ...]) -> list[tuple[str, ...]]:
    names = [name for name in cls.model_fields if name not in skip]
    rows: list[tuple[str, ...]] = []
    for name in names:
        partner = f"{name.removesuffix('_low')}_high"
        if name.endswith("_low") and partner in names:
            rows.append((name, partner))
        elif not (name.endswith("_high") and f"{name.removesuffix('_high')}_low" in names):
            rows.append((name,))
    return rows


def _editor(names: tuple[str, ...], infos: list[FieldInfo]) -> fields.Editor:
    info = infos[0]
    kind, optional = _kind(info)
    low, high = _bounds(info)
    if len(names) == 2:
        if names[0] == "hue_low":
            return field_pairs.HuePair()
        return field_pairs.IntPair(int(low), int(high))
    if get_origin(kind) is Literal:
        return fields.Choice(get_args(kind))
    if kind is bool:
        return fields.Check()
    if kind is int:
        low, high = _bounds(info, 1)
        return fields.Whole(int(low), int(high), optional, _limit(info, "multiple_of", 1))
    if kind is float:
        decimals = decimals_for(info.default, low, high)
        if info.default is None and _limit(info, "gt", None) == 0:  # it may be arbitrarily small
            decimals = SMALL_DECIMALS
        return fields.Decimal(*_bounds(info, 10**-decimals), decimals, optional)
    raise NapariAllError(f"no form row for field {names[0]!r} of type {info.annotation}; add one to gui/fields.py")


def _kind(info: FieldInfo) -> tuple[Any, bool]:
    """Return the field's type without None, and whether None is allowed."""
    if get_origin(info.annotation) not in (Union, types.UnionType):
        return info.annotation, False
    inner = [part for part in get_args(info.annotation) if part is not type(None)]
    return inner[0], len(inner) < len(get_args(info.annotation))


def _bounds(info: FieldInfo, step: float = 0.0) -> tuple[float, float]:
    """Return the lowest and highest value; a bound that is itself excluded is a step away."""
    lows = [v for v in (_limit(info, "ge", None), _plus(_limit(info, "gt", None), step)) if v is not None]
    highs = [v for v in (_limit(info, "le", None), _plus(_limit(info, "lt", None), -step)) if v is not None]
    return max(lows, default=-1e9), min(highs, default=1e9)


def _plus(value: float | None, step: float) -> float | None:
    return None if value is None else value + step


def _limit(info: FieldInfo, name: str, default: Any) -> Any:
    return next((getattr(limit, name) for limit in info.metadata if hasattr(limit, name)), default)


def decimals_for(default: Any, low: float, high: float) -> int:
    """Return how many decimals a number box needs so that its default and a hundredth of its range are not rounded."""
    digits = 1 if high - low > 50 else 2
    if isinstance(default, float) and default != 0:
        text = f"{abs(default):.12f}".rstrip("0")
        digits = max(digits, len(text.partition(".")[2]))
        digits = max(digits, 1 - math.floor(math.log10(abs(default))))
    return min(digits, 10)
