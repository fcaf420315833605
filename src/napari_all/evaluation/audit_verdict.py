"""The audit's plain verdict, by stated rules.

Data: the cell-free descriptor that tells most under the random split is named. `clear` and `some` are those of
`ShortcutScore.level`: half, or a tenth, of the way from chance to all right. A fall of five points or more from random
to held-out groups is said. Model: at most 0.5 % of the predictions may change with the scale bar (the worst of the
ways tried) and at most 5 % with the background (all other classes together, cells as photographed).
"""

from __future__ import annotations

from collections.abc import Sequence

from napari_all.evaluation.audit_report import ModelAudit, Overlap
from napari_all.evaluation.shortcuts import ShortcutScore

MOST_BY_BAR, MOST_BY_BACKGROUND = 0.005, 0.05
_CLEAR_FALL = 0.05
OTHER_CLASS = "other class"


def data_verdict(scores: Sequence[ShortcutScore], overlap: Overlap) -> list[str]:
    """Return what to say of a data set, most important first."""
    blind = [s for s in scores if not s.sees_cells and s.split == "random"]
    said = []
    if blind:
        best = max(blind, key=lambda s: s.accuracy)
        said.append(_of_best(best))
        held = [s for s in scores if s.descriptor == best.descriptor and s.split == "clusters"]
        if held:
            said.append(_of_groups(best, held[0]))
    for leak in overlap.leaks:
        if leak.count:
            said.append(
                f"{leak.count} of the {leak.images} tested images ({_percent(leak.share)} %) of the {leak.what} split "
                "overlap an image trained on: such a split leaks."
            )
    return said


def model_verdict(model: ModelAudit) -> list[str]:
    """Return what to say of a model."""
    said = []
    if model.bars:
        worst = max(model.bars, key=lambda b: b.share)
        fine = worst.share <= MOST_BY_BAR
        said.append(
            f"{model.model} {'does not look' if fine else 'LOOKS'} at the scale bar: at most {_percent(worst.share)} % "
            f"of its predictions change with it ({worst.what}; allowed {_percent(MOST_BY_BAR)} %)."
        )
    for change in model.backgrounds:
        if change.origin == OTHER_CLASS and change.light == "as photographed":
            fine = change.share <= MOST_BY_BACKGROUND
            said.append(
                f"{model.model} {'does not rely' if fine else 'RELIES'} on the background: {_percent(change.share)} % "
                f"of its predictions change on the background of another class, {change.towards} of the {change.count} "
                f"to that class (allowed {_percent(MOST_BY_BACKGROUND)} %)."
            )
    return said


def _of_best(best: ShortcutScore) -> str:
    told = f"{_percent(best.accuracy)} % right on a random split, where chance gives {_percent(best.chance)} %"
    if best.level == "none":
        return f"No shortcut was found outside the white cells: the best of them, {best.title}, gives {told}."
    start = f"{best.title[0].upper()}{best.title[1:]}, no white cell seen: {told}."
    if best.level == "some":
        return f"{start} Part of an accuracy on a random split of this folder may come from there."
    return f"{start} A high accuracy on a random split of this folder proves little."


def _of_groups(best: ShortcutScore, held: ShortcutScore) -> str:
    fall = best.accuracy - held.accuracy
    start = f"With whole groups held out the same gives {_percent(held.accuracy)} %"
    if best.level == "none":
        return f"{start}."
    if fall >= _CLEAR_FALL:
        start += ": a random split has images of one session on both sides. Judge a model by held-out groups"
    if held.level == "none":
        return f"{start}, where this shortcut tells nothing."
    return f"{start}; even there it tells the class {'clearly' if held.level == 'clear' else 'in part'}."


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"
