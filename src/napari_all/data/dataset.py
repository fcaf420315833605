"""Recognise a folder of labelled images: `<Class>/…` or `Original/<Class>/…`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from napari_all.classes import SUBTYPES, ClassScheme
from napari_all.data.group_table import GROUPS_FILE, read_groups
from napari_all.data.grouping import look_up, read_column
from napari_all.errors import UsageError
from napari_all.io.images import IMAGE_SUFFIXES


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
        What is held out whole: the appearance cluster (stands in for patient or session) or a user's own group, such
        as the patient; empty where not known.
    overlap_group
        Number shared by the images that show one field or parts of it; None where not known.
    """

    path: Path
    key: str
    label: int
    cluster: str = ""
    overlap_group: int | None = None


def find_labelled_images(
    folder: Path, scheme: ClassScheme = SUBTYPES, groups: Path | None = None, group_column: str | None = None
) -> list[LabelledImage]:
    """List the images of a dataset folder, sorted by class and file name.

    Class folders may have any name or alias of the scheme, whatever its case, spaces and punctuation (`Pro`,
    `[Malignant] early Pre-B`); they lie in `folder` or in `folder/Original` (the layout of the Taleqani dataset, whose
    `Segmented` images are left out).

    Parameters
    ----------
    folder
        The dataset.
    scheme
        Classes to look for.
    groups
        CSV table of groups. Without `group_column` one of the layout of `overlap_groups.csv`, which is read instead of
        the one in `folder`; with it, any table that names the images in a column `image` or `file`, by their key or
        their bare file name. By default `overlap_groups.csv` in `folder`, when it is there.
    group_column
        Column of `groups` that tells what is held out whole (a patient, say); it takes the place of the appearance
        clusters, while overlaps are still read from `overlap_groups.csv` in `folder`.

    Raises
    ------
    UsageError
        No class folder, two of one class or one without an image; a table that cannot be read, lacks a column or an
        image, or has an image twice.
    """
    if group_column is not None and groups is None:
        raise UsageError(f"group_column = {group_column!r} is given without a table; give the table as groups")
    root = folder / "Original" if (folder / "Original").is_dir() else folder
    if not root.is_dir():
        raise UsageError(f"there is no folder {folder}; give the dataset's folder")
    images = [
        LabelledImage(path, f"{class_folder.name}/{path.name}", label)
        for label, class_folder in sorted(_class_folders(root, scheme).items())
        for path in _files(class_folder)
    ]
    if not images:
        raise UsageError(
            f"no labelled images in {root}; expected a folder per class "
            f"({', '.join(scheme.names)}, or Original/… with these) that holds the images"
        )
    table = groups if groups is not None and group_column is None else folder / GROUPS_FILE
    if table is groups or table.is_file():
        images = _with_overlaps(images, table)
    return images if group_column is None or groups is None else _with_own_groups(images, groups, group_column)


def _class_folders(root: Path, scheme: ClassScheme) -> dict[int, Path]:
    """Return the sub-folders that are named like a class by label."""
    found: dict[int, Path] = {}
    for path in sorted(p for p in root.iterdir() if p.is_dir()):
        try:
            label = scheme.index(path.name)
        except UsageError:
            continue
        if label in found:
            raise UsageError(
                f"{found[label].name!r} and {path.name!r} are both folders of {scheme.names[label]}; keep one of them"
            )
        found[label] = path
    return found


def _files(class_folder: Path) -> list[Path]:
    files = sorted(p for p in class_folder.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file())
    if not files:
        raise UsageError(
            f"the class folder {class_folder.name!r} holds no image ({', '.join(IMAGE_SUFFIXES)}); "
            "put images into it or remove it"
        )
    return files


def _with_overlaps(images: Sequence[LabelledImage], table: Path) -> list[LabelledImage]:
    rows = read_groups(table)
    missing = [image.key for image in images if image.key not in rows]
    if missing:
        raise UsageError(
            f"{table.name} has no row for {len(missing)} of {len(images)} images ({missing[0]} …); "
            "make it again for this folder, or remove it"
        )
    return [replace(i, cluster=rows[i.key].cluster, overlap_group=rows[i.key].overlap_group) for i in images]


def _with_own_groups(images: Sequence[LabelledImage], table: Path, column: str) -> list[LabelledImage]:
    values = look_up([image.key for image in images], read_column(table, column), table.name)
    nameless = [image.key for image, value in zip(images, values, strict=True) if not value.strip()]
    if nameless:
        raise UsageError(
            f"{table.name} leaves {column!r} empty for {len(nameless)} images ({nameless[0]} …); fill it in, every "
            "image needs its group"
        )
    return [replace(image, cluster=value.strip()) for image, value in zip(images, values, strict=True)]
