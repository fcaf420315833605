"""Write the figures of docs/results/audit_taleqani.json into docs/audit.md, and draw its pictures.

    napari-all audit ../shared/data/taleqani-all --model subtype-cellnet --output runs/audit
    python scripts/make_audit_page.py runs/audit/audit.json

Without a file the stored one is used. The composites are of synthetic smears: no real image goes into the repository.
"""

import argparse
import json
import re
from pathlib import Path

from napari_all.data.synthetic import make_smear
from napari_all.evaluation.audit_figures import Composite, draw_composites, draw_shortcuts
from napari_all.evaluation.audit_page import as_markdown
from napari_all.evaluation.audit_report import AuditReport
from napari_all.evaluation.exchange import on_background, without_cells
from napari_all.files import write_bytes, write_json

DOCS = Path(__file__).resolve().parents[1] / "docs"
STORED = DOCS / "results" / "audit_taleqani.json"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"

EARLIER = {
    "mean_colour": (93.9, 89.1, None),
    "background_and_red_cells": (97.7, 95.2, 86.3),
    "scale_bar_corner": (85.8, 77.1, None),
    "hsv_histogram": (99.5, 95.3, None),
    "white_cells": (94.5, 91.9, 93.6),
}
"""Random, blocks, clusters."""
EARLIER_TEXT = (
    "The same question was asked once before this program existed, of all 3,256 images (here are 2,605) and with other "
    "hand-made features: two measurements of one thing, not one repeated."
)


def beside_earlier(report):
    """Return the table of the earlier measurement beside this one."""
    lines = ["| seen | random: here / earlier | blocks: here / earlier | groups: here / earlier |", "|---|---|---|---|"]
    scores = {(s.descriptor, s.split): s for s in report.shortcuts}
    for name, earlier in EARLIER.items():
        pairs = [
            f"{100 * scores[name, split].accuracy:.1f} / {'–' if before is None else before}"
            for split, before in zip(("random", "blocks", "clusters"), earlier, strict=True)
        ]
        lines.append(f"| {scores[name, 'random'].title} | {' | '.join(pairs)} |")
    return lines


def synthetic_composites():
    """Exchange the backgrounds of synthetic smears of different stains."""
    stains = ("purple-grey", "blue", "pink")
    smears = [make_smear(7 + k, (224, 224), 22.0, stain=stain, n_white=7) for k, stain in enumerate(stains)]
    rows = []
    for k, kept in enumerate(smears):
        donor = smears[(k + 1) % len(smears)]
        made = on_background(kept.rgb, kept.labels > 0, without_cells(donor.rgb, (donor.labels > 0) | donor.smudges))
        rows.append(Composite(kept.rgb, "synthetic smear", donor.rgb, "background of", made, "composite"))
    return draw_composites(rows)


def main():
    """Write page and pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("audit", nargs="?", type=Path, default=STORED, help="audit.json of a run (default: the stored)")
    found = json.loads(parser.parse_args().audit.read_text(encoding="utf-8"))
    report = AuditReport.parse(found)
    write_json(STORED, found)
    body = as_markdown(report, ("shortcuts.png",)).replace("(shortcuts.png)", "(images/audit-shortcuts.png)")
    lines = ["## " + body.partition("\n## ")[2].strip(), "", "## Beside an earlier measurement", "", EARLIER_TEXT, ""]
    figures = re.sub(r"^(#+ )", r"#\1", "\n".join((*lines, *beside_earlier(report))), flags=re.MULTILINE)
    before, _, rest = (DOCS / "audit.md").read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    write_bytes(DOCS / "audit.md", f"{before}{BEGIN}\n{figures}\n{END}{after}".encode())
    draw_shortcuts(report.shortcuts).save(DOCS / "images" / "audit-shortcuts.png")
    synthetic_composites().save(DOCS / "images" / "audit-composites.png")


if __name__ == "__main__":
    main()
