"""Measure segmentations against reference masks: `report.json`, `report.md` and a picture of the worst fields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from napari_all.classes import NUCLEUS
from napari_all.errors import FileExistsRefused, UsageError
from napari_all.evaluation.masks import count_cells, dice, nucleus_cell_ratio_error
from napari_all.evaluation.picture import difference, sheet
from napari_all.evaluation.report import FieldScore, SegmentationReport, as_markdown, make_report, worst_first
from napari_all.files import atomic_path, write_bytes, write_json
from napari_all.io.inputs import InputImage
from napari_all.io.masks import LabelsFile, read_labels, read_plane
from napari_all.io.pairing import mask_of
from napari_all.monitor import Monitor, NullMonitor
from napari_all.types import BoolMask, ClassesMap, LabelImage, Parts, RGBImage

TruthCode = Literal["auto", "labels", "classes"]
REPORT_FILES = ("report.json", "report.md", "worst_fields.png")

_TRUTH_SUFFIXES = (".png", ".tif", ".tiff", ".bmp")
_STEM_ENDINGS = ("_labels", "_classes", "_mask")
_PICTURED = 6


@dataclass(frozen=True)
class _Field:
    name: InputImage
    prediction: Path
    ignore: Path | None


def evaluate_segmentation(
    predictions: Path,
    truth: Path,
    output: Path,
    *,
    ignore: Path | None = None,
    truth_code: TruthCode = "auto",
    overwrite: bool = False,
    monitor: Monitor | None = None,
) -> SegmentationReport:
    """Measure every field that has a reference mask and write the report.

    Parameters
    ----------
    predictions
        Folder with `<stem>_labels.tif` as `segment` writes them, or label images of another program.
    truth
        Folder with one reference mask per field, same stems and sub-folders.
    output
        Folder for `report.json`, `report.md` and `worst_fields.png`.
    ignore
        Folder with masks of pixels to leave out (> 0), for the fields that have any.
    truth_code
        "labels" = instances, "classes" = 0 background, 1 cytoplasm, 2 nucleus; "auto" takes classes when no
        reference mask of the folder holds a value above 2, and the report says which was taken.

    Raises
    ------
    UsageError
        A folder is missing or empty, a field has no prediction, or two files could be meant.
    MaskError
        A mask cannot be read, or does not fit its prediction.
    FileExistsRefused
        A report is there and `overwrite` is False.
    """
    watch = monitor or NullMonitor()
    existing = [name for name in REPORT_FILES if (output / name).exists()]
    if existing and not overwrite:
        raise FileExistsRefused(f"{output.name} already holds {existing[0]}; give --overwrite to replace it")
    fields = _find_fields(predictions, truth, ignore)
    code = truth_code if truth_code != "auto" else _guess_code(fields)
    scores: list[FieldScore] = []
    methods: set[str] = set()
    for number, field in enumerate(fields):
        watch.raise_if_cancelled()
        watch.report("fields", number, len(fields))
        predicted = read_labels(field.prediction)
        methods.add(_origin(predicted))
        scores.append(_score(field, predicted, code))
    watch.report("fields", len(fields), len(fields))
    report = make_report(scores, sorted(methods), _notes(scores, code, truth_code))
    worst = {f.image for f in worst_first(scores)[:_PICTURED]}
    pictures = [(f.name.stem, _picture(f, code)) for f in fields if f.name.stem in worst]
    with atomic_path(output / REPORT_FILES[2]) as path:
        Image.fromarray(sheet(pictures)).save(path, format="PNG")
    write_bytes(output / REPORT_FILES[1], as_markdown(report).encode())
    write_json(output / REPORT_FILES[0], report.model_dump(mode="json"))
    return report


def _find_fields(predictions: Path, truth: Path, ignore: Path | None) -> list[_Field]:
    for folder in (predictions, truth, *([ignore] if ignore else [])):
        if not folder.is_dir():
            raise UsageError(f"folder {folder.name!r} does not exist; give the folder that holds the masks")
    masks = sorted(p for p in truth.rglob("*") if p.suffix.lower() in _TRUTH_SUFFIXES)
    stems = {str(p.relative_to(truth).with_suffix("")) for p in masks}
    masks = [p for p in masks if not _is_map_of_labels(str(p.relative_to(truth).with_suffix("")), stems)]
    if not masks:
        raise UsageError(f"no reference mask in {truth.name!r}; give a folder of PNG or TIFF masks")
    names = [_field_name(p, truth) for p in masks]
    found = [(name, mask_of(name, predictions)) for name in names]
    missing = [name.name for name, prediction in found if prediction is None]
    if missing:
        raise UsageError(
            f"{len(missing)} of {len(names)} fields have no prediction in {predictions.name!r}: "
            f"{', '.join(missing[:5])}{' …' if len(missing) > 5 else ''}; segment them first, a mean without them "
            "would be of other fields"
        )
    ignored = [mask_of(name, ignore) if ignore else None for name in names]
    if ignore and not any(ignored):
        raise UsageError(f"no mask in {ignore.name!r} belongs to a field; its files need the fields' names")
    return [_Field(n, p, i) for (n, p), i in zip(found, ignored, strict=True) if p is not None]


def _is_map_of_labels(stem: str, stems: set[str]) -> bool:
    return stem.endswith("_classes") and stem.removesuffix("_classes") + "_labels" in stems


def _field_name(mask: Path, truth: Path) -> InputImage:
    relative = mask.relative_to(truth)
    stem = next((relative.stem.removesuffix(e) for e in _STEM_ENDINGS if relative.stem.endswith(e)), relative.stem)
    return InputImage(mask, relative.with_name(stem + relative.suffix).as_posix())


def _group(name: InputImage) -> str:
    """Return the sub-folder, or what stands before the last '-' of the name (WBC-Benign-019, d1-001)."""
    folder, _, file = name.stem.rpartition("/")
    return folder or file.rpartition("-")[0] or "all fields"


def _guess_code(fields: Sequence[_Field]) -> TruthCode:
    return "classes" if all(read_plane(f.name.path).max(initial=0) <= 2 for f in fields) else "labels"


def _ignored(field: _Field) -> BoolMask | None:
    return None if field.ignore is None else read_plane(field.ignore) > 0


def _score(field: _Field, predicted: LabelsFile, code: TruthCode) -> FieldScore:
    parts = predicted.sidecar.parts if predicted.sidecar else None
    ignore = _ignored(field)
    reference = read_labels(field.name.path)
    true_classes, true_parts = reference.classes, reference.sidecar.parts if reference.sidecar else None
    if code == "classes":
        true_classes, true_parts = reference.labels.astype(np.uint8), "nucleus+cytoplasm"
    scores: dict[str, float | int | None] = {}
    if code == "labels" or parts != "nucleus":
        scores["dice"] = dice(predicted.labels > 0, reference.labels > 0, ignore)
    if code == "labels":
        counts = count_cells(predicted.labels, reference.labels, ignore)
        scores |= {"hits": counts.hits, "missed": counts.missed, "false": counts.false}
    nuclei = _nuclei(predicted.labels, predicted.classes, parts)
    true_nuclei = _nuclei(reference.labels, true_classes, true_parts)
    if nuclei is not None and true_nuclei is not None:
        scores["nucleus_dice"] = dice(nuclei, true_nuclei, ignore)
        parted = parts == true_parts == "nucleus+cytoplasm"
        if parted and predicted.classes is not None and true_classes is not None:
            scores["nucleus_cell_ratio_error"] = nucleus_cell_ratio_error(predicted.classes, true_classes, ignore)
    return FieldScore(image=field.name.stem, group=_group(field.name), parts=parts, **scores)


def _nuclei(labels: LabelImage, classes: ClassesMap | None, parts: Parts | None) -> BoolMask | None:
    """Return the nuclei, or None where the masks do not part them."""
    if parts == "nucleus":
        return labels > 0
    return classes == NUCLEUS if parts == "nucleus+cytoplasm" and classes is not None else None


def _picture(field: _Field, code: TruthCode) -> RGBImage:
    predicted = read_labels(field.prediction)
    reference = read_plane(field.name.path)
    only_nuclei = code == "classes" and predicted.sidecar is not None and predicted.sidecar.parts == "nucleus"
    true = reference == NUCLEUS if only_nuclei else reference > 0
    return difference(predicted.labels > 0, np.asarray(true), _ignored(field))


def _origin(file: LabelsFile) -> str:
    if file.sidecar is None or file.sidecar.method is None:
        return "unknown"
    model = f" with {file.sidecar.model}" if file.sidecar.model else ""
    return file.sidecar.method + model + (", corrected" if file.sidecar.status == "corrected" else "")


def _notes(scores: Sequence[FieldScore], code: TruthCode, asked: TruthCode) -> list[str]:
    taken = "classes (0 background, 1 cytoplasm, 2 nucleus)" if code == "classes" else "labels of instances"
    notes = [f"Reference masks were read as {taken}{' (found by their values)' if asked == 'auto' else ''}."]
    unmeasured = sum(s.nucleus_dice is None for s in scores)
    if unmeasured:
        kinds = ", ".join(sorted({s.parts or "unknown" for s in scores if s.nucleus_dice is None}))
        reason = f"parts of the predictions: {kinds}" if code == "classes" else "reference masks do not part nuclei"
        notes.append(f"Nucleus Dice was not measured in {unmeasured} of {len(scores)} fields ({reason}).")
    if any(s.parts == "nucleus" for s in scores):
        notes.append(
            "Some predictions hold nuclei only: "
            + (
                "their whole-cell Dice was not measured."
                if code == "classes"
                else "Dice compares them with whole cells."
            )
        )
    if code == "classes":
        notes.append("Cells F1 was not measured: the reference masks do not tell cells apart.")
    return notes
