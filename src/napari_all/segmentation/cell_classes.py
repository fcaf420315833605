"""The classes that a person gives to cells; the program never gives one, and a predicted subtype is none."""

from __future__ import annotations

from typing import Self

from pydantic import Field, field_validator, model_validator

from napari_all.config import Settings

UNCLASSIFIED = "unclassified"
"""Name of the class of a cell that nobody has given one."""


class CellClass(Settings):
    """One class of cells."""

    name: str = Field(min_length=1, max_length=60, description="Name in tables and reports, in the column cell_class")
    colour: str = Field("#999999", pattern="^#[0-9a-f]{6}$", description="Colour in pictures, as #rrggbb")
    counted: bool = Field(True, description="Whether such cells count towards the differential and its target")

    @field_validator("name")
    @classmethod
    def _plain(cls, name: str) -> str:
        if name != name.strip() or not name.isprintable() or "|" in name:
            raise ValueError("must be printable, without spaces at its ends and without '|'")
        return name


class CellClasses(Settings):
    """The classes to choose from, in the order of their keys; `unclassified` is always the last."""

    classes: tuple[CellClass, ...] = Field(
        (
            CellClass(name="blast", colour="#d55e00"),
            CellClass(name="lymphocyte", colour="#0072b2"),
            CellClass(name="other white cell", colour="#009e73"),
            CellClass(name="smudge", colour="#cc79a7", counted=False),
            CellClass(name="artefact", colour="#666666", counted=False),
            CellClass(name=UNCLASSIFIED, colour="#bbbbbb", counted=False),
        ),
        description="Classes of cells; colours are of Okabe and Ito's colour-blind safe set",
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        names = [known.name.casefold() for known in self.classes]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"the class {twice[0]!r} stands there twice; keep one")
        if not self.classes or self.classes[-1].name != UNCLASSIFIED or self.classes[-1].counted:
            raise ValueError(f"the last class must be {UNCLASSIFIED!r}, not counted; put it at the end")
        if not any(known.counted for known in self.classes):
            raise ValueError("no class is counted; let at least one count towards the differential")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The names in order."""
        return tuple(known.name for known in self.classes)

    @property
    def counted(self) -> tuple[str, ...]:
        """The names of the classes that count."""
        return tuple(known.name for known in self.classes if known.counted)

    def colour(self, name: str) -> str:
        """Return the colour of a class; that of `unclassified` for a name that is no longer there."""
        return next((known.colour for known in self.classes if known.name == name), self.classes[-1].colour)
