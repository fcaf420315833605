"""Dataset folders are recognised with their groups, and what does not fit is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from napari_all.data.dataset import find_labelled_images
from napari_all.data.group_table import GroupRow, read_groups, write_groups
from napari_all.errors import UsageError

HEADER = "class,file,overlap_group,appearance_cluster\n"


def dataset(root: Path, classes: dict[str, int]) -> Path:
    for name, count in classes.items():
        (root / name).mkdir(parents=True)
        for i in range(count):
            Image.new("RGB", (8, 8), (i, 0, 0)).save(root / name / f"{name[-3:]}{i:02}.png")
    return root


@pytest.mark.parametrize("prefix", ["", "Original"])
def test_class_folders_and_their_aliases_are_recognised(tmp_path: Path, prefix: str) -> None:
    folder = dataset(tmp_path / prefix, {"pro": 2, "Benign": 1, "[Malignant] early Pre-B": 3, "notes": 4})
    (folder / "pro" / "readme.txt").write_text("not an image")
    found = find_labelled_images(tmp_path)
    assert [image.label for image in found] == [0, 1, 1, 1, 3, 3]
    assert found[-1].key == "pro/pro01.png"


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("[Malignant] early Pre-B", 1),
        ("[malignant]  Pre-B ", 2),
        ("[Malignant]Pro-B", 3),
        ("early_pre_b", 1),
        ("EARLY PRE B", 1),
        ("pre", 2),
        ("[Benign] Hematogones", 0),
    ],
)
def test_class_names_are_read_whatever_their_case_spaces_and_punctuation(tmp_path: Path, name: str, label: int) -> None:
    assert [i.label for i in find_labelled_images(dataset(tmp_path, {name: 1}))] == [label]


def test_segmented_pictures_beside_the_originals_are_left_out(tmp_path: Path) -> None:
    dataset(tmp_path / "Original", {"Benign": 2})
    dataset(tmp_path / "Segmented", {"Benign": 2})
    assert [image.path.parts[-3] for image in find_labelled_images(tmp_path)] == ["Original", "Original"]


def test_groups_are_read_from_the_table_beside_the_images_or_one_that_is_named(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "data", {"Benign": 1, "Pro": 1})
    text = HEADER + "Benign,ign00.png,7,Benign-1\nPro,Pro00.png,9,Pro-2\n"
    (folder / "overlap_groups.csv").write_text(text)
    assert [(i.overlap_group, i.cluster) for i in find_labelled_images(folder)] == [(7, "Benign-1"), (9, "Pro-2")]
    other = tmp_path / "mine.csv"
    other.write_text(text.replace("9", "8"))
    assert [i.overlap_group for i in find_labelled_images(folder, groups=other)] == [7, 8]


def test_a_column_of_ones_own_table_takes_the_place_of_the_clusters(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "data", {"Benign": 1, "Pro": 2})
    (folder / "overlap_groups.csv").write_text(
        HEADER + "Benign,ign00.png,7,Benign-1\nPro,Pro00.png,9,Pro-2\nPro,Pro01.png,9,Pro-2\n"
    )
    table = tmp_path / "patients.csv"
    table.write_text("image,patient\nBenign/ign00.png,a\nPro00.png,b\nPro/Pro01.png,c\nelsewhere.png,d\n")
    found = find_labelled_images(folder, groups=table, group_column="patient")
    assert [(i.cluster, i.overlap_group) for i in found] == [("a", 7), ("b", 9), ("c", 9)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEADER + "Benign,ign00.png,7,Benign-1\n", r"no row for 1 of 2 images \(Pro/Pro00.png"),
        (HEADER + "Pro,Pro00.png,1,a\nPro,Pro00.png,1,a\n", "two rows for Pro/Pro00.png"),
        (HEADER + "Pro,Pro00.png,one,a\n", "overlap group 'one'"),
        ("class,file\nPro,Pro00.png\n", "lacks overlap_group, appearance_cluster"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(tmp_path: Path, text: str, words: str) -> None:
    dataset(tmp_path, {"Benign": 1, "Pro": 1})
    (tmp_path / "overlap_groups.csv").write_text(text)
    with pytest.raises(UsageError, match=words):
        find_labelled_images(tmp_path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("image,patient\nign00.png,a\n", "no row for 1 images"),
        ("image,patient\nign00.png,a\nPro00.png,\n", "leaves 'patient' empty for 1 images"),
        ("image,patient\nign00.png,a\nPro00.png,b\nPro00.png,c\n", "two values of 'patient'"),
        ("image,person\nign00.png,a\n", "has the columns image, person"),
    ],
)
def test_ones_own_table_that_does_not_fit_is_refused(tmp_path: Path, text: str, words: str) -> None:
    folder = dataset(tmp_path / "data", {"Benign": 1, "Pro": 1})
    (tmp_path / "patients.csv").write_text(text)
    with pytest.raises(UsageError, match=words):
        find_labelled_images(folder, groups=tmp_path / "patients.csv", group_column="patient")


def test_a_column_without_a_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="without a table"):
        find_labelled_images(dataset(tmp_path, {"Pro": 1}), group_column="patient")


def test_an_empty_class_and_a_class_twice_are_refused(tmp_path: Path) -> None:
    folder = dataset(tmp_path, {"Benign": 1, "Pro": 0})
    with pytest.raises(UsageError, match="'Pro' holds no image"):
        find_labelled_images(folder)
    dataset(tmp_path, {"pro-b": 1})
    with pytest.raises(UsageError, match="both folders of Pro-B"):
        find_labelled_images(folder)


@pytest.mark.parametrize(("name", "message"), [("absent", "no folder"), ("", "no labelled images")])
def test_a_folder_without_labelled_images_is_refused(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        find_labelled_images(tmp_path / name)


def test_a_table_of_groups_survives_writing_and_reading(tmp_path: Path) -> None:
    rows = [GroupRow("Pro/a, b.png", 0, "Pro-1"), GroupRow("[Malignant] Pre-B/ü.png", 12, "")]
    write_groups(tmp_path / "t.csv", rows)
    assert list(read_groups(tmp_path / "t.csv").values()) == rows


def test_the_dataset_at_hand(data_dir: Path) -> None:
    images = find_labelled_images(data_dir / "taleqani-all")
    assert [sum(i.label == c for i in images) for c in range(4)] == [403, 788, 770, 644]
    assert all(i.cluster and i.overlap_group is not None for i in images)
