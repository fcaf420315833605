"""The cheap part of the shortcut audit, which a training writes beside its own accuracy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import Field

from napari_all.config import Settings
from napari_all.data.dataset import LabelledImage
from napari_all.errors import UsageError
from napari_all.evaluation.audit_descriptors import CHEAP, DESCRIPTORS, describe
from napari_all.evaluation.shortcuts import ShortcutScore, shortcut_score
from napari_all.io.images import read_image
from napari_all.monitor import Monitor, NullMonitor


class CheapAudit(Settings):
    """What tells the classes without any cell, on the very images that a model was tested on."""

    images_learned: int = Field(ge=1, description="Images that the quick classifier learned from")
    images_tested: int = Field(ge=1, description="Images it was tested on")
    scores: list[ShortcutScore] = Field(description="Background colour alone, scale-bar corner alone")
    verdict: str = Field(description="One plain sentence")

    def markdown(self) -> list[str]:
        """Return the lines of a section for a report."""
        lines = ["## What tells the classes without any cell", "", self.verdict, ""]
        lines += ["| a quick classifier that sees only | right, % | 95 % interval | chance, % |", "|---|---|---|---|"]
        lines += [
            f"| {s.title} | {100 * s.accuracy:.1f} | {100 * s.interval[0]:.1f}–{100 * s.interval[1]:.1f} "
            f"| {100 * s.chance:.1f} |"
            for s in self.scores
        ]
        lines += ["", f"Learned from {self.images_learned} images, tested on {self.images_tested}: this run's own."]
        return [*lines, "`napari-all audit` measures more.", ""]


def cheap_audit(
    images: Sequence[LabelledImage],
    train: Sequence[int],
    test: Sequence[int],
    *,
    accuracy: float | None = None,
    leaks: bool = True,
    monitor: Monitor | None = None,
) -> CheapAudit:
    """Measure how well background colour alone and the scale-bar corner alone tell the classes under a run's split.

    Parameters
    ----------
    images
        The data set.
    train, test
        Positions in `images` that the model learned from (its validation part may be among them), and those it was
        tested on.
    accuracy
        The model's own accuracy on `test`, 0..1, for the verdict.
    leaks
        Whether images of one group may lie on both sides of the split.

    Raises
    ------
    UsageError
        A part is empty, or the images to learn from show one class only.
    ImageError
        A file cannot be read.
    Cancelled
        The monitor asks to stop.
    """
    labels = np.array([image.label for image in images], np.int64)
    if not len(test) or len(np.unique(labels[list(train)])) < 2:
        raise UsageError(
            f"cannot look for shortcuts with {len(test)} images to test on and "
            f"{len(np.unique(labels[list(train)]))} classes to learn; give both parts of the split, and two classes"
        )
    watch = monitor or NullMonitor()
    positions = [*train, *test]
    rows = []
    for done, position in enumerate(positions):
        watch.raise_if_cancelled()
        watch.report("shortcuts", done, len(positions))
        rows.append(describe(read_image(images[position].path)[1], None, CHEAP))
    watch.report("shortcuts", len(positions), len(positions))
    part = (np.arange(len(train)), np.arange(len(train), len(positions)))
    scores = [
        shortcut_score(
            (name, DESCRIPTORS[name].title, DESCRIPTORS[name].sees_cells),
            "this run",
            np.stack([row[name] for row in rows]),
            labels[positions],
            [part],
        )
        for name in CHEAP
    ]
    verdict = _verdict(scores, accuracy, leaks)
    return CheapAudit(images_learned=len(train), images_tested=len(test), scores=scores, verdict=verdict)


def _verdict(scores: Sequence[ShortcutScore], accuracy: float | None, leaks: bool) -> str:
    best = max(scores, key=lambda s: s.accuracy)
    told = f"A quick classifier that sees the {best.title} is right on {100 * best.accuracy:.1f} % of this test part"
    own = "" if accuracy is None else f" (the model: {100 * accuracy:.1f} %)"
    if best.level == "none":
        return (
            f"{told}{own}, where chance gives {100 * best.chance:.1f} %: neither background nor corner tells the class."
        )
    if best.level == "some":
        return f"{told}{own}, where chance gives {100 * best.chance:.1f} %: part of the accuracy may come from there."
    rest = "a high accuracy on this split proves little."
    return f"{told}{own}: {rest} Look at whole groups held out." if leaks else f"{told}{own}, groups held out: {rest}"
