"""A descriptor that tells the class scores so, one that does not scores like chance; the verdict follows the rules."""

from __future__ import annotations

import numpy as np
import pytest

from napari_all.evaluation.audit_report import BackgroundChange, ModelAudit, Overlap, Share
from napari_all.evaluation.audit_verdict import OTHER_CLASS, data_verdict, model_verdict
from napari_all.evaluation.shortcuts import ShortcutScore, block_parts, shortcut_score

LABELS = np.repeat(np.array([0, 1, 3]), [30, 60, 30])
BLIND = ("background_colour", "background colour alone", False)


def score(values: np.ndarray, split: str = "random") -> ShortcutScore:
    order = np.random.default_rng(1).permutation(len(LABELS))
    parts = [(np.setdiff1d(order, part), part) for part in np.array_split(order, 4)]
    return shortcut_score(BLIND, split, values.astype(np.float32), LABELS, parts)


def test_a_descriptor_that_tells_the_class_scores_so() -> None:
    noise = np.random.default_rng(0).normal(0, 0.05, (len(LABELS), 3))
    told = score(LABELS[:, None] + noise)
    assert told.accuracy == 1.0
    assert told.level == "clear"
    assert told.skill == pytest.approx(1.0)
    assert (told.images, len(told.parts)) == (120, 4)
    assert told.chance == pytest.approx(0.5)
    assert told.interval[0] > 0.95


def test_noise_scores_like_chance() -> None:
    told = score(np.random.default_rng(0).normal(size=(len(LABELS), 3)))
    assert told.accuracy < 0.6
    assert told.level == "none"
    assert told.balanced_accuracy < 0.5


def test_blocks_are_contiguous_in_each_class_and_test_every_image_once() -> None:
    parts = block_parts(LABELS, 5)
    assert sorted(np.concatenate([test for _, test in parts])) == list(range(len(LABELS)))
    for train, test in parts:
        assert not set(train) & set(test)
        for label in np.unique(LABELS):
            at = test[LABELS[test] == label]
            assert np.all(np.diff(at) == 1)
            assert len(at) == (label == LABELS).sum() // 5


def made_up(split: str, accuracy: float, chance: float = 0.3) -> ShortcutScore:
    return ShortcutScore(
        descriptor=BLIND[0],
        title=BLIND[1],
        sees_cells=False,
        split=split,
        accuracy=accuracy,
        interval=(accuracy - 0.02, accuracy + 0.02),
        balanced_accuracy=accuracy,
        chance=chance,
        images=1000,
        parts=[accuracy],
    )


@pytest.mark.parametrize(
    ("random", "clusters", "words"),
    [
        (0.95, 0.85, ("proves little", "one session on both sides", "clearly")),
        (0.95, 0.93, ("proves little", "clearly")),
        (0.95, 0.31, ("proves little", "one session on both sides", "this shortcut tells nothing")),
        (0.45, 0.44, ("may come from there", "in part")),
        (0.31, 0.30, ("No shortcut was found",)),
    ],
)
def test_the_verdict_on_data(random: float, clusters: float, words: tuple[str, ...]) -> None:
    text = " ".join(data_verdict([made_up("random", random), made_up("clusters", clusters)], Overlap(source="none")))
    assert all(word in text for word in words), text
    assert ("one session" in text) == ("one session on both sides" in words)


def test_the_verdict_says_where_a_split_leaks() -> None:
    overlap = Overlap(source="table", leaks=[Share.of("random", 30, 100), Share.of("given", 0, 100)])
    assert data_verdict([], overlap) == [
        "30 of the 100 tested images (30.0 %) of the random split overlap an image trained on: such a split leaks."
    ]


def model(by_bar: int, by_background: int) -> ModelAudit:
    change = Share.of("background of other class", by_background, 200).model_dump()
    background = BackgroundChange(**change, light="as photographed", origin=OTHER_CLASS, towards=by_background // 2)
    bars = [Share.of("removed", 0, 1000), Share.of("red", by_bar, 1000)]
    return ModelAudit(model="m", sha256="0", accuracy=[], sample=200, blanked=[], bars=bars, backgrounds=[background])


def test_the_verdict_on_a_model_keeps_to_the_limits() -> None:
    fine = model_verdict(model(5, 10))
    assert "does not look at the scale bar" in fine[0]
    assert "0.5 % of its predictions change with it (red" in fine[0]
    assert "does not rely on the background: 5.0 %" in fine[1]
    bad = model_verdict(model(6, 12))
    assert "LOOKS" in bad[0]
    assert "RELIES" in bad[1]
    assert "6 of the 12 to that class" in bad[1]
