"""Cards of a gallery of cells: one per cell, sorted and filtered. Knows no Qt."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from napari_all.gui.review_cells_words import HEADS
from napari_all.segmentation.cell_classes import UNCLASSIFIED
from napari_all.types import REVIEWED, Cell, ImageStatus

Key: TypeAlias = tuple[str, int]
"""Image and label: which cell it is."""

IN_ORDER = "image"
SORTS: dict[str, str] = {
    IN_ORDER: "Image",
    "cell_class": "Class",
    "certainty": "Certainty",
    **{name: words for name, words in HEADS.items() if "_um" not in name and name not in ("label", "y", "x")},
}
"""What cards are sorted by, in words."""
ANY_STATUS, NOT_REVIEWED = "", "not reviewed"
_AROUND, _TIGHT = 2.2, 1.4
"""Side of a picture: so many typical cells of the image, that sizes can be compared; a large cell needs more."""


@dataclass(frozen=True, eq=False)
class Card:
    """One cell of one image.

    Attributes
    ----------
    image, cell
        Which cell, with its measurements and its class.
    side
        Side of the square of the image that its picture shows, in pixels.
    red_cell_px
        Median diameter of the image's red cells in pixels, or None.
    """

    image: str
    cell: Cell
    side: float
    red_cell_px: float | None = None

    @property
    def key(self) -> Key:
        """Image and label."""
        return self.image, self.cell.label

    @property
    def class_name(self) -> str:
        """Class that a person gave, or `unclassified`."""
        return self.cell.cell_class or UNCLASSIFIED

    def value(self, name: str) -> float | None:
        """Return a measurement by the name of its column; None where there is none."""
        if name == "diameter_red_cells":
            return None if not self.red_cell_px else self.cell.equivalent_diameter_px / self.red_cell_px
        found = getattr(self.cell, name)
        return None if found is None else float(found)


@dataclass(frozen=True)
class Wish:
    """What a person wants to see.

    Attributes
    ----------
    sort, descending
        One of `SORTS`, and whether the largest come first.
    cell_class
        Only cells of this class; "" = of all.
    status
        Only cells of images of this status; `NOT_REVIEWED` = of images that nobody is done with.
    """

    sort: str = IN_ORDER
    descending: bool = False
    cell_class: str = ""
    status: ImageStatus | str = ANY_STATUS


def cards_of(image: str, cells: Collection[Cell], red_cell_px: float | None = None) -> tuple[Card, ...]:
    """Return the cards of one image, all of one scale but for cells that are far larger than the others."""
    typical = float(np.median([cell.equivalent_diameter_px for cell in cells])) if cells else 0.0
    return tuple(Card(image, cell, max(_AROUND * typical, _TIGHT * _extent(cell), 8.0), red_cell_px) for cell in cells)


def arranged(
    cards: Iterable[Card], statuses: Mapping[str, ImageStatus], classes: Sequence[str], wish: Wish
) -> list[Card]:
    """Return the cards that are wanted, in the wanted order; those without the value they are sorted by come last.

    Parameters
    ----------
    cards
        In the order of the images.
    statuses
        Status of each image.
    classes
        Names of the classes, in order.
    """
    wanted = [
        card
        for card in cards
        if (not wish.cell_class or card.class_name == wish.cell_class) and _fits(statuses[card.image], wish.status)
    ]
    if wish.sort == IN_ORDER:
        return wanted[::-1] if wish.descending else wanted
    if wish.sort == "cell_class":
        place = {name: number for number, name in enumerate(classes)}
        return sorted(wanted, key=lambda card: place.get(card.class_name, len(place)), reverse=wish.descending)
    valued = [(value, card) for card in wanted if (value := card.value(wish.sort)) is not None]
    valued.sort(key=lambda pair: pair[0], reverse=wish.descending)
    return [card for _, card in valued] + [card for card in wanted if card.value(wish.sort) is None]


def _fits(status: ImageStatus, wanted: str) -> bool:
    return status not in REVIEWED if wanted == NOT_REVIEWED else wanted in (ANY_STATUS, status)


def _extent(cell: Cell) -> float:
    """Length of the longest axis, as the ellipse of the same area and eccentricity has it."""
    flat = max(0.2, 1.0 - cell.eccentricity**2)
    return float(cell.equivalent_diameter_px / flat**0.25)
