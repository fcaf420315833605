"""An image gets exactly one mask, by name and sub-folder, or is listed, or the doubt is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_all.errors import UsageError
from napari_all.io.inputs import find_images
from napari_all.io.pairing import pair_images


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_pairs_by_name_and_sub_folder(tmp_path: Path) -> None:
    images = find_images([touch(tmp_path / "i", "a.png", "x/a.png", "b-1.jpg", "b-10.jpg")])
    masks = touch(tmp_path / "m", "a_labels.tif", "x/a.tif", "b-10.png", "c_labels.tif")
    pairs, missing = pair_images(images, masks)
    assert [(p.image.name, p.mask.relative_to(masks).as_posix()) for p in pairs] == [
        ("a.png", "a_labels.tif"),
        ("b-10.jpg", "b-10.png"),
        ("x/a.png", "x/a.tif"),
    ]
    assert [m.name for m in missing] == ["b-1.jpg"]


def test_doubt_is_refused_and_an_image_is_not_its_own_mask(tmp_path: Path) -> None:
    folder = touch(tmp_path / "i", "a.png")
    images = find_images([folder / "a.png"])
    assert pair_images(images, folder) == ((), images)
    touch(folder, "a_labels.tif")
    assert pair_images(images, folder)[0][0].mask.name == "a_labels.tif"
    touch(folder, "a_mask.png")
    with pytest.raises(UsageError, match=r"a_labels\.tif and a_mask\.png"):
        pair_images(images, folder)
    with pytest.raises(UsageError, match="does not exist"):
        pair_images(images, tmp_path / "none")
