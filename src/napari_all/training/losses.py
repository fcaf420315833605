"""Losses of segmentation on partly known targets: where a mask does not part the nucleus, only the whole cell counts.

Targets are soft, (N, 6, Y, X) on 0..1 with the channels of `napari_all.data.mask_items`; logits (N, C, Y, X) follow the
network's own classes. Pixels that do not count, and those whose code the network cannot express, change nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from napari_all.data.mask_items import CODE_NAMES, COUNTS, MaskItem
from napari_all.training.settings import LossName

CELL_CLASSES = ("cytoplasm", "nucleus", "cell")
"""Classes whose union is the white cell."""
_FOCUS = 2.0
"""Exponent of the focal loss (Lin et al. 2017, arXiv 1708.02002)."""
_COUNTS_FROM = 0.99


def meanings(classes: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """Return, for each code of a mask, the outputs of a network with these classes that agree with it; () = none.

    A network of background and nucleus calls cytoplasm background, and cannot say anything of a cell whose nucleus is
    unknown; one without smudges says nothing of them.
    """
    index = {name: i for i, name in enumerate(classes)}
    of_cells = tuple(index[name] for name in CELL_CLASSES if name in index)
    only_nuclei = "nucleus" in index and "cytoplasm" not in index
    either = () if only_nuclei else of_cells
    return {
        "background": (index["background"],),
        "cytoplasm": (index["background"],) if only_nuclei else (index.get("cytoplasm", index.get("cell", 0)),),
        "nucleus": (index.get("nucleus", index.get("cell", 0)),),
        "cell": either,
        "smudge": (index["smudge"],) if "smudge" in index else (),
    }


def balanced_weights(items: Sequence[MaskItem], classes: Sequence[str]) -> tuple[float, ...]:
    """Return one weight per class, inverse to the square root of its share of the pixels that count; the mean is 1."""
    outputs = meanings(classes)
    pixels = np.zeros(len(classes))
    for item in items:
        counts = np.bincount(item.codes[~item.ignore].ravel(), minlength=COUNTS)
        for code, name in enumerate(CODE_NAMES):
            for output in outputs[name]:
                pixels[output] += counts[code] / len(outputs[name])
    weights = 1.0 / np.sqrt(np.maximum(pixels / pixels.sum(), 1e-3))
    return tuple((weights / weights.mean()).tolist())


@dataclass(frozen=True)
class Aligned:
    """Targets and log-probabilities side by side.

    Attributes
    ----------
    log_p
        (N, 5, Y, X) log-probability that the network gives to each code.
    target
        (N, 5, Y, X) share of each code.
    counts
        (N, Y, X) one where the pixel counts.
    """

    log_p: Tensor
    target: Tensor
    counts: Tensor


def align(logits: Tensor, target: Tensor, classes: Sequence[str]) -> Aligned:
    """Bring logits and target to the same codes."""
    log_p = logits.log_softmax(1)
    outputs = meanings(classes)
    counts = target[:, COUNTS] > _COUNTS_FROM
    columns = []
    for code, name in enumerate(CODE_NAMES):
        if outputs[name]:
            columns.append(torch.logsumexp(log_p[:, list(outputs[name])], 1))
        else:
            counts = counts & (target[:, code] <= 1.0 - _COUNTS_FROM)
            columns.append(torch.zeros_like(log_p[:, 0]))
    return Aligned(torch.stack(columns, 1), target[:, :COUNTS], counts.float())


def part_masks(aligned: Aligned, logits: Tensor, classes: Sequence[str]) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Return (probability, target, counts), each (N, Y, X), of the whole cell and, if there is one, the nucleus."""
    p = logits.softmax(1)
    cells = [i for i, name in enumerate(classes) if name in CELL_CLASSES]
    target, counts = aligned.target, aligned.counts
    nucleus = target[:, CODE_NAMES.index("nucleus")]
    undecided = target[:, CODE_NAMES.index("cell")]
    if "cytoplasm" not in classes and "nucleus" in classes:
        return [(p[:, cells].sum(1), nucleus, counts)]
    whole = nucleus + undecided + target[:, CODE_NAMES.index("cytoplasm")]
    parts = [(p[:, cells].sum(1), whole, counts)]
    if "nucleus" in classes:
        parts.append((p[:, classes.index("nucleus")], nucleus, counts * (undecided <= 1.0 - _COUNTS_FROM)))
    return parts


def soft_dice(p: Tensor, target: Tensor, counts: Tensor) -> Tensor:
    """Return the Dice coefficient of the whole batch on soft masks, smoothed so that two empty masks give 1."""
    overlap = (p * target * counts).sum()
    total = ((p + target) * counts).sum()
    return (2.0 * overlap + 1.0) / (total + 1.0)


def make_loss(
    name: LossName, classes: Sequence[str], class_weights: Sequence[float] | None = None
) -> Callable[[Tensor, Tensor], Tensor]:
    """Return the function (logits, target) -> loss."""
    classes = tuple(classes)
    outputs = meanings(classes)
    weights = class_weights or [1.0] * len(classes)
    per_code = [sum(weights[i] for i in outputs[n]) / max(1, len(outputs[n])) for n in CODE_NAMES]

    def entropy(aligned: Aligned, focus: float) -> Tensor:
        weight = torch.tensor(per_code, device=aligned.log_p.device).view(1, -1, 1, 1)
        terms = -aligned.target * aligned.log_p * weight
        if focus:
            terms = terms * (1.0 - aligned.log_p.exp()).clamp(min=0.0) ** focus
        return (terms.sum(1) * aligned.counts).sum() / aligned.counts.sum().clamp(min=1.0)

    def loss(logits: Tensor, target: Tensor) -> Tensor:
        aligned = align(logits, target, classes)
        if name == "focal":
            return entropy(aligned, _FOCUS)
        dices = [soft_dice(*part) for part in part_masks(aligned, logits, classes)]
        missing = torch.stack([1.0 - d for d in dices]).mean()
        if name == "dice":
            return missing
        return entropy(aligned, 0.0) + missing

    return loss
