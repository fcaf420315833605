"""What the outputs of a segmentation network mean: cells, their parts, smudge cells, and doubt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_all.classes import BACKGROUND, CYTOPLASM, NUCLEUS
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

    def fill(self, rows: slice, p: NDArray[np.float32], outputs: Outputs) -> None:
        """Decide some rows by their probabilities (rows, X, outputs).

        A pixel is background only where that beats the whole cell, smudged or not; a smudged pixel keeps the likelier
        part, for it may turn out to lie in a whole cell.
        """
        cell = p[..., 1 : outputs.count - outputs.smudge].sum(axis=-1)
        stained = cell + p[..., -1] if outputs.smudge else cell
        part = np.where(p[..., 2] > p[..., 1], NUCLEUS, CYTOPLASM) if outputs.parts == "nucleus+cytoplasm" else NUCLEUS
        foreground = stained > p[..., 0]
        self.classes[rows] = np.where(foreground, part, BACKGROUND)
        if self.smudge is not None:
            self.smudge[rows] = foreground & (p[..., -1] > cell)
        self.foreground[rows] = np.clip(255.0 * cell + 0.5, 0, 255)
        entropy = -(p * np.log(np.maximum(p, 1e-6))).sum(axis=-1) / np.log(float(outputs.count))
        self.uncertainty[rows] = np.clip(255.0 * entropy + 0.5, 0, 255)
