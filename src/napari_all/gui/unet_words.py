"""What the U-Net widget says of what was found."""

from __future__ import annotations

from napari_all.types import Segmentation
from napari_all.workflows.batch import least_certain_first
from napari_all.workflows.run_record import RunRecord

LEAST_CERTAIN = 5
"""How many images are named as worth a look first, after a folder."""


def told_of_image(result: Segmentation, image: str) -> str:
    """Say in one line what was found in an image."""
    found = [_count(int(result.labels.max(initial=0)), "cell")]
    if result.smudges is not None and result.smudges.any():
        found.append(_count(int(result.smudges.max()), "smudge cell"))
    doubt = "" if result.uncertainty is None else f"; uncertainty {result.uncertainty:.2f}"
    return f"{' and '.join(found)} in '{image}'{doubt}"


def told_of_folder(record: RunRecord, folder: str) -> str:
    """Say how many images of a folder there are results of, and which are worth a look first."""
    line = f"{len(record.inputs) - len(record.failed)} of {len(record.inputs)} images are in {folder}."
    judged = [entry for entry in least_certain_first(record.inputs) if entry.uncertainty is not None]
    if len(judged) > 1:
        first = [f"{entry.image} ({entry.uncertainty:.2f})" for entry in judged[:LEAST_CERTAIN]]
        line = "\n".join([line, "Least certain:", *first])
    return line


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
