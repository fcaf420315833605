"""The report of a measured segmentation: per field, per group, overall, as JSON and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from napari_all import __version__
from napari_all.config import Settings
from napari_all.evaluation.intervals import bootstrap_mean, fifth_percentile
from napari_all.evaluation.masks import CellCounts
from napari_all.types import Parts


class FieldScore(Settings):
    """Scores of one field; null where the field cannot be measured so."""

    image: str = Field(description="POSIX name of the field, without its ending")
    group: str = Field(description="Class or set, from the name or the sub-folder")
    parts: Parts | None = Field(None, description="What the prediction's classes map parts; null = unknown")
    dice: float | None = Field(None, description="Dice of the whole cells (foreground against foreground)")
    nucleus_dice: float | None = Field(None, description="Dice of the nuclei")
    nucleus_cell_ratio_error: float | None = Field(
        None, description="Absolute error of nucleus area / cell area, both summed over the field"
    )
    hits: int | None = Field(None, description="Cells found at IoU 0.5 or more")
    missed: int | None = Field(None, description="Reference cells not found")
    false: int | None = Field(None, description="Predicted cells that are none")

    @property
    def counts(self) -> CellCounts | None:
        """The counts as one value, or None."""
        if self.hits is None or self.missed is None or self.false is None:
            return None
        return CellCounts(self.hits, self.missed, self.false)


class Summary(Settings):
    """Means over the fields of a group; F1 from the summed counts."""

    group: str = Field(description="Name of the group, or 'all'")
    fields: int = Field(description="Number of fields")
    dice: float | None = Field(None, description="Mean Dice of the whole cells")
    dice_interval: tuple[float, float] | None = Field(None, description="95 % bootstrap interval over fields")
    dice_p5: float | None = Field(None, description="5th percentile of the whole cells' Dice: one field in 20 is worse")
    nucleus_dice: float | None = Field(None, description="Mean Dice of the nuclei")
    nucleus_dice_interval: tuple[float, float] | None = Field(None, description="The same for the nuclei")
    nucleus_dice_p5: float | None = Field(None, description="5th percentile of the nuclei's Dice")
    nucleus_cell_ratio_error: float | None = Field(None, description="Mean absolute error of nucleus area / cell area")
    nucleus_cell_ratio_error_interval: tuple[float, float] | None = Field(None, description="The same for the ratio")
    cells_f1: float | None = Field(None, description="F1 of cells, from counts summed over fields")
    cells_precision: float | None = Field(None, description="Share of predicted cells that are cells")
    cells_recall: float | None = Field(None, description="Share of reference cells found")


class SegmentationReport(Settings):
    """`report.json` of `evaluate segmentation`."""

    schema_version: Literal[1] = Field(1, description="Version of this file's layout")
    software: str = Field(default_factory=lambda: f"napari-all {__version__}", description="Program that measured")
    methods: list[str] = Field(default_factory=list, description="Methods and models of the predictions")
    notes: list[str] = Field(default_factory=list, description="What was left out, and why")
    overall: Summary
    groups: list[Summary] = Field(default_factory=list)
    fields: list[FieldScore] = Field(default_factory=list)


def summarise(group: str, fields: Sequence[FieldScore]) -> Summary:
    """Return the means of some fields."""
    whole = [f.dice for f in fields if f.dice is not None]
    nuclei = [f.nucleus_dice for f in fields if f.nucleus_dice is not None]
    ratios = [f.nucleus_cell_ratio_error for f in fields if f.nucleus_cell_ratio_error is not None]
    counts = [c for f in fields if (c := f.counts) is not None]
    total = sum(counts, CellCounts())
    return Summary(
        group=group,
        fields=len(fields),
        dice=_mean(whole),
        dice_interval=_interval(whole),
        dice_p5=fifth_percentile(whole) if whole else None,
        nucleus_dice=_mean(nuclei),
        nucleus_dice_interval=_interval(nuclei),
        nucleus_dice_p5=fifth_percentile(nuclei) if nuclei else None,
        nucleus_cell_ratio_error=_mean(ratios),
        nucleus_cell_ratio_error_interval=_interval(ratios),
        cells_f1=total.f1 if counts else None,
        cells_precision=total.precision if counts else None,
        cells_recall=total.recall if counts else None,
    )


def make_report(fields: Sequence[FieldScore], methods: Sequence[str], notes: Sequence[str]) -> SegmentationReport:
    """Return the report of at least one measured field."""
    names = sorted({f.group for f in fields})
    return SegmentationReport(
        methods=list(methods),
        notes=list(notes),
        overall=summarise("all", fields),
        groups=[summarise(name, [f for f in fields if f.group == name]) for name in names],
        fields=list(fields),
    )


def as_markdown(report: SegmentationReport) -> str:
    """Return the report as a page of Markdown."""
    lines = ["# Segmentation against reference masks", ""]
    lines += [f"Predictions: {', '.join(report.methods) or 'of unknown origin'}. Measured by {report.software}.", ""]
    lines += [
        "| group | fields | Dice (95 % interval) | 5th percentile | nucleus Dice (95 % interval) | 5th percentile "
        "| nucleus/cell ratio error | cells F1 | precision | recall |"
    ]
    lines += ["|---|---|---|---|---|---|---|---|---|---|"]
    lines += [_summary_row(s) for s in (*report.groups, report.overall)]
    lines += ["", *(f"- {note}" for note in report.notes), "", "## Fields, worst first", ""]
    lines += ["| field | Dice | nucleus Dice | nucleus/cell ratio error | hits | missed | false |"]
    lines += ["|---|---|---|---|---|---|---|"]
    lines += [_field_row(f) for f in worst_first(report.fields)]
    lines += ["", "For research use only. Not for use in diagnostic procedures.", ""]
    return "\n".join(lines)


def worst_first(fields: Sequence[FieldScore]) -> list[FieldScore]:
    """Return the fields by their lowest Dice."""
    return sorted(fields, key=lambda f: min((d for d in (f.dice, f.nucleus_dice) if d is not None), default=1.0))


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _interval(values: Sequence[float]) -> tuple[float, float] | None:
    return bootstrap_mean(values) if len(values) > 1 else None


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _with_interval(value: float | None, interval: tuple[float, float] | None) -> str:
    return _number(value) + (f" ({interval[0]:.3f}–{interval[1]:.3f})" if interval else "")


def _summary_row(s: Summary) -> str:
    columns = (
        _with_interval(s.dice, s.dice_interval),
        _number(s.dice_p5),
        _with_interval(s.nucleus_dice, s.nucleus_dice_interval),
        _number(s.nucleus_dice_p5),
        _with_interval(s.nucleus_cell_ratio_error, s.nucleus_cell_ratio_error_interval),
        *(_number(c) for c in (s.cells_f1, s.cells_precision, s.cells_recall)),
    )
    return f"| {s.group} | {s.fields} | {' | '.join(columns)} |"


def _field_row(f: FieldScore) -> str:
    scores = (_number(v) for v in (f.dice, f.nucleus_dice, f.nucleus_cell_ratio_error))
    counts = ("–" if c is None else str(c) for c in (f.hits, f.missed, f.false))
    return f"| {f.image} | {' | '.join((*scores, *counts))} |"
