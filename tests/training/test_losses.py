"""Losses: known answers, partly known masks, networks of every class set, and gradients only where pixels count."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from napari_all.data.mask_items import (  # noqa: E402
    BACKGROUND,
    CELL,
    CODE_NAMES,
    COUNTS,
    CYTOPLASM,
    NUCLEUS,
    SMUDGE,
    make_item,
)
from napari_all.training.losses import (  # noqa: E402
    align,
    balanced_weights,
    make_loss,
    meanings,
    part_masks,
    soft_dice,
)

PARTED = ("background", "cytoplasm", "nucleus")
NETWORKS = [
    PARTED,
    (*PARTED, "smudge"),
    ("background", "cell"),
    ("background", "nucleus"),
    ("background", "cell", "smudge"),
]
LOSSES = ["dice", "dice_ce", "focal"]


def target_of(codes: np.ndarray, counts: np.ndarray | None = None) -> torch.Tensor:
    planes = [codes == code for code in range(COUNTS)] + [np.ones(codes.shape, bool) if counts is None else counts]
    return torch.from_numpy(np.stack(planes).astype(np.float32))[None]


def logits_of(p: np.ndarray) -> torch.Tensor:
    """Return logits whose softmax is (C, Y, X) `p`."""
    return torch.from_numpy(np.log(p)).float()[None]


def uniform(codes: np.ndarray, *p: float) -> torch.Tensor:
    return logits_of(np.broadcast_to(np.array(p)[:, None, None], (len(p), *codes.shape)).copy())


HALF = np.array([[CELL, CELL], [BACKGROUND, BACKGROUND]], np.uint8)
"""Two pixels of a cell, two of background."""


def test_one_minus_dice_by_hand():
    """Overlap 2 * 0.8; sum 4 * 0.8 + 2; each smoothed by one pixel."""
    loss = make_loss("dice", ("background", "cell"))
    assert float(loss(uniform(HALF, 0.2, 0.8), target_of(HALF))) == pytest.approx(1 - (2 * 1.6 + 1) / (3.2 + 2 + 1))
    codes = np.array([[NUCLEUS, CYTOPLASM], [BACKGROUND, BACKGROUND]], np.uint8)
    whole = (2 * 2 * 0.5 + 1) / (4 * 0.5 + 2 + 1)
    nucleus = (2 * 0.2 + 1) / (4 * 0.2 + 1 + 1)
    found = float(make_loss("dice", PARTED)(uniform(codes, 0.5, 0.3, 0.2), target_of(codes)))
    assert found == pytest.approx(1 - (whole + nucleus) / 2)


def test_cross_entropy_is_added_to_dice_by_hand():
    logits, target = uniform(HALF, 0.2, 0.8), target_of(HALF)
    entropy = -(2 * np.log(0.8) + 2 * np.log(0.2)) / 4
    plain = float(make_loss("dice", ("background", "cell"))(logits, target))
    assert float(make_loss("dice_ce", ("background", "cell"))(logits, target)) == pytest.approx(plain + entropy)


def test_focal_by_hand():
    found = float(make_loss("focal", ("background", "cell"))(uniform(HALF, 0.2, 0.8), target_of(HALF)))
    assert found == pytest.approx(-(2 * 0.2**2 * np.log(0.8) + 2 * 0.8**2 * np.log(0.2)) / 4)


def test_class_weights_by_hand():
    logits, target = uniform(HALF, 0.2, 0.8), target_of(HALF)
    found = float(make_loss("focal", ("background", "cell"), (1.0, 5.0))(logits, target))
    assert found == pytest.approx(-(5 * 2 * 0.2**2 * np.log(0.8) + 2 * 0.8**2 * np.log(0.2)) / 4)
    equal = float(make_loss("dice_ce", ("background", "cell"), (1.0, 1.0))(logits, target))
    assert equal == pytest.approx(float(make_loss("dice_ce", ("background", "cell"))(logits, target)))


def test_an_undecided_pixel_weighs_as_the_mean_of_its_classes():
    codes = np.full((2, 2), CELL, np.uint8)
    logits = uniform(codes, 0.2, 0.5, 0.3)
    plain, weighted = (float(make_loss("focal", PARTED, w)(logits, target_of(codes))) for w in (None, (1, 2, 4)))
    assert weighted == pytest.approx(3 * plain)


def test_balanced_weights_are_inverse_to_the_root_of_the_share():
    codes = np.zeros((20, 20), np.uint8)
    codes[0, :16], codes[1, :4] = CYTOPLASM, NUCLEUS
    hidden = np.zeros(codes.shape, bool)
    hidden[15:] = True  # leaves 300 pixels: 280, 16, 4
    item = make_item("a", np.zeros((20, 20, 3), np.uint8), codes, hidden)
    expected = 1 / np.sqrt(np.array([280, 16, 4]) / 300)
    np.testing.assert_allclose(balanced_weights([item], PARTED), expected / expected.mean())
    cells = 1 / np.sqrt(np.array([280, 20]) / 300)
    np.testing.assert_allclose(balanced_weights([item], ("background", "cell")), cells / cells.mean())
    weights = balanced_weights([item], (*PARTED, "smudge"))
    assert np.isfinite(weights).all()  # a class that is never seen does not get all the weight
    assert max(weights) / min(weights) < 35


@pytest.mark.parametrize("classes", NETWORKS)
@pytest.mark.parametrize("name", LOSSES)
def test_the_right_answer_costs_least_and_the_wrong_one_much(classes, name):
    rng = np.random.default_rng(0)
    codes = rng.choice([BACKGROUND, CYTOPLASM, NUCLEUS], (8, 8)).astype(np.uint8)
    outputs = meanings(classes)
    right = np.array([outputs[CODE_NAMES[code]][0] for code in codes.ravel()]).reshape(8, 8)
    confident = 20.0 * torch.nn.functional.one_hot(torch.from_numpy(right), len(classes)).permute(2, 0, 1)[None]
    loss = make_loss(name, classes)
    good, bad = (float(loss(x.float(), target_of(codes))) for x in (confident, -confident))
    assert good == pytest.approx(0, abs=1e-3)
    assert bad > 0.3


@pytest.mark.parametrize("name", LOSSES)
def test_undecided_pixels_ask_only_for_the_sum(name):
    codes = np.full((4, 4), CELL, np.uint8)
    loss = make_loss(name, PARTED)
    cytoplasm, nucleus = uniform(codes, 0.1, 0.8, 0.1), uniform(codes, 0.1, 0.1, 0.8)
    background = uniform(codes, 0.9, 0.05, 0.05)
    one, other, wrong = (float(loss(x, target_of(codes))) for x in (cytoplasm, nucleus, background))
    assert one == pytest.approx(other, abs=1e-6)
    assert wrong > one + 0.3


@pytest.mark.parametrize(
    ("classes", "code", "output"),
    [
        (("background", "cell"), NUCLEUS, "cell"),
        (("background", "cell"), CYTOPLASM, "cell"),
        (("background", "cell"), CELL, "cell"),
        (("background", "nucleus"), NUCLEUS, "nucleus"),
        (("background", "nucleus"), CYTOPLASM, "background"),
        ((*PARTED, "smudge"), SMUDGE, "smudge"),
    ],
)
def test_what_a_code_means_to_a_network(classes, code, output):
    assert meanings(classes)[CODE_NAMES[code]] == (classes.index(output),)


@pytest.mark.parametrize(
    ("classes", "code"), [(("background", "nucleus"), CELL), (PARTED, SMUDGE), (("background", "cell"), SMUDGE)]
)
@pytest.mark.parametrize("name", LOSSES)
def test_what_a_network_cannot_say_changes_nothing(classes, code, name):
    """A cell of unknown nucleus, or a smudge, where the network has no such class."""
    codes = np.zeros((4, 8), np.uint8)
    codes[:, :2] = NUCLEUS
    codes[:, 4:] = code
    first = torch.randn(1, len(classes), 4, 8, generator=torch.Generator().manual_seed(0))
    second = first.clone()
    second[..., 4:] = 9 * torch.randn(1, len(classes), 4, 4, generator=torch.Generator().manual_seed(1))
    loss = make_loss(name, classes)
    assert float(loss(first, target_of(codes))) == pytest.approx(float(loss(second, target_of(codes))))


@pytest.mark.parametrize("classes", NETWORKS)
@pytest.mark.parametrize("name", LOSSES)
def test_gradients_flow_only_where_pixels_count(classes, name):
    rng = np.random.default_rng(1)
    codes = rng.integers(0, COUNTS, (8, 8)).astype(np.uint8)
    counts = rng.random((8, 8)) < 0.6
    logits = torch.randn(1, len(classes), 8, 8, requires_grad=True)
    make_loss(name, classes)(logits, target_of(codes, counts)).backward()
    said = np.array([bool(meanings(classes)[CODE_NAMES[code]]) for code in codes.ravel()]).reshape(8, 8)
    flows = logits.grad.abs().sum((0, 1)).numpy() > 0
    assert not flows[~(counts & said)].any()
    assert flows[counts & said].mean() > 0.9
    assert torch.isfinite(logits.grad).all()


def test_half_counting_pixels_at_a_seam_do_not_count():
    target = target_of(HALF)
    target[:, COUNTS, 0] = 0.5
    logits = torch.zeros(1, 2, 2, 2, requires_grad=True)
    make_loss("dice_ce", ("background", "cell"))(logits, target).backward()
    assert (logits.grad[..., 0, :] == 0).all()


@pytest.mark.parametrize("name", LOSSES)
def test_a_batch_where_nothing_counts_costs_nothing_that_moves_weights(name):
    logits = torch.randn(1, 3, 4, 4, requires_grad=True)
    value = make_loss(name, PARTED)(logits, target_of(np.zeros((4, 4), np.uint8), np.zeros((4, 4), bool)))
    value.backward()
    assert torch.isfinite(value)
    assert (logits.grad == 0).all()


def test_parts_are_measured_where_they_are_known():
    codes = np.array([[NUCLEUS, CYTOPLASM, CELL, BACKGROUND]], np.uint8)
    logits = uniform(codes, 0.1, 0.2, 0.7)
    whole, nucleus = part_masks(align(logits, target_of(codes), PARTED), logits, PARTED)
    assert whole[1].flatten().tolist() == [1, 1, 1, 0]
    assert whole[2].flatten().tolist() == [1, 1, 1, 1]
    assert nucleus[1].flatten().tolist() == [1, 0, 0, 0]
    assert nucleus[2].flatten().tolist() == [1, 1, 0, 1]
    np.testing.assert_allclose(whole[0].flatten(), 0.9, rtol=1e-5)
    np.testing.assert_allclose(nucleus[0].flatten(), 0.7, rtol=1e-5)
    only = uniform(codes, 0.1, 0.9)
    ((p, truth, counts),) = part_masks(
        align(only, target_of(codes), ("background", "nucleus")), only, ("background", "nucleus")
    )
    assert truth.flatten().tolist() == [1, 0, 0, 0]
    assert counts.flatten().tolist() == [1, 1, 0, 1]
    np.testing.assert_allclose(p.flatten(), 0.9, rtol=1e-5)


def test_soft_dice_of_empty_masks_is_one():
    nothing = torch.zeros(1, 4, 4)
    assert float(soft_dice(nothing, nothing, nothing + 1)) == 1.0
