"""Why the figures of a classifier may be worth less than they seem: what it saw of the images before."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from napari_all.data.dataset import LabelledImage
from napari_all.data.split import Split, learned_keys
from napari_all.errors import UsageError
from napari_all.networks.card import ModelCard

SPLIT_FILE = "split.json"
"""Name of the split that a training writes beside its model."""


def cautions_of(
    measured: Sequence[LabelledImage],
    images: Sequence[LabelledImage],
    split: Split | None,
    part: str,
    weights: Path,
    card: ModelCard,
) -> tuple[list[str], list[str]]:
    """Return what makes the figures worth less, and what else to know.

    Parameters
    ----------
    measured
        The images measured.
    images
        All images of the dataset, which the split's positions refer to.
    split, part
        What was asked for.
    weights, card
        The model; the split that it was trained on is looked for beside its weights.
    """
    cautions: list[str] = []
    notes: list[str] = []
    learned = _learned(weights.with_name(SPLIT_FILE))
    known = sum(image.key in (learned or ()) for image in measured)
    if learned is None:
        about = f" Its card says: {'; '.join(card.data)}." if card.data else ""
        notes.append(
            f"Which images the model learned from is not known here ({SPLIT_FILE} of its training does not lie beside "
            f"its weights); if these are among them, the figures say little.{about}"
        )
    elif known:
        cautions.append(
            f"{known} of the {len(measured)} images are among those that the model learned from or was chosen by; "
            "that it is right on them says little. Measure the part 'test' of its split."
        )
    else:
        notes.append(f"By the {SPLIT_FILE} beside its weights, the model learned from none of these images.")
    if split is not None:
        cautions += _leaks(measured, images, split, part)
    if not all(image.cluster for image in measured):
        notes.append(
            "No groups (patients, appearance clusters) are known, so the interval takes images for independent and is "
            "too narrow. 'napari-all audit' finds appearance clusters."
        )
    return cautions, notes


def _learned(path: Path) -> frozenset[str] | None:
    try:
        return learned_keys(path) if path.is_file() else None
    except UsageError:  # a file of that name that is no split tells nothing
        return None


def _leaks(measured: Sequence[LabelledImage], images: Sequence[LabelledImage], split: Split, part: str) -> list[str]:
    """Tell how many images measured have a relative among those trained on."""
    if part == "train":
        return ["These are the images that the split trains on."]
    trained = [images[i] for i in split.train]
    groups = {image.cluster for image in trained} - {""}
    overlaps = {image.overlap_group for image in trained} - {None}
    shared = sum(image.cluster in groups for image in measured)
    seen = sum(image.overlap_group in overlaps for image in measured)
    found = []
    if shared:
        found.append(
            f"{shared} of the {len(measured)} images are of a group (patient, appearance cluster) that the split also "
            "trains on. An accuracy on such a split proves little: stain and session alone nearly give the answer."
        )
    if seen:
        found.append(f"{seen} of the {len(measured)} images overlap an image that the split trains on.")
    return found
