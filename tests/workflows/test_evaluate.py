"""Segmentations are measured by the stated rules, and the report says what was not measured."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_all.data.synthetic import SyntheticSmear
from napari_all.errors import FileExistsRefused, MaskError, UsageError
from napari_all.evaluation.masks import dice
from napari_all.io.masks import write_labels
from napari_all.io.sidecar import Sidecar
from napari_all.workflows.evaluate import evaluate_segmentation


def predict(folder: Path, stem: str, smear: SyntheticSmear, parts: str, shift: int = 0) -> None:
    """Write a prediction that is the truth moved by some pixels."""
    labels, classes = (np.roll(a, shift, axis=1) for a in (smear.labels, smear.classes))
    if parts == "nucleus":
        labels, classes = np.where(classes == 2, labels, 0), np.where(classes == 2, 2, 0).astype(np.uint8)
    elif parts == "cell":
        classes = np.where(labels > 0, 2, 0).astype(np.uint8)
    sidecar = Sidecar(image=f"{stem}.png", parts=parts, method="made up")
    write_labels(folder / f"{stem}_labels.tif", labels, sidecar, classes)


def truth_labels(folder: Path, stem: str, smear: SyntheticSmear) -> None:
    folder.mkdir(exist_ok=True)
    Image.fromarray(smear.labels.astype(np.uint16)).save(folder / f"{stem}.png")


def truth_classes(folder: Path, stem: str, smear: SyntheticSmear) -> None:
    folder.mkdir(exist_ok=True)
    Image.fromarray(smear.classes).save(folder / f"{stem}.png")


def test_fields_groups_and_overall(tmp_path: Path, field: SyntheticSmear) -> None:
    for stem, shift in (("A-1", 0), ("A-2", 2), ("B-1", 4)):
        predict(tmp_path / "p", stem, field, "cell", shift)
        truth_labels(tmp_path / "t", stem, field)
    report = evaluate_segmentation(tmp_path / "p", tmp_path / "t", tmp_path / "r")
    expected = [dice(np.roll(field.labels > 0, s, 1), field.labels > 0) for s in (0, 2, 4)]
    assert [f.dice for f in report.fields] == pytest.approx(expected)
    assert expected[0] == 1 > expected[1] > expected[2]
    assert report.overall.dice == pytest.approx(np.mean(expected))
    assert report.overall.dice_p5 == pytest.approx(np.percentile(expected, 5))
    assert [(g.group, g.fields) for g in report.groups] == [("A", 2), ("B", 1)]
    assert report.groups[0].dice == pytest.approx(np.mean(expected[:2]))
    assert report.overall.cells_f1 is not None
    assert report.overall.nucleus_dice is None
    assert report.overall.nucleus_cell_ratio_error is None
    assert report.methods == ["made up"]
    stored = json.loads((tmp_path / "r" / "report.json").read_text())
    assert stored["overall"]["dice"] == pytest.approx(np.mean(expected))
    text = (tmp_path / "r" / "report.md").read_text()
    assert text.index("| B-1 |") < text.index("| A-2 |") < text.index("| A-1 |"), "worst first"
    with Image.open(tmp_path / "r" / "worst_fields.png") as picture:
        colours = {c for _, c in picture.convert("RGB").getcolors(1 << 20)}
    assert {(220, 220, 220), (230, 159, 0), (86, 180, 233)} <= colours


def test_ignore_masks_apply_to_their_field(tmp_path: Path, field: SyntheticSmear) -> None:
    predict(tmp_path / "p", "A-1", field, "cell", 3)
    truth_labels(tmp_path / "t", "A-1", field)
    wrong = np.roll(field.labels > 0, 3, 1) != (field.labels > 0)
    (tmp_path / "i").mkdir()
    Image.fromarray(np.where(wrong, 255, 0).astype(np.uint8)).save(tmp_path / "i" / "A-1.png")
    plain = evaluate_segmentation(tmp_path / "p", tmp_path / "t", tmp_path / "r1")
    spared = evaluate_segmentation(tmp_path / "p", tmp_path / "t", tmp_path / "r2", ignore=tmp_path / "i")
    assert plain.overall.dice is not None
    assert plain.overall.dice < 1
    assert spared.overall.dice == 1


@pytest.mark.parametrize(
    ("parts", "whole", "nucleus"), [("nucleus+cytoplasm", True, True), ("cell", True, False), ("nucleus", False, True)]
)
def test_coded_truth_measures_what_the_prediction_parts(
    tmp_path: Path, field: SyntheticSmear, parts: str, whole: bool, nucleus: bool
) -> None:
    predict(tmp_path / "p", "d1-001", field, parts)
    truth_classes(tmp_path / "t", "d1-001", field)
    report = evaluate_segmentation(tmp_path / "p", tmp_path / "t", tmp_path / "r")
    assert report.overall.dice == (1 if whole else None)
    assert report.overall.nucleus_dice == (1 if nucleus else None)
    assert report.overall.nucleus_dice_p5 == (1 if nucleus else None)
    assert report.overall.nucleus_cell_ratio_error == (0 if whole and nucleus else None)
    assert report.overall.cells_f1 is None
    notes = " ".join(report.notes)
    assert ("Nucleus Dice was not measured" in notes) == (not nucleus)
    assert ("whole-cell Dice was not measured" in notes) == (not whole)
    assert "classes (0 background, 1 cytoplasm, 2 nucleus) (found by their values)" in notes


def test_a_nucleus_too_large_shows_in_the_ratio_and_the_table(tmp_path: Path, field: SyntheticSmear) -> None:
    all_nucleus = np.where(field.classes > 0, 2, 0).astype(np.uint8)
    sidecar = Sidecar(parts="nucleus+cytoplasm")
    for stem, classes in (("d1-001", all_nucleus), ("d1-002", field.classes), ("d1-003", field.classes * 0)):
        write_labels(tmp_path / "p" / f"{stem}_labels.tif", np.where(classes > 0, field.labels, 0), sidecar, classes)
        truth_classes(tmp_path / "t", stem, field)
    report = evaluate_segmentation(tmp_path / "p", tmp_path / "t", tmp_path / "r")
    ratio = (field.classes == 2).sum() / (field.classes > 0).sum()
    assert [f.nucleus_cell_ratio_error for f in report.fields] == pytest.approx([1 - ratio, 0, ratio])
    assert report.overall.nucleus_cell_ratio_error == pytest.approx(1 / 3)
    interval = report.overall.nucleus_cell_ratio_error_interval
    assert interval is not None
    assert interval[0] < 1 / 3 < interval[1]
    lines = (tmp_path / "r" / "report.md").read_text().splitlines()
    head = next(line for line in lines if line.startswith("| group"))
    row = next(line for line in lines if line.startswith("| all"))
    assert dict(zip(head.split("|"), row.split("|"), strict=True))[" nucleus/cell ratio error "].startswith(" 0.333 (")
    fields = [line.split("|")[1].strip() for line in lines if line.startswith("| d1-")]
    assert fields == ["d1-003", "d1-001", "d1-002"], "a missed cell is the worst"


def test_code_can_be_told(tmp_path: Path, field: SyntheticSmear) -> None:
    labels = np.where(field.labels <= 2, field.labels, 0)  # two cells look like classes
    write_labels(tmp_path / "p" / "a_labels.tif", labels, Sidecar(parts="cell"))
    (tmp_path / "t").mkdir()
    Image.fromarray(labels.astype(np.uint8)).save(tmp_path / "t" / "a.png")
    guessed = evaluate_segmentation(tmp_path / "p", tmp_path / "t", tmp_path / "r1")
    told = evaluate_segmentation(tmp_path / "p", tmp_path / "t", tmp_path / "r2", truth_code="labels")
    assert guessed.overall.cells_f1 is None
    assert told.overall.cells_f1 == 1


def test_our_own_labels_as_truth_part_nuclei(tmp_path: Path, field: SyntheticSmear) -> None:
    predict(tmp_path / "p" / "sub", "a", field, "nucleus+cytoplasm", 1)
    predict(tmp_path / "t" / "sub", "a", field, "nucleus+cytoplasm")
    report = evaluate_segmentation(tmp_path / "p", tmp_path / "t", tmp_path / "r")
    assert [f.image for f in report.fields] == ["sub/a"]
    assert report.overall.nucleus_dice == pytest.approx(dice(np.roll(field.classes == 2, 1, 1), field.classes == 2))
    assert report.overall.nucleus_cell_ratio_error == pytest.approx(0, abs=0.01)


def test_what_does_not_fit_is_refused(tmp_path: Path, field: SyntheticSmear) -> None:
    predict(tmp_path / "p", "a", field, "cell")
    truth_labels(tmp_path / "t", "a", field)
    truth_labels(tmp_path / "t", "b", field)
    with pytest.raises(UsageError, match=r"1 of 2 fields have no prediction.*b\.png"):
        evaluate_segmentation(tmp_path / "p", tmp_path / "t", tmp_path / "r")
    (tmp_path / "t" / "b.png").unlink()
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="no reference mask"):
        evaluate_segmentation(tmp_path / "p", tmp_path / "empty", tmp_path / "r")
    with pytest.raises(UsageError, match="belongs to a field"):
        evaluate_segmentation(tmp_path / "p", tmp_path / "t", tmp_path / "r", ignore=tmp_path / "empty")
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(tmp_path / "t" / "a.png")
    with pytest.raises(MaskError, match="same image"):
        evaluate_segmentation(tmp_path / "p", tmp_path / "t", tmp_path / "r")
    assert not (tmp_path / "r").exists()
    truth_labels(tmp_path / "t", "a", field)
    evaluate_segmentation(tmp_path / "p", tmp_path / "t", tmp_path / "r")
    with pytest.raises(FileExistsRefused, match="overwrite"):
        evaluate_segmentation(tmp_path / "p", tmp_path / "t", tmp_path / "r")
    evaluate_segmentation(tmp_path / "p", tmp_path / "t", tmp_path / "r", overwrite=True)


@pytest.mark.data
def test_reference_masks_against_themselves(data_dir: Path, tmp_path: Path) -> None:
    masks = data_dir / "reference-masks"
    for path in sorted((masks / "labels").glob("*.png")):
        labels = np.asarray(Image.open(path)).astype(np.int32)
        write_labels(tmp_path / "p" / f"{path.stem}_labels.tif", labels, Sidecar(parts="cell"))
    report = evaluate_segmentation(tmp_path / "p", masks / "labels", tmp_path / "r", ignore=masks / "ignore")
    assert report.overall.fields == 21
    assert report.overall.dice == 1
    assert report.overall.cells_f1 == 1
    assert [g.group for g in report.groups] == [
        "WBC-Benign", "WBC-Malignant-Early", "WBC-Malignant-Pre", "WBC-Malignant-Pro",
    ]  # fmt: skip
