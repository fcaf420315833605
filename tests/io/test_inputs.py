"""Files, folders and globs stand for sorted, distinctly named images."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_all.errors import UsageError
from napari_all.io.inputs import find_images


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    names = [
        "b.PNG", "a.jpg", "sub/a.png", "sub/deep/c.tif", "notes.txt", ".hidden.png", ".cache/x.png",
        "a_labels.tif", "a_classes.tif", "a_uncertainty.tif", "a_smudges.tif", "a_mask.png", "run.json",
    ]  # fmt: skip
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def names(*inputs: str | Path) -> list[str]:
    return [image.name for image in find_images(inputs)]


def test_folder_is_searched_without_outputs_and_hidden_files(folder: Path) -> None:
    assert names(folder) == ["a.jpg", "b.PNG", "sub/a.png", "sub/deep/c.tif"]
    assert [i.stem for i in find_images([folder])] == ["a", "b", "sub/a", "sub/deep/c"]


def test_files_are_named_by_themselves_and_sorted(folder: Path) -> None:
    assert names(folder / "sub/deep/c.tif", folder / "b.PNG", folder / "notes.txt") == ["b.PNG", "c.tif", "notes.txt"]


def test_glob_keeps_sub_folders_below_its_fixed_part(folder: Path) -> None:
    assert names(str(folder / "*.*")) == ["a.jpg", "b.PNG"]
    assert names(f"{folder}/**/*.png") == ["sub/a.png"]
    assert names(f"{folder}/*/*.png") == ["sub/a.png"]


def test_relative_glob_and_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert names("sub/*.png") == ["a.png"]
    assert names(".") == ["a.jpg", "b.PNG", "sub/a.png", "sub/deep/c.tif"]


def test_file_met_twice_is_taken_once(folder: Path) -> None:
    assert names(folder / "sub", folder / "sub" / "a.png") == ["a.png", "deep/c.tif"]


def test_links_are_images_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    (tmp_path / "b.png").symlink_to("a.png")
    assert names(tmp_path) == ["a.png", "b.png"]


@pytest.mark.parametrize("second", ["a.png", "A.jpeg"])
def test_one_output_name_for_two_inputs_is_refused(tmp_path: Path, second: str) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "a.jpg").touch()
    (tmp_path / "x" / second).touch()
    with pytest.raises(UsageError, match="same output name") as caught:
        find_images([tmp_path / "a.jpg", tmp_path / "x" / second])
    assert "a.jpg" in str(caught.value)
    assert second in str(caught.value)


def test_nothing_there_is_refused(tmp_path: Path) -> None:
    for given, words in ((tmp_path, "no image"), (tmp_path / "no.png", "not exist"), (f"{tmp_path}/*.png", "no image")):
        with pytest.raises(UsageError, match=words):
            find_images([given])
