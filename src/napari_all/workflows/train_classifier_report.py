"""What the training of a classifier achieved: measures of every part, tables, pictures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PIL import Image
from pydantic import Field

from napari_all.classes import SUBTYPES
from napari_all.config import Settings
from napari_all.evaluation.classification import ClassificationReport, Share, measure_classification, share
from napari_all.evaluation.classification_figures import (
    draw_confusion,
    draw_precision_recall,
    draw_reliability,
    draw_roc,
)
from napari_all.evaluation.classification_page import as_markdown as measures_page
from napari_all.evaluation.classification_page import percent
from napari_all.files import atomic_path
from napari_all.io.tables import write_table
from napari_all.workflows.audit_cheap import CheapAudit
from napari_all.workflows.train_classifier_data import ClassifierDataSummary, ShownPart
from napari_all.workflows.train_classifier_judge import Judged, Judgement

PREDICTIONS, CURVES_PICTURE = "predictions.csv", "curves.png"
PICTURES = {
    "confusion.png": draw_confusion,
    "roc.png": draw_roc,
    "precision_recall.png": draw_precision_recall,
    "reliability.png": draw_reliability,
}
COLUMNS = (
    "image", "part", "true", "predicted", "status", "confidence", *(f"p_{key}" for key in SUBTYPES.keys),
    "unfamiliarity",
)  # fmt: skip


class StatusShare(Settings):
    """The images of one status."""

    of_all: Share = Field(description="How many of the part's images have the status")
    right: Share = Field(description="How many of these are predicted right")


class PartReport(Settings):
    """Measures of one part of the split."""

    measures: ClassificationReport
    status: dict[str, StatusShare]


class TrainClassifierReport(Settings):
    """What came out of a training."""

    schema_version: int = 1
    model: str
    checkpoint: str
    epoch: int = Field(description="Whose weights were kept, from 1")
    cancelled: bool
    curves: dict[str, float] = Field(description="That epoch's figures on the validation images")
    data: ClassifierDataSummary
    data_fingerprint: str
    judgement: Judgement
    train_accuracy: Share = Field(description="Of the training images, unchanged, after the training")
    validation: PartReport
    test: PartReport | None = None
    audit: CheapAudit | None = None

    def lines(self) -> list[str]:
        """Return the result as lines of text."""
        said = [f"weights of epoch {self.epoch}; accuracy in per cent (Wilson 95 % interval):"]
        said.append(f"  training: {percent(self.train_accuracy.value, self.train_accuracy.wilson_95)}")
        for name, part in (("validation", self.validation), ("test", self.test)):
            if part is not None:
                found, groups = part.measures.accuracy, part.measures.accuracy_groups_95
                drawn = f"; whole groups drawn again {_range(groups)}" if groups else ""
                said.append(f"  {name}: {percent(found.value, found.wilson_95)} of {found.images} images{drawn}")
        if self.audit is not None:
            said.append(self.audit.verdict)
        if self.cancelled:
            said.append("stopped early at the user's wish; the best epoch was kept")
        return said


def measure_part(part: ShownPart, judged: Judged) -> PartReport:
    """Measure what was predicted of a part."""
    groups = list(part.groups) if all(part.groups) else None
    measures = measure_classification(part.labels, judged.probabilities, groups)
    right = judged.predicted == part.labels
    status = {}
    for name in ("confident", "review", "unfamiliar"):
        chosen = [s == name for s in judged.status]
        hits = sum(bool(r) for r, c in zip(right, chosen, strict=True) if c)
        status[name] = StatusShare(of_all=share(sum(chosen), len(part)), right=share(hits, sum(chosen)))
    return PartReport(measures=measures, status=status)


def write_predictions(path: Path, parts: Mapping[str, tuple[ShownPart, Judged]]) -> None:
    """Write one row per image of the validation and the test part."""
    rows = []
    for name, (part, judged) in parts.items():
        for i, image in enumerate(part.images):
            rows.append(
                {
                    "image": image.key,
                    "part": name,
                    "true": SUBTYPES.names[image.label],
                    "predicted": SUBTYPES.names[judged.predicted[i]],
                    "status": judged.status[i],
                    "confidence": round(float(judged.probabilities[i].max()), 6),
                    **{
                        f"p_{key}": round(float(p), 6)
                        for key, p in zip(SUBTYPES.keys, judged.probabilities[i], strict=True)
                    },
                    "unfamiliarity": round(float(judged.unfamiliarity[i]), 4),
                }
            )
    write_table(path, COLUMNS, rows)


def write_pictures(output: Path, report: TrainClassifierReport) -> None:
    """Draw the figures of the test part, or of the validation part where there is none."""
    measures = (report.test or report.validation).measures
    for name, draw in PICTURES.items():
        save_picture(output / name, draw(measures))


def save_picture(path: Path, picture: Image.Image) -> None:
    """Write a picture as PNG, whole or not at all."""
    with atomic_path(path) as temporary:
        picture.save(temporary, format="PNG")


def as_markdown(report: TrainClassifierReport) -> str:
    """Return the report as a page."""
    text = [f"# Training of {report.model}", "", "For research use only: the network gives a *predicted subtype*.", ""]
    text += [f"- {line}" for line in report.data.lines()]
    text += [
        "",
        f"Weights of epoch {report.epoch}. The validation images chose the epoch, the temperature of the probabilities "
        "and the thresholds of the status, so only a test part is a fair measure.",
        "",
        "| part | images | accuracy, % (Wilson 95 %) | groups drawn again, 95 % | macro F1 | calibration error |",
        "|---|---|---|---|---|---|",
    ]
    trained = report.train_accuracy
    text.append(f"| training | {trained.images} | {percent(trained.value, trained.wilson_95)} | | | |")
    parts = {"validation": report.validation} | ({"test": report.test} if report.test else {})
    text += [_row(name, part.measures) for name, part in parts.items()]
    name, last = list(parts.items())[-1]
    text += ["", f"![curves over epochs]({CURVES_PICTURE})", "", f"What follows is of the {name} part.", ""]
    text += ["| status | images | share, % | of these right, % |", "|---|---|---|---|"]
    for status, found in last.status.items():
        text.append(
            f"| {status} | {found.of_all.hits} | {percent(found.of_all.value)} | {percent(found.right.value)} |"
        )
    text += ["", measures_page(last.measures)]
    text += [f"![{Path(file).stem.replace('_', ' ')}]({file})" for file in PICTURES]
    text += ["", *(report.audit.markdown() if report.audit else [])]
    return "\n".join([*text, "For research use only. Not for use in diagnostic procedures.", ""])


def _row(name: str, found: ClassificationReport) -> str:
    groups = "–" if found.accuracy_groups_95 is None else _range(found.accuracy_groups_95)
    error = percent(found.calibration.expected_calibration_error)
    accuracy = percent(found.accuracy.value, found.accuracy.wilson_95)
    return f"| {name} | {found.accuracy.images} | {accuracy} | {groups} | {percent(found.macro.f1)} | {error} |"


def _range(interval: tuple[float, float]) -> str:
    return f"{100 * interval[0]:.1f}–{100 * interval[1]:.1f}"
