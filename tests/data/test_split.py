"""Dataset folders are recognised, and folds keep clusters and overlapping fields apart."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from napari_all.data.dataset import LabelledImage, find_labelled_images
from napari_all.data.split import grouped_folds, random_folds
from napari_all.errors import UsageError


def dataset(root: Path, classes: dict[str, int]) -> Path:
    for name, count in classes.items():
        (root / name).mkdir(parents=True)
        for i in range(count):
            Image.new("RGB", (8, 8), (i, 0, 0)).save(root / name / f"{i:02}.png")
    return root


def clustered() -> list[LabelledImage]:
    """Make 4 classes of 6 clusters of 10 images; neighbours across a cluster's end overlap."""
    return [
        LabelledImage(Path(f"{i}.png"), f"{i}.png", i // 60, f"cluster {i // 10}", (i + 1) // 2) for i in range(240)
    ]


@pytest.mark.parametrize("prefix", ["", "Original"])
def test_class_folders_and_their_aliases_are_recognised(tmp_path, prefix):
    folder = dataset(tmp_path / prefix, {"pro": 2, "Benign": 1, "[Malignant] early Pre-B": 3, "notes": 4})
    (folder / "pro" / "readme.txt").write_text("not an image")
    found = find_labelled_images(tmp_path)
    assert [image.label for image in found] == [0, 1, 1, 1, 3, 3]
    assert found[-1].key == "pro/01.png"


def test_segmented_pictures_beside_the_originals_are_left_out(tmp_path):
    dataset(tmp_path / "Original", {"Benign": 2})
    dataset(tmp_path / "Segmented", {"Benign": 2})
    assert [image.path.parts[-3] for image in find_labelled_images(tmp_path)] == ["Original", "Original"]


def test_groups_are_read_from_the_table_beside_the_images(tmp_path):
    dataset(tmp_path, {"Benign": 1, "Pro": 1})
    table = tmp_path / "overlap_groups.csv"
    table.write_text("class,file,overlap_group,appearance_cluster\nBenign,00.png,7,Benign-1\nPro,00.png,9,Pro-2\n")
    assert [(i.overlap_group, i.cluster) for i in find_labelled_images(tmp_path)] == [(7, "Benign-1"), (9, "Pro-2")]
    table.write_text("class,file,overlap_group,appearance_cluster\nBenign,00.png,7,Benign-1\n")
    with pytest.raises(UsageError, match=r"no row for 1 images \(Pro/00.png"):
        find_labelled_images(tmp_path)


@pytest.mark.parametrize(("name", "message"), [("absent", "no folder"), ("", "no labelled images")])
def test_a_folder_without_labelled_images_is_refused(tmp_path, name, message):
    with pytest.raises(UsageError, match=message):
        find_labelled_images(tmp_path / name)


def test_grouped_folds_share_no_cluster_and_train_on_nothing_that_overlaps():
    images = clustered()
    folds = grouped_folds(images)
    assert sorted(i for fold in folds for i in fold.test) == list(range(240))
    assert any(fold.dropped for fold in folds)
    for fold in folds:
        assert sorted(fold.train + fold.test + fold.dropped) == list(range(240))
        clusters, groups = ({getattr(images[i], k) for i in fold.test} for k in ("cluster", "overlap_group"))
        assert not any(images[i].cluster in clusters or images[i].overlap_group in groups for i in fold.train)
        assert all(images[i].overlap_group in groups for i in fold.dropped)


def test_random_folds_keep_the_share_of_every_class_and_are_repeatable():
    images = clustered()
    folds = random_folds(images)
    assert sorted(i for fold in folds for i in fold.test) == list(range(240))
    assert all([sum(images[i].label == c for i in fold.test) for c in range(4)] == [12] * 4 for fold in folds)
    assert folds == random_folds(images)


def test_grouped_folds_need_clusters():
    with pytest.raises(UsageError, match="appearance cluster for every image"):
        grouped_folds([LabelledImage(Path("a.png"), "a.png", 0)])
