"""Add to a project the images that have come into its folder of images since it was made."""

from __future__ import annotations

from pathlib import Path

from napari_all.data.mask_values import MaskCode, MaskParts
from napari_all.errors import SaveError
from napari_all.monitor import Monitor, NullMonitor
from napari_all.project.create import Created, find_sources, take_images
from napari_all.project.folder import ProjectFolder


def add_images(
    project: ProjectFolder,
    masks: Path | None = None,
    *,
    code: MaskCode = "auto",
    parts: MaskParts = "cell",
    monitor: Monitor | None = None,
) -> Created:
    """Add every image of the project's folder of images that the project does not have; may run beside the work on it.

    Images of another place are added once they lie in that folder, in a sub-folder of their own, say: a project knows
    its images by their path in one folder, and so does a training on it.

    Parameters
    ----------
    project
        An open project.
    masks
        Folder of masks for the new images to begin from, as `create_project` takes it; of other images none is taken.

    Returns
    -------
    How many images were added, how many of them with masks, and which masks could not be taken.

    Raises
    ------
    UsageError
        The folder of images is gone, or the masks cannot be paired with the images.
    SaveError
        The disk refuses, or the project cannot be written to; it is as it was.
    Cancelled
        The monitor asks to stop; the project is as it was.
    """
    if project.read_only:
        raise SaveError("nothing can be written to this project; save it in another folder first")
    found, pairs = find_sources(project.images_folder, masks, project.layout.folder, code, parts)
    new = [image for image in found if image.name not in project.desk.references]
    taken = take_images(project.layout, new, pairs, project.who, monitor or NullMonitor())
    references, entries, problems = taken
    if references:
        project.take_in(references, entries)
    return Created(len(references), sum(entry.status != "none" for entry in entries), tuple(problems))
