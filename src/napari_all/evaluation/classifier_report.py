"""The report of a classifier measured on labelled images: measures, status, and what they are worth."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from napari_all import __version__
from napari_all.config import Settings
from napari_all.evaluation.classification import ClassificationReport, Share
from napari_all.evaluation.classification_figures import FIGURES
from napari_all.evaluation.classification_page import as_markdown, percent
from napari_all.types import Status


class StatusShare(Settings):
    """Images of one status, and how many of them are right."""

    status: Status
    images: int
    right: Share


class ClassifierReport(Settings):
    """`report.json` of `evaluate classifier`."""

    schema_version: Literal[1] = Field(1, description="Version of this file's layout")
    software: str = Field(default_factory=lambda: f"napari-all {__version__}", description="Program that measured")
    model: str = Field(description="Name of the model")
    model_sha256: str = Field(description="SHA-256 of the model's weights")
    device: str = Field(description="Device the network ran on")
    split: str | None = Field(None, description="Name of the split; null = all images of the folder")
    split_fingerprint: str | None = Field(None, description="SHA-256 of the split's keys and parts")
    part: str | None = Field(None, description="Part of the split that was measured")
    cautions: list[str] = Field(default_factory=list, description="Why the figures may be worth less than they seem")
    notes: list[str] = Field(default_factory=list, description="What else to know")
    failed: dict[str, str] = Field(default_factory=dict, description="Images that could not be measured, and why")
    status: list[StatusShare] = Field(description="How far to trust which images, by the model's own rule")
    measures: ClassificationReport


def as_page(report: ClassifierReport) -> str:
    """Return the report as a page of Markdown that shows the figures beside it."""
    measured = f"the part '{report.part}' of the split '{report.split}'" if report.split else "all images of the folder"
    lines = ["# Predicted subtypes against the true ones", ""]
    lines += [f"Model `{report.model}` (weights {report.model_sha256[:12]}) on {measured}. {report.software}.", ""]
    if report.cautions:
        lines += ["## Read this first", "", *(f"- **{caution}**" for caution in report.cautions), ""]
    lines += [*(f"- {note}" for note in report.notes), ""] if report.notes else []
    lines += [
        as_markdown(report.measures),
        "## By status",
        "",
        "| status | images | right, per cent |",
        "|---|---|---|",
    ]
    lines += [f"| {s.status} | {s.images} | {percent(s.right.value, s.right.wilson_95)} |" for s in report.status]
    lines += ["", "## Figures", "", *(f"![{title}]({file})\n" for file, (title, _) in FIGURES.items())]
    if report.failed:
        lines += ["## Images that could not be measured", ""]
        lines += [*(f"- {name}: {why}" for name, why in report.failed.items()), ""]
    return "\n".join([*lines, "For research use only. Not for use in diagnostic procedures.", ""])
