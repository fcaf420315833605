"""Pictures of a classification report: confusion matrix, ROC and precision-recall curves, reliability."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PIL import Image, ImageDraw

from napari_all.classes import SUBTYPES, ClassScheme
from napari_all.evaluation.chart import Bar, Chart, Line, draw_chart, font, text_width, vertical_text
from napari_all.evaluation.classification import ClassificationReport
from napari_all.evaluation.classification_curves import Curve

_CELL_PX = 116
_DIAGONAL = "#888888"
_DARK_BLUE = (8, 69, 148)


def draw_confusion(report: ClassificationReport) -> Image.Image:
    """Draw the confusion matrix: images, and their share of the true class, which the blue shows too."""
    names, count = report.classes, len(report.classes)
    left, top = 64 + max(text_width(name) for name in names), 88
    picture = Image.new("RGB", (left + count * _CELL_PX + 24, top + count * _CELL_PX + 24), "white")
    draw = ImageDraw.Draw(picture)
    draw.text((16, 12), f"Confusion matrix, {report.accuracy.images} images", fill="black", font=font(19))
    draw.text((left + count * _CELL_PX / 2, 42), "predicted subtype", fill="black", font=font(), anchor="ma")
    vertical_text(picture, "true subtype", 12, top + count * _CELL_PX // 2)
    for i, row in enumerate(report.confusion):
        draw.text((left - 10, top + (i + 0.5) * _CELL_PX), names[i], fill="black", font=font(), anchor="rm")
        draw.text((left + (i + 0.5) * _CELL_PX, 66), names[i], fill="black", font=font(), anchor="ma")
        for j, images in enumerate(row):
            _cell(draw, (left + j * _CELL_PX, top + i * _CELL_PX), images, images / sum(row) if sum(row) else 0.0)
    return picture


def draw_roc(report: ClassificationReport, scheme: ClassScheme = SUBTYPES) -> Image.Image:
    """Draw the ROC curve of each class against the rest."""
    lines = _class_lines(report, scheme, "roc", "area")
    lines.append(Line("by chance", [(0.0, 0.0), (1.0, 1.0)], _DIAGONAL, 2))
    return draw_chart(
        Chart("ROC, each class against the rest", "false positive rate", "true positive rate (recall)", lines)
    )


def draw_precision_recall(report: ClassificationReport, scheme: ClassScheme = SUBTYPES) -> Image.Image:
    """Draw the precision-recall curve of each class against the rest."""
    lines = _class_lines(report, scheme, "precision_recall", "AP")
    return draw_chart(Chart("Precision and recall, each class against the rest", "recall", "precision", lines))


def draw_reliability(report: ClassificationReport) -> Image.Image:
    """Draw accuracy against confidence over the bins; on the diagonal probabilities mean what they say."""
    bins = [b for b in report.calibration.bins if b.images and b.accuracy is not None and b.confidence is not None]
    bars = [Bar(b.low, b.high, b.accuracy or 0.0, "#9ecae1") for b in bins]
    lines = [
        Line("perfect calibration", [(0.0, 0.0), (1.0, 1.0)], _DIAGONAL, 2),
        Line("measured", [(b.confidence or 0.0, b.accuracy or 0.0) for b in bins], "#d55e00", marked=True),
    ]
    error = report.calibration.expected_calibration_error
    notes = [
        f"calibration error {error:.3f}",
        f"({len(report.calibration.bins)} bins of equal width)",
        "",
        "images by confidence:",
        *(f"{b.low:.2f} to {b.high:.2f}: {b.images}" for b in bins),
    ]
    return draw_chart(Chart("Reliability", "confidence (highest probability)", "accuracy", lines, bars, notes=notes))


FIGURES: dict[str, tuple[str, Callable[[ClassificationReport], Image.Image]]] = {
    "confusion.png": ("Confusion matrix", draw_confusion),
    "roc.png": ("ROC curves", draw_roc),
    "precision_recall.png": ("Precision-recall curves", draw_precision_recall),
    "reliability.png": ("Reliability: accuracy against confidence", draw_reliability),
}
"""File names of the figures, their titles and what draws them."""


def _class_lines(report: ClassificationReport, scheme: ClassScheme, curve: str, area: str) -> list[Line]:
    lines = []
    for k, found in enumerate(report.per_class):
        points: Curve | None = getattr(found, curve)
        if points is None:
            continue
        label = f"{found.name}, {area} {points.area:.3f}"
        lines.append(Line(label, list(zip(points.x, points.y, strict=True)), scheme.colour(found.name), k))
    return lines


def _cell(draw: ImageDraw.ImageDraw, corner: Sequence[int], images: int, share: float) -> None:
    x, y = corner
    fill = tuple(round(255 + share * (dark - 255)) for dark in _DARK_BLUE)
    ink = "white" if share > 0.5 else "black"
    draw.rectangle((x, y, x + _CELL_PX - 2, y + _CELL_PX - 2), fill=fill, outline=(200, 200, 200))
    centre = x + _CELL_PX / 2
    draw.text((centre, y + _CELL_PX / 2 - 13), str(images), fill=ink, font=font(22), anchor="mm")
    draw.text((centre, y + _CELL_PX / 2 + 15), f"{100 * share:.1f} %", fill=ink, font=font(15), anchor="mm")
