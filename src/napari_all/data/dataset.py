"""Recognise a folder of labelled images: `<Class>/…` or `Original/<Class>/…`."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from napari_all.classes import SUBTYPES, ClassScheme
from napari_all.errors import UsageError

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")
GROUPS_FILE = "overlap_groups.csv"


@dataclass(frozen=True)
class LabelledImage:
    """One image of a dataset with what is known of it.

    Attributes
    ----------
    path
        The file.
    key
        `<class folder>/<file name>`, unique in the dataset and free of machine paths.
    label
        Index into the class scheme.
    cluster
        Appearance cluster (stands in for patient or session); empty where not known.
    overlap_group
        Number shared by the images that show one field or parts of it; None where not known.
    """

    path: Path
    key: str
    label: int
    cluster: str = ""
    overlap_group: int | None = None


def find_labelled_images(folder: Path, scheme: ClassScheme = SUBTYPES) -> list[LabelledImage]:
    """List the images of a dataset folder, sorted by class and file name.

    Class folders may have any name or alias of the scheme, in any case; they lie in `folder` or in `folder/Original`
    (the layout of the Taleqani dataset, whose `Segmented` images are left out). Groups are read from
    `overlap_groups.csv` in `folder` when it is there.

    Parameters
    ----------
    folder
        The dataset.
    scheme
        Classes to look for.

    Raises
    ------
    UsageError
        No class folder, or no image in them.
    """
    root = folder / "Original" if (folder / "Original").is_dir() else folder
    if not root.is_dir():
        raise UsageError(f"there is no folder {folder}; give the dataset's folder")
    images = [
        LabelledImage(path, f"{path.parent.name}/{path.name}", label)
        for label, class_folder in _class_folders(root, scheme)
        for path in sorted(class_folder.iterdir())
        if path.suffix.lower() in IMAGE_SUFFIXES
    ]
    if not images:
        raise UsageError(
            f"no labelled images in {root}; expected a folder per class "
            f"({', '.join(scheme.names)}, or Original/… with these) that holds the images"
        )
    groups = folder / GROUPS_FILE
    return _with_groups(images, groups) if groups.is_file() else images


def _class_folders(root: Path, scheme: ClassScheme) -> list[tuple[int, Path]]:
    """Return (label, folder) of the sub-folders that are named like a class, in the scheme's order."""
    found = []
    for path in sorted(root.iterdir()):
        if not path.is_dir():
            continue
        try:
            found.append((scheme.index(path.name), path))
        except UsageError:
            continue
    return sorted(found)


def _with_groups(images: Sequence[LabelledImage], table: Path) -> list[LabelledImage]:
    """Add cluster and overlap group from a table with the columns class, file, overlap_group, appearance_cluster."""
    with table.open(newline="", encoding="utf-8") as stream:
        rows = {f"{row['class']}/{row['file']}": row for row in csv.DictReader(stream)}
    missing = [image.key for image in images if image.key not in rows]
    if missing:
        raise UsageError(
            f"{table.name} has no row for {len(missing)} images ({missing[0]} …); make it again for this folder"
        )
    return [
        replace(
            image,
            cluster=rows[image.key]["appearance_cluster"],
            overlap_group=int(rows[image.key]["overlap_group"]),
        )
        for image in images
    ]
