"""White cells on other images' backgrounds: what is pasted, what lies under it, and what a network learns from it."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

from test_classifier_fit import CLASSES  # noqa: E402

from napari_all.classification.predictor import run_network  # noqa: E402
from napari_all.data.transforms import with_mask  # noqa: E402
from napari_all.errors import UsageError  # noqa: E402
from napari_all.monitor import NullMonitor  # noqa: E402
from napari_all.networks.backbones import BACKBONES  # noqa: E402
from napari_all.networks.checkpoint import InputInfo  # noqa: E402
from napari_all.training.background import Backgrounds, CellsApart  # noqa: E402
from napari_all.training.classifier_fit import (  # noqa: E402
    ClassifierParts,
    ClassifierSpec,
    build,
    check_settings,
    fit_classifier,
)
from napari_all.training.classifier_loader import Examples  # noqa: E402
from napari_all.training.classifier_settings import ClassifierTraining  # noqa: E402

SIDE = 32
CELL = (slice(10, 22), slice(10, 22))
CLASS_LEVELS = np.array([40, 90, 140, 190], np.uint8)


def field(cell: int, background: int, rng: np.random.Generator) -> np.ndarray:
    """Return a square cell, purple to some degree, on a grey background, (SIDE, SIDE, 4), slightly noisy."""
    shown = np.full((SIDE, SIDE, 3), background, np.int64)
    shown[CELL] = (cell, cell - 90, cell)
    shown += rng.integers(-2, 3, shown.shape)
    return with_mask(np.clip(shown, 0, 255).astype(np.uint8))


def fields(count: int, seed: int) -> tuple[np.ndarray, np.ndarray, CellsApart]:
    """Return images of four classes, whose cell and whose background both tell the class."""
    rng, labels = np.random.default_rng(seed), np.arange(count) % 4
    shown = np.stack([field(140 + 25 * int(label), int(CLASS_LEVELS[label]), rng) for label in labels])
    cells = np.zeros((count, SIDE, SIDE), np.uint8)
    cells[(slice(None), *CELL)] = 255
    emptied = np.broadcast_to(CLASS_LEVELS[labels][:, None, None, None], (count, SIDE, SIDE, 3)).copy()
    return shown, labels, CellsApart(cells, emptied, cells.mean(axis=(1, 2), dtype=np.float32) / 255)


def test_cells_stay_and_the_drawn_background_lies_around_them():
    shown, labels, apart = fields(8, 0)
    backgrounds = Backgrounds.of(apart, labels)
    under = {}
    for draw in range(60):
        mixed = backgrounds.under(1, shown[1], np.random.default_rng(draw))
        core = (slice(12, 20), slice(12, 20))
        np.testing.assert_allclose(mixed[core][..., :3], shown[1][core][..., :3], rtol=0.2)
        assert (mixed[core][..., 3] == 255).all()
        assert (mixed[:4, :4, 3] == 0).all()
        source = np.flatnonzero((mixed[:4, :4, :3] == apart.emptied[:, :4, :4]).all(axis=(1, 2, 3)))
        assert len(source), "far from the cell is exactly one of the backgrounds"
        under[labels[source[0]]] = under.get(labels[source[0]], 0) + 1
    assert set(under) == {0, 1, 2, 3}
    assert min(under.values()) > 5, "every class is as likely"


def test_what_is_no_cell_of_an_image_stays_behind_and_out_of_the_mask():
    shown, labels, apart = fields(4, 0)
    dirt = (slice(26, 30), slice(2, 6))
    shown[0][dirt] = (160, 60, 160, 255)
    mixed = Backgrounds.of(apart, labels).under(0, shown[0], np.random.default_rng(0))
    assert (mixed[dirt][..., 3] == 0).all()
    assert np.ptp(mixed[dirt][..., :3]) == 0


def test_an_image_with_too_many_cells_gives_no_background():
    shown, labels, apart = fields(4, 0)
    apart.covered[:] = 0.9
    assert (Backgrounds.of(apart, labels).under(0, shown[0], np.random.default_rng(0)) == shown[0]).all()


def test_an_image_without_cells_stays_as_it_is():
    shown, labels, apart = fields(4, 0)
    apart.cells[0] = 0
    assert (Backgrounds.of(apart, labels).under(0, shown[0], np.random.default_rng(0)) == shown[0]).all()


def test_a_network_that_learns_on_exchanged_backgrounds_answers_by_the_cell(tmp_path):
    shown, labels, apart = fields(32, 2)
    rng = np.random.default_rng(3)
    swapped = np.stack([field(140 + 25 * c, int(CLASS_LEVELS[b]), rng) for c in range(4) for b in range(4)])
    truth = np.repeat(np.arange(4), 4)
    options = BACKBONES["cellnet"].options_for(4, 4, SIDE, widths=(4, 8, 8))
    spec = ClassifierSpec("cellnet", options, CLASSES, 4, InputInfo(size_px=SIDE))
    accuracy = {}
    torch.set_num_threads(1)
    for exchange in (0.0, 1.0):
        settings = ClassifierTraining.parse(
            {
                "epochs": 3, "steps_per_epoch": 40, "batch_size": 16, "learning_rate": 0.01, "average": 0.9,
                "choose_by": "last", "device": "cpu", "precision": "float32",
                "variation": {"stain": 0, "contrast": 0, "brightness": 0, "cutout": 0, "exchange": exchange},
            }
        )  # fmt: skip
        parts = ClassifierParts(Examples(shown, labels, [""] * 32, (255, 255, 255, 0), apart))
        check_settings(spec, parts, settings)
        fitted = fit_classifier(spec, parts, settings, tmp_path / str(exchange), NullMonitor())
        network = build(spec)
        network.load_state_dict(fitted.tensors)
        accuracy[exchange] = float((run_network(network.eval(), swapped)[1].argmax(1) == truth).mean())
    assert accuracy[1.0] >= 0.8
    assert accuracy[0.0] < 0.8, "without, the background has the louder say"


def test_exchange_without_a_mask_is_refused_with_what_to_do():
    shown, labels, _ = fields(8, 0)
    options = BACKBONES["cellnet"].options_for(4, 4, SIDE, widths=(4, 8, 8))
    spec = ClassifierSpec("cellnet", options, CLASSES, 4, InputInfo(size_px=SIDE))
    settings = ClassifierTraining.parse({"choose_by": "last", "variation": {"exchange": 0.5}})
    with pytest.raises(UsageError, match=r"exchange = 0\.5.*balanced\+mask"):
        check_settings(spec, ClassifierParts(Examples(shown, labels, [""] * 8)), settings)
