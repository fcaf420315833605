"""Predicted subtypes as one HTML page that needs no other file: what `classify --report` and the widget write."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path

from napari_all.classes import SUBTYPES
from napari_all.errors import UsageError
from napari_all.files import write_bytes
from napari_all.types import Prediction
from napari_all.workflows.run_record import InputRecord, RunRecord
from napari_all.workflows.status_words import FAILED_SIGN, STATUS_TEXT, signed, sureness

RESEARCH_USE = "For research use only. Not for use in diagnostic procedures."
CAUTION = (
    "A predicted subtype is what a network makes of a picture, not a finding about a person. Stain and camera tell "
    "part of the answer, and by eye alone experts often disagree. Use it to sort images, not to decide."
)
SUFFIXES = (".html", ".htm")
_STYLE = """body{font:15px/1.5 sans-serif;max-width:80rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}
table{border-collapse:collapse;margin:1rem 0}td,th{border:1px solid #ccc;padding:.25rem .6rem;text-align:left}
th{background:#f3f3f3}td.n{text-align:right;font-variant-numeric:tabular-nums}img{display:block}
.use{border-left:4px solid #d55e00;padding-left:.8rem}code{word-break:break-all}tr{break-inside:avoid}"""
_BAR = "background:linear-gradient(90deg,{colour}55 {share:.1f}%,transparent {share:.1f}%)"


def check_report(path: Path) -> None:
    """Raise `UsageError` unless a path is one for a page."""
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"the report {path.name!r} must end with {' or '.join(SUFFIXES)}")


def write_report(path: Path, record: RunRecord, thumbnails: Mapping[str, bytes]) -> None:
    """Write the page of a run, whole or not at all.

    Parameters
    ----------
    record
        A run of `classify`; its predictions and failures are shown, least sure first.
    thumbnails
        JPEG by the image's name; an image without one has no picture.

    Raises
    ------
    UsageError
        The path does not end as a page's.
    SaveError
        The disk refuses.
    """
    check_report(path)
    write_bytes(path, as_html(record, thumbnails).encode())


def as_html(record: RunRecord, thumbnails: Mapping[str, bytes]) -> str:
    """Return the page; see `write_report`."""
    found = sorted(((entry, p) for entry in record.inputs if (p := entry.prediction)), key=lambda f: sureness(f[1]))
    body = [
        "<h1>Predicted subtypes</h1>",
        f'<p class="use"><strong>{RESEARCH_USE}</strong><br>{CAUTION}</p>',
        *_counts(record, [p for _, p in found]),
        *_table(found, thumbnails),
        *_failures(record.failed),
        *_how_made(record, [p for _, p in found]),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Predicted subtypes</title>'
        f"<style>{_STYLE}</style></head>\n<body>\n" + "\n".join(body) + "\n</body></html>\n"
    )


def _counts(record: RunRecord, found: Sequence[Prediction]) -> Iterator[str]:
    left = sum(entry.status == "not started" for entry in record.inputs)
    told = [f"{len(found)} of {len(record.inputs)} images have a prediction"]
    told += [f"{len(record.failed)} failed"] if record.failed else []
    told += [f"{left} were not looked at, because the run was stopped"] if left else []
    yield f"<p>{'; '.join(told)}.</p>"
    yield f"<table><tr><th>predicted subtype</th>{''.join(f'<th>{signed(s)}</th>' for s in STATUS_TEXT)}</tr>"
    for name in SUBTYPES.names:
        numbers = [sum(p.predicted == name and p.status == status for p in found) for status in STATUS_TEXT]
        yield f"<tr><td>{name}</td>{''.join(f'<td class=n>{number}</td>' for number in numbers)}</tr>"
    yield "</table>"
    yield f"<ul>{''.join(f'<li>{text}</li>' for text in STATUS_TEXT.values())}</ul>"


def _table(found: Sequence[tuple[InputRecord, Prediction]], thumbnails: Mapping[str, bytes]) -> Iterator[str]:
    if not found:
        return
    explained = any(entry.cam_in_cells is not None for entry, _ in found)
    heads = ["picture", "image", "predicted subtype", "status", *(f"{name}, %" for name in SUBTYPES.names)]
    heads += ["unfamiliarity", *(["Grad-CAM in white cells, %"] if explained else [])]
    yield "<h2>Images, least sure first</h2>"
    yield f"<table><tr>{''.join(f'<th>{head}</th>' for head in heads)}</tr>"
    for entry, prediction in found:
        cells = [
            f"<td>{_picture(thumbnails.get(entry.image), entry.image)}</td>",
            f"<td>{escape(entry.image)}</td>",
            f"<td>{escape(prediction.predicted)}</td>",
            f"<td>{signed(prediction.status)}</td>",
            *(
                f'<td class="n" style="{_BAR.format(colour=colour, share=100 * p)}">{100 * p:.1f}</td>'
                for colour, p in zip(SUBTYPES.colours, prediction.probabilities, strict=True)
            ),
            f'<td class="n">{"" if prediction.unfamiliarity is None else f"{prediction.unfamiliarity:.2f}"}</td>',
        ]
        if explained:
            share = "" if entry.cam_in_cells is None else f"{100 * entry.cam_in_cells:.0f}"
            cells.append(f'<td class="n">{share}</td>')
        yield f"<tr>{''.join(cells)}</tr>"
    yield "</table>"
    yield "<p>Probabilities are calibrated where the model says how; an unfamiliarity above 1 means unfamiliar.</p>"


def _picture(jpeg: bytes | None, image: str) -> str:
    if jpeg is None:
        return ""
    return f'<img alt="{escape(image)}" src="data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}">'


def _failures(failed: Sequence[InputRecord]) -> Iterator[str]:
    if failed:
        yield "<h2>Failed</h2>"
        told = [f"{FAILED_SIGN} {entry.image}: {entry.error}" for entry in failed]
        yield f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in told)}</ul>"


def _how_made(record: RunRecord, found: Sequence[Prediction]) -> Iterator[str]:
    versions = ", ".join(f"{name} {version}" for name, version in record.libraries.items())
    yield "<h2>How these were made</h2><ul>"
    for model, sha256, device in sorted({(p.model, p.model_sha256, p.device) for p in found}):
        yield f"<li>model {escape(model)} on {escape(device)}, SHA-256 of its weights <code>{sha256}</code></li>"
    told = ", ".join(f"{name} = {value}" for name, value in record.settings.items() if value not in (None, False))
    yield f"<li>settings: {escape(told) or 'as they come'}</li>"
    yield f"<li>{escape(f'{record.software}, Python {record.python}, {record.system}; {versions}')}</li>"
    yield f"<li>{escape(record.started)}</li></ul>"
    yield f"<p>{RESEARCH_USE}</p>"
