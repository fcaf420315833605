"""What the outputs of a segmentation network mean: cells, their parts, smudge cells, and doubt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_all.errors import CheckpointError
from napari_all.types import BoolMask, ClassesMap, Parts

SMUDGE = "smudge"
PARTS_OF: dict[tuple[str, ...], Parts] = {
    ("background", "cytoplasm", "nucleus"): "nucleus+cytoplasm",
    ("background", "cell"): "cell",
    ("background", "nucleus"): "nucleus",
}
"""The names that a network's outputs may have, in order, and what they part; each may be followed by "smudge"."""


@dataclass(frozen=True)
class Outputs:
    """The roles of a network's outputs.

    Attributes
    ----------
    parts
        What the cells are parted into.
    count
        Number of outputs: background, then the parts of a cell, then smudge if there is one.
    smudge
        Whether the last output stands for smudge cells.
    """

    parts: Parts
    count: int
    smudge: bool

    @classmethod
    def of(cls, names: Sequence[str]) -> Outputs:
        """Read the roles from the names in a model's card.

        Raises
        ------
        CheckpointError
            The names are none of `PARTS_OF`, with or without "smudge".
        """
        smudge = tuple(names[-1:]) == (SMUDGE,)
        parts = PARTS_OF.get(tuple(names[:-1] if smudge else names))
        if parts is None:
            valid = "; ".join(", ".join(known) for known in PARTS_OF)
            raise CheckpointError(
                f"a network with the outputs {', '.join(names) or 'none'} finds no cells; "
                f"they must be, in order, one of: {valid} (each may end with {SMUDGE})"
            )
        return cls(parts, len(names), smudge)


@dataclass(frozen=True)
class PixelMaps:
    """What a network says of every pixel of an image.

    Attributes
    ----------
    classes
        (Y, X) uint8, 0 background, 1 cytoplasm, 2 nucleus or whole cell; smudge cells too have a class above 0.
    uncertainty
        (Y, X) uint8, entropy of the probabilities; 255 = all classes equally likely.
    foreground
        (Y, X) uint8, probability of a whole cell; 255 = certain.
    smudge
        (Y, X) bool, where a smudge cell is more likely than a whole one; None where the network cannot tell.
    """

    classes: ClassesMap
    uncertainty: NDArray[np.uint8]
    foreground: NDArray[np.uint8]
    smudge: BoolMask | None

    @classmethod
    def empty(cls, shape: tuple[int, int], outputs: Outputs) -> PixelMaps:
        """Return maps of `shape` (Y, X) to be filled."""
        classes, uncertainty, foreground = np.empty((3, *shape), np.uint8)
        return cls(classes, uncertainty, foreground, np.empty(shape, np.bool_) if outputs.smudge else None)

    def fill(self, rows: slice, maps: Sequence[NDArray[Any]]) -> None:
        """Fill in some rows of each map, in the order of the fields; smudge cells only where they can be told."""
        own = (self.classes, self.uncertainty, self.foreground, *(() if self.smudge is None else (self.smudge,)))
        for mine, given in zip(own, maps, strict=True):
            mine[rows] = given
