"""The audit as a page of Markdown, and the same as one HTML file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from napari_all.evaluation.audit_figures import SPLIT_WORDS
from napari_all.evaluation.audit_report import SAME_CLASS, AuditReport, BackgroundChange, ModelAudit, Share
from napari_all.evaluation.audit_verdict import MOST_BY_BACKGROUND, MOST_BY_BAR, OTHER_CLASS
from napari_all.evaluation.quality import FLAGS

_ONE = "For research use only. Not for use in diagnostic procedures."


def as_markdown(report: AuditReport, pictures: Sequence[str] = ()) -> str:
    """Return the page; `pictures` are the names of the figures that lie beside it."""
    counts = ", ".join(f"{name} {count}" for name, count in report.classes.items())
    lines = ["# Shortcut audit", "", "## Verdict", "", *(f"- {line}" for line in report.verdict), ""]
    lines += [f"{report.images} images ({counts}). Measured by {report.software}. {_ONE}", ""]
    lines += _shortcuts(report, pictures)
    if report.model is not None:
        lines += _model(report.model, pictures)
    lines += _overlap(report)
    lines += _quality(report)
    if report.notes or report.failed:
        lines += ["## Left out", "", *(f"- {note}" for note in report.notes)]
        lines += [*(f"- {f.image}: {f.error}" for f in report.failed), ""]
    return "\n".join(lines)


def _shortcuts(report: AuditReport, pictures: Sequence[str]) -> Iterator[str]:
    if not report.shortcuts:
        return
    splits = [split for split in SPLIT_WORDS if any(s.split == split for s in report.shortcuts)]
    chance = max(s.chance for s in report.shortcuts)
    yield from ("## What tells the class", "")
    yield (
        "A quick classifier (extremely randomised trees) that sees one thing only. Right answers in per cent, with "
        f"the Wilson 95 % interval; always naming the most frequent class gives {_percent(chance)}. What does not see "
        "white cells (*) should tell nothing."
    )
    yield ""
    if "shortcuts.png" in pictures:
        yield from ("![Right answers by what is seen](shortcuts.png)", "")
    yield f"| seen | {' | '.join(SPLIT_WORDS[split] for split in splits)} |"
    yield "|---" * (1 + len(splits)) + "|"
    for name in dict.fromkeys(s.descriptor for s in report.shortcuts):
        found = {s.split: s for s in report.shortcuts if s.descriptor == name}
        one = next(iter(found.values()))
        cells = [
            f"{_percent(s.accuracy)} ({_interval(s.interval)})" if (s := found.get(split)) else "–" for split in splits
        ]
        yield f"| {one.title}{'' if one.sees_cells else ' *'} | {' | '.join(cells)} |"
    yield ""
    yield (
        "Random split: five stratified folds. Blocks: five contiguous parts of the file order of each class. Whole "
        "groups: appearance clusters, or a table's own groups, are held out whole, and what overlaps a tested image is "
        "not learned from. The intervals take images for independent, which those of one session are not."
    )
    yield ""


def _model(model: ModelAudit, pictures: Sequence[str]) -> Iterator[str]:
    yield from (f"## The model {model.model}", "", *_shares("right answers", model.accuracy))
    yield (
        f"What follows was tried on {model.sample} images, drawn from every class and its clusters in turn"
        f"{', of the test part' if any(s.what == 'test' for s in model.accuracy) else ''}."
    )
    yield from ("", "### Scale bar", "")
    yield f"Changed predictions; at most {_percent(MOST_BY_BAR)} % may change. An added bar takes the place of its own."
    yield from ("", *_shares("the scale bar is", model.bars))
    yield from _backgrounds(model.backgrounds, pictures)
    yield from ("### Parts of the picture blanked", "")
    yield (
        "Right answers. Such pictures are new to the model, so a low figure does not prove that it needs what is "
        "missing; a high one without white cells proves that it does not need them."
    )
    yield from ("", *_shares("shown", model.blanked))


def _backgrounds(changes: Sequence[BackgroundChange], pictures: Sequence[str]) -> Iterator[str]:
    if not changes:
        return
    yield from ("### Background", "")
    yield (
        "White cells with a soft rim of 3 px on the background of another image, whose own cells were filled with "
        "pieces of it. Changed predictions, and how many of these then name the class that the background is of; at "
        f"most {_percent(MOST_BY_BACKGROUND)} % may change. The same class is the control: what pasting alone changes. "
        "Relit: the cells' colours follow the ratio of the two bright backgrounds."
    )
    yield from ("", "| background of | cells | composites | changed, % | 95 % interval | to the background's class |")
    yield "|---|---|---|---|---|---|"
    words = {OTHER_CLASS: "another class, all", SAME_CLASS: "the same class"}
    for c in changes:
        yield (
            f"| {words.get(c.origin, c.origin)} | {c.light} | {c.images} | {_percent(c.share)} "
            f"| {_interval(c.interval)} | {'–' if c.origin == SAME_CLASS else c.towards} |"
        )
    yield ""
    if "composites.png" in pictures:
        yield "Composites, as far as there are any those first whose prediction changed:"
        yield from ("", "![Image, background of, composite](composites.png)", "")


def _overlap(report: AuditReport) -> Iterator[str]:
    overlap = report.overlap
    where = {"table": "from the table given", "computed": "found by this program; see overlap_groups.csv"}
    yield from ("## Overlap", "")
    yield (
        f"{overlap.images} images show a field, or part of one, that another shows too, in {overlap.groups} groups; "
        f"{overlap.clusters} clusters or groups of one look ({where.get(overlap.source, 'not known')})."
    )
    yield from ("", *_shares("tested images that overlap one learned from, by split", overlap.leaks))


def _quality(report: AuditReport) -> Iterator[str]:
    names = list(report.classes)
    yield from ("## Quality of the images", "", "Measures of every image are in `quality.csv`.", "")
    yield f"| what | images | {' | '.join(names)} | meaning | such as |"
    yield "|---" * (4 + len(names)) + "|"
    for q in report.quality:
        by_class = " | ".join(str(q.by_class[name]) for name in names)
        yield f"| {q.flag} | {q.images} | {by_class} | {FLAGS[q.flag]} | {', '.join(q.examples) or '–'} |"
    yield ""
    limits = report.limits.model_dump()
    yield f"Limits: {', '.join(f'{name} {value:g}' for name, value in limits.items())}."
    yield ""


def _shares(what: str, shares: Sequence[Share]) -> Iterator[str]:
    if not shares:
        return
    yield f"| {what} | images | of these | % | 95 % interval |"
    yield "|---|---|---|---|---|"
    for s in shares:
        yield f"| {s.what} | {s.images} | {s.count} | {_percent(s.share)} | {_interval(s.interval)} |"
    yield ""


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _interval(interval: tuple[float, float]) -> str:
    return f"{_percent(interval[0])}–{_percent(interval[1])}"
