"""A classification report as Markdown, for people."""

from __future__ import annotations

from napari_all.evaluation.classification import BenignMalignant, ClassificationReport, Interval, Share

_WORST = 10


def as_markdown(report: ClassificationReport) -> str:
    """Return the sections of a page (headings of the second level) that tells the measures in per cent."""
    sections = [_overall(report), _classes(report), _confusion(report)]
    if report.benign_malignant is not None:
        sections.append(_benign_malignant(report.benign_malignant))
    sections.append(_calibration(report))
    if report.group_errors:
        sections.append(_groups(report))
    return "\n\n".join("\n".join(lines) for lines in sections) + "\n"


def percent(value: float | None, interval: Interval | None = None) -> str:
    """Return a share in per cent with its interval, or a dash."""
    if value is None:
        return "–"
    return f"{100 * value:.1f}" + (f" ({100 * interval[0]:.1f}–{100 * interval[1]:.1f})" if interval else "")


def _overall(report: ClassificationReport) -> list[str]:
    accuracy = report.accuracy
    lines = ["## Overall", "", "| measure | per cent |", "|---|---|"]
    lines += [f"| accuracy ({accuracy.hits} of {accuracy.images} images) | {percent(accuracy.value)} |"]
    lines += [f"| Wilson 95 % interval, images taken for independent | {_range(accuracy.wilson_95)} |"]
    if report.groups is not None:
        told = f"95 % interval, whole groups drawn again ({report.groups} groups)"
        lines += [f"| {told} | {_range(report.accuracy_groups_95)} |"]
    for name, scores in (("macro", report.macro), ("weighted", report.weighted)):
        values = " / ".join(percent(v) for v in (scores.precision, scores.recall, scores.f1))
        lines += [f"| {name} precision / recall / F1 | {values} |"]
    lines += [f"| macro area under the ROC curves | {percent(report.roc_area_macro)} |"]
    lines += [f"| macro average precision | {percent(report.average_precision_macro)} |"]
    if report.accuracy_groups_95 is not None:
        lines += ["", "Images of one group resemble each other, so the interval over groups is the honest one."]
    return lines


def _classes(report: ClassificationReport) -> list[str]:
    lines = ["## By class", "", "| true subtype | images | precision | recall (Wilson 95 %) | F1 | ROC area | AP |"]
    lines += ["|---|---|---|---|---|---|---|"]
    for c in report.per_class:
        areas = (percent(curve.area if curve else None) for curve in (c.roc, c.precision_recall))
        values = (percent(c.precision), percent(c.recall, c.recall_wilson_95), percent(c.f1), *areas)
        lines += [f"| {c.name} | {c.images} | {' | '.join(values)} |"]
    return lines


def _confusion(report: ClassificationReport) -> list[str]:
    lines = ["## True by predicted subtype", "", f"| true | {' | '.join(report.classes)} |"]
    lines += ["|---" * (len(report.classes) + 1) + "|"]
    lines += [
        f"| {name} | {' | '.join(str(n) for n in row)} |"
        for name, row in zip(report.classes, report.confusion, strict=True)
    ]
    return lines


def _benign_malignant(found: BenignMalignant) -> list[str]:
    lines = ["## Benign against the three malignant subtypes", "", "| measure | per cent (Wilson 95 %) | images |"]
    lines += ["|---|---|---|"]
    shares: tuple[tuple[str, Share], ...] = (
        ("accuracy", found.accuracy),
        ("malignant images predicted malignant (sensitivity)", found.sensitivity),
        ("benign images predicted benign (specificity)", found.specificity),
    )
    lines += [f"| {name} | {percent(s.value, s.wilson_95)} | {s.hits} of {s.images} |" for name, s in shares]
    return [*lines, f"| area under the ROC curve | {percent(found.roc_area)} | |"]


def _calibration(report: ClassificationReport) -> list[str]:
    found = report.calibration
    lines = ["## Do the probabilities mean what they say?", ""]
    lines += [
        f"Expected calibration error {100 * found.expected_calibration_error:.1f} % "
        f"({len(found.bins)} bins of equal width).",
        "",
        "| confidence | images | mean confidence | accuracy |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {b.low:.2f}–{b.high:.2f} | {b.images} | {percent(b.confidence)} | {percent(b.accuracy)} |"
        for b in found.bins
        if b.images
    ]
    return lines


def _groups(report: ClassificationReport) -> list[str]:
    lines = ["## Groups with most errors", "", "| group | wrong | images |", "|---|---|---|"]
    return lines + [f"| {g.group} | {g.wrong} | {g.images} |" for g in report.group_errors[:_WORST]]


def _range(interval: Interval | None) -> str:
    return "–" if interval is None else f"{100 * interval[0]:.1f}–{100 * interval[1]:.1f}"
