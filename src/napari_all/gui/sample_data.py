"""Sample data for File > Open Sample: synthetic smears, and images of the user's own copy of the ALL dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari.utils.notifications import show_info, show_warning
from qtpy.QtWidgets import QFileDialog

from napari_all.classes import SUBTYPES
from napari_all.data.synthetic import sample_smear
from napari_all.errors import NapariAllError, UsageError
from napari_all.gui.layer_notes import ImageNotes
from napari_all.gui.layers import image_layer
from napari_all.gui.memory import recall, remember
from napari_all.gui.reader import read_image_layer
from napari_all.io.images import IMAGE_SUFFIXES

LayerData = tuple[Any, ...]
NOTHING: list[LayerData] = [(None,)]
"""What npe2 takes for 'no layer'."""
PER_CLASS = 2
WHERE = (
    "The ALL image dataset (Aria, Ghaderzadeh et al., Taleqani Hospital; doi 10.34740/KAGGLE/DSV/2175623) may not be "
    "passed on with this program. Get your own copy from kaggle.com/datasets/mehradaria/leukemia, unpack it, and "
    "choose the folder that holds 'Original' or the class folders."
)


def smear() -> list[LayerData]:
    """Open a synthetic smear."""
    return _sample("smear")


def crowded_smear() -> list[LayerData]:
    """Open a synthetic smear with many touching cells."""
    return _sample("crowded smear")


def large_cells() -> list[LayerData]:
    """Open a synthetic smear at high magnification."""
    return _sample("large cells")


def small_field() -> list[LayerData]:
    """Open a small synthetic field with small cells."""
    return _sample("small field")


def my_all_dataset() -> list[LayerData]:
    """Ask for the folder of the ALL dataset and open some images of each class."""
    folder = QFileDialog.getExistingDirectory(
        None, "Folder of your copy of the ALL dataset", recall("folders/all-dataset", "")
    )
    if not folder:
        show_info(WHERE)
        return NOTHING
    try:
        layers = open_all_dataset(Path(folder))
    except NapariAllError as error:
        show_warning(str(error))
        return NOTHING
    remember("folders/all-dataset", folder)
    return layers


def open_all_dataset(folder: Path) -> list[LayerData]:
    """Return the first images of each class in a copy of the dataset.

    Raises
    ------
    UsageError
        When the folder has no class folders; the message says where to get the dataset.
    """
    layers: list[LayerData] = []
    for name, files in class_images(folder).items():
        for path in files[:PER_CLASS]:
            layer = read_image_layer(path)
            layer.name = f"{name} {path.stem}"
            layers.append(layer.as_layer_data_tuple())
    return layers


def class_images(folder: Path) -> dict[str, list[Path]]:
    """Return the images of each class folder in `folder` or in its `Original`, in the classes' order."""
    found: dict[str, list[Path]] = {}
    for root in (folder / "Original", folder, *sorted(p / "Original" for p in folder.glob("*") if p.is_dir())):
        if not root.is_dir():
            continue
        for inside in sorted(p for p in root.iterdir() if p.is_dir()):
            try:
                name = SUBTYPES.names[SUBTYPES.index(inside.name)]
            except UsageError:  # some other folder
                continue
            found[name] = sorted(p for p in inside.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES)
        if found:
            return {name: found[name] for name in SUBTYPES.names if name in found}
    raise UsageError(f"{folder.name} has no folders Benign, Early, Pre and Pro. {WHERE}")


def _sample(name: str) -> list[LayerData]:
    layer = image_layer(sample_smear(name).rgb, name, ImageNotes())
    return [layer.as_layer_data_tuple()]
