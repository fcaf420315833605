"""What of a proposal a person may take: compared with the labels beside the work, and put into words."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_all.project.planes import Pixels
from napari_all.project.project import Project
from napari_all.project.proposals import Offer, OfferKind, compare, offer_map

KINDS: dict[OfferKind, tuple[int, str, str]] = {
    "new": (1, "#7fff00", "new"), "changed": (2, "#00e5e5", "other than yours"), "gone": (3, "#ff40ff", "not there"),
}  # fmt: skip
"""Code in the layer, colour, and words."""


@dataclass(frozen=True, eq=False)
class Found:
    """A proposal, what the labels began from, the offers, and where each lies (place from 1 on; 0 = nowhere)."""

    proposed: Pixels
    start: Pixels | None
    offers: tuple[Offer, ...]
    places: NDArray[np.int32]
    seen: NDArray[np.uint8]


def find_offers(project: Project, image: str, before: Found | None) -> Found | None:
    """Read what is proposed for an image, unless that was done before, and compare it with the labels as they are."""
    if before is None:
        saved, begun = project.shelf(image, "proposals"), project.shelf(image, "predictions")
        if saved is None:
            return None
        proposed, start = saved.pixels, begun.pixels if begun is not None else None
    else:
        proposed, start = before.proposed, before.start
    current = project.desk.state(image)[0]
    offers = compare(current, proposed, start)
    places = offer_map(current, proposed, offers)
    codes = np.array([0, *(KINDS[offer.kind][0] for offer in offers)], np.uint8)
    return Found(proposed, start, offers, places, codes[places])


def words_of(here: bool, found: Found | None, others: int) -> str:
    """Return in rich text what is proposed `here`, for the image on the screen, and for how many `others`."""
    rest = f"{others} other image{'' if others == 1 else 's'} {'has' if others == 1 else 'have'} a proposal."
    if not here:
        return f"None for this image. {rest}"
    rest = f" {rest}" if others else ""
    if found is None:
        return f"Comparing…{rest}"
    if not found.offers:
        return f"The proposal is as your labels are.{rest}"
    counts = Counter(offer.kind for offer in found.offers)
    parts = [
        f"<span style='color: {colour}'>■</span> {counts[kind]} {words}"
        for kind, (_, colour, words) in KINDS.items()
        if counts[kind]
    ]
    yours = sum(offer.corrected for offer in found.offers)
    concerned = f" {yours} of them where you have worked." if yours else ""
    return f"Cells: {', '.join(parts)}.{concerned}{rest}"
