"""What a training achieved, measured on the validation images with the settings a user has: table, pictures, curves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from napari_all.config import Settings
from napari_all.data.mask_items import CELL, CYTOPLASM, NUCLEUS, MaskItem
from napari_all.evaluation.before_after import LEGEND, Shown, comparison
from napari_all.evaluation.masks import dice
from napari_all.files import atomic_path
from napari_all.monitor import Monitor
from napari_all.types import ClassesMap
from napari_all.workflows.segment import make_config, segment_image
from napari_all.workflows.train_data import DataSummary

MEASURED = 24
"""Validation images that the whole pipeline is run on; the curves use all of them."""
_PICTURED = 6


class Measured(Settings):
    """Mean Dice over the measured validation images, with default settings and estimated cell diameter."""

    images: int
    dice: float
    nucleus_dice: float | None = None
    per_image: dict[str, float]


class TrainReport(Settings):
    """What came out of a training."""

    schema_version: int = 1
    model: str
    checkpoint: str
    epoch: int
    cancelled: bool
    curves: dict[str, float]
    before: Measured | None
    after: Measured
    data: DataSummary

    def lines(self) -> list[str]:
        """Return the result as lines of text."""
        said = [f"best epoch {self.epoch}; {self.after.images} validation images segmented with default settings:"]
        for when, figures in (("before", self.before), ("after", self.after)):
            if figures is not None:
                nucleus = f", nucleus Dice {figures.nucleus_dice:.4f}" if figures.nucleus_dice is not None else ""
                said.append(f"  {when}: Dice {figures.dice:.4f}{nucleus}")
        if self.cancelled:
            said.append("stopped early at the user's wish; the best epoch was kept")
        return said


def chosen_images(items: Sequence[MaskItem]) -> list[MaskItem]:
    """Return at most `MEASURED` of the validation images, evenly spread over their order."""
    if len(items) <= MEASURED:
        return list(items)
    return [items[i] for i in np.linspace(0, len(items) - 1, MEASURED).round().astype(int)]


def measure_model(
    model: str, items: Sequence[MaskItem], device: str, monitor: Monitor, stage: str
) -> tuple[Measured, list[ClassesMap]]:
    """Segment the images as a user would and measure; return the figures and the classes maps."""
    config = make_config("unet", assignments=[f"model={model}", f"device={device}"])
    whole: dict[str, float] = {}
    nuclei, maps = [], []
    for done, item in enumerate(items):
        monitor.report(stage, done, len(items))
        result = segment_image(item.rgb, config)
        codes, ignore = item.codes, item.ignore
        cells = np.isin(codes, (CYTOPLASM, NUCLEUS, CELL))
        truth = codes == NUCLEUS if result.parts == "nucleus" else cells
        whole[item.name] = round(dice(result.classes > 0, truth, ignore), 4)
        if result.parts == "nucleus+cytoplasm" and (codes == NUCLEUS).any():
            unknown = ignore | (codes == CELL)
            nuclei.append(dice(result.classes == NUCLEUS, codes == NUCLEUS, unknown))
        maps.append(result.classes)
    monitor.report(stage, len(items), len(items))
    nucleus = round(float(np.mean(nuclei)), 4) if nuclei else None
    mean = round(float(np.mean(list(whole.values()))), 4)
    return Measured(images=len(items), dice=mean, nucleus_dice=nucleus, per_image=whole), maps


def write_pictures(
    path: Path,
    items: Sequence[MaskItem],
    before: tuple[Measured, list[ClassesMap]] | None,
    after: tuple[Measured, list[ClassesMap]],
) -> None:
    """Draw images from the worst to the best result: image | true mask | before | after."""
    order = np.argsort([after[0].per_image[item.name] for item in items])
    picked = order[np.unique(np.linspace(0, len(items) - 1, min(_PICTURED, len(items))).round().astype(int))]
    rows = []
    for i in picked:
        item = items[i]
        results = [("before", before), ("predicted", after)] if before else [("predicted", after)]
        shown = [(f"{title}, Dice {r[0].per_image[item.name]:.3f}", r[1][i]) for title, r in results if r is not None]
        rows.append(Shown(Path(item.name).name, item.rgb, item.codes, item.ignore, shown))
    with atomic_path(path) as temporary:
        Image.fromarray(comparison(rows)).save(temporary, format="PNG")


def as_markdown(report: TrainReport) -> str:
    """Return the report as a page."""
    text = [f"# Training of {report.model}", "", *(f"- {line}" for line in report.data.lines()), ""]
    text += ["| | images | Dice | nucleus Dice |", "|---|---|---|---|"]
    for when, figures in (("before", report.before), ("after", report.after)):
        if figures is not None:
            nucleus = "" if figures.nucleus_dice is None else f"{figures.nucleus_dice:.4f}"
            text.append(f"| {when} | {figures.images} | {figures.dice:.4f} | {nucleus} |")
    text += [
        "",
        f"Validation images, segmented with default settings; best of the epochs: {report.epoch}. These images chose "
        "the epoch, so a set that took no part in the training will come out a little lower.",
        "",
        "![image, true mask, predicted mask](before_after.png)",
        "",
        f"{LEGEND}. From the worst to the best.",
        "",
        "![curves](curves.png)",
        "",
        "For research use only. Not for use in diagnostic procedures.",
        "",
    ]
    return "\n".join(text)
