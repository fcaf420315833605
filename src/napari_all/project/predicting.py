"""Take in what a model says of an image: as its labels while nobody has touched them, else as a proposal."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_all.errors import ProjectError
from napari_all.io.masks import write_plane
from napari_all.io.sidecar import Sidecar, sidecar_for
from napari_all.project.clock import utc_now
from napari_all.project.log_lines import Event
from napari_all.project.plane_files import remove_files, write_image
from napari_all.project.planes import Pixels, Values
from napari_all.project.project import Project
from napari_all.segmentation.editing import Mark
from napari_all.types import ImageRecord, Segmentation

Taken: TypeAlias = Literal["prediction", "proposal"]


def take_segmentation(project: Project, image: str, result: Segmentation, record: ImageRecord) -> Taken:
    """Take in the segmentation of an image; see `take_prediction`."""
    marks = None
    if result.smudges is not None:
        marks = np.where((result.smudges > 0) & (result.labels == 0), Mark.SMUDGE, Mark.NONE)
    pixels = Pixels.of(result.labels, result.classes, None, marks)
    return take_prediction(project, image, pixels, sidecar_for(result, record), result.uncertainty_map)


def take_prediction(
    project: Project, image: str, pixels: Pixels, sidecar: Sidecar, uncertainty: NDArray[np.uint8] | None = None
) -> Taken:
    """Take in what a model says of an image; writes files, so call it outside the window's thread.

    Parameters
    ----------
    uncertainty
        (Y, X) uint8 as in `Segmentation.uncertainty_map`; kept beside a prediction, for the certainty of its cells.

    Returns
    -------
    "prediction" where it has become the image's labels, which a window that shows them has to load again; "proposal"
    where a person has worked on the image: its labels stay as they are, and cells are taken over one by one
    (`napari_all.project.proposals`).

    Raises
    ------
    ProjectError
        It is of another image, or of another size.
    SaveError
        The disk refuses.
    """
    reference = project.reference(image)
    if sidecar.image_sha256 not in (None, reference.sha256):
        raise ProjectError(f"the segmentation is of another file than {image}; segment the project's image")
    taken: Taken = "prediction"
    if not project.desk.start_anew(image, pixels, sidecar):
        taken = "proposal"
        write_image(project.layout.labels(image, "proposals"), pixels, Values("predicted"), sidecar)
        facts = {"method": sidecar.method, "model": sidecar.model, "model_sha256": sidecar.model_sha256}
        project.desk.tell(
            image, Event(when=utc_now(), who=project.who, text="a new prediction is proposed", facts=facts)
        )
    else:
        _keep_uncertainty(project.layout.uncertainty(image), uncertainty, sidecar)
    project.poke()
    return taken


def _keep_uncertainty(path: Path, uncertainty: NDArray[np.uint8] | None, sidecar: Sidecar) -> None:
    if uncertainty is not None:
        write_plane(path, uncertainty, sidecar.pixel_size_um)
    else:
        path.unlink(missing_ok=True)  # of the prediction before


def drop_proposal(project: Project, image: str) -> None:
    """Remove what is proposed for an image, once the person has taken what is to be taken; its log tells of it."""
    remove_files(project.layout.labels(image, "proposals"))
    project.desk.tell(image, Event(when=utc_now(), who=project.who, text="the proposal was put away"))
    project.poke()
