"""Training of a classifier: it learns, resumes as if never stopped, draws alike, and evaluates as it trained."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

from test_fit import Watch, same  # noqa: E402

from napari_all.errors import CheckpointError, UsageError  # noqa: E402
from napari_all.monitor import NullMonitor  # noqa: E402
from napari_all.networks.backbones import BACKBONES  # noqa: E402
from napari_all.networks.checkpoint import InputInfo  # noqa: E402
from napari_all.training.batch_norm import recalibrate  # noqa: E402
from napari_all.training.classifier_fit import ClassifierParts, ClassifierSpec, check_settings, fit_classifier  # noqa: E402
from napari_all.training.classifier_loader import ExampleLoader, Examples, as_tensor, sampling_weights  # noqa: E402
from napari_all.training.classifier_settings import ClassifierTraining  # noqa: E402
from napari_all.training.curves import BEST, CLASSIFIER, CURVES_FILE, LAST, read_curves  # noqa: E402
from napari_all.training.run import Fitted  # noqa: E402

SIDE = 32
OPTIONS = BACKBONES["cellnet"].options_for(4, 4, SIDE, widths=(4, 8, 8))
CLASSES = ("a", "b", "c", "d")
SPEC = ClassifierSpec("cellnet", OPTIONS, CLASSES, 4, InputInfo(size_px=SIDE))
SETTINGS = ClassifierTraining(
    epochs=4, steps_per_epoch=3, batch_size=8, learning_rate=0.01, average=0.6, device="cpu", precision="float32"
)


def examples(count: int, seed: int, channels: int = 4) -> Examples:
    """Noise whose brightness tells the class."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 4
    noise = rng.normal(0, 12, (count, SIDE, SIDE, channels)) + 60 + 40 * labels[:, None, None, None]
    shown = np.clip(noise, 0, 255).astype(np.uint8)
    return Examples(shown, labels, [f"{i % 4}-{i // 8}" for i in range(count)], (255,) * 3 + (0,) * (channels - 3))


PARTS = ClassifierParts(examples(32, 0), examples(12, 1), examples(8, 2))


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def run(folder: Path, watch: Any = None, settings: ClassifierTraining = SETTINGS, **more: Any) -> Fitted:
    return fit_classifier(SPEC, more.pop("parts", PARTS), settings, folder, watch or NullMonitor(), **more)


def state(folder: Path, name: str = LAST) -> dict[str, Any]:
    found: dict[str, Any] = torch.load(folder / name, weights_only=True)
    return found


@pytest.fixture(scope="module")
def through(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Fitted]:
    folder = tmp_path_factory.mktemp("through")
    torch.set_num_threads(1)
    return folder, run(folder)


def test_curves_tell_all_parts_and_the_best_epoch_counts(through):
    folder, fitted = through
    rows = read_curves(folder)
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
    assert (folder / CURVES_FILE).read_text().splitlines()[0].split(",") == list(CLASSIFIER.columns)
    assert all(set(row) == set(CLASSIFIER.columns) for row in rows), "nothing is left empty"
    best = max(rows, key=lambda row: row["val_macro_f1"])
    assert fitted.epoch == best["epoch"]
    assert fitted.metrics["val_macro_f1"] == best["val_macro_f1"]
    assert rows[-1]["train_loss"] < rows[0]["train_loss"]
    assert not fitted.cancelled


@pytest.mark.parametrize("stop", [4, 8])
def test_a_resumed_run_equals_an_uninterrupted_one(through, tmp_path, stop):
    assert run(tmp_path, Watch(stop)).cancelled
    resumed = run(tmp_path, resume=True)
    folder, whole = through
    assert resumed.epoch == whole.epoch
    assert same(dict(resumed.tensors), dict(whole.tensors))
    for key in ("epoch", "state_dict", "optimizer_states", "lr_schedulers", "current_model_state"):
        assert same(state(tmp_path).get(key), state(folder).get(key)), key


def test_the_last_weights_count_where_that_is_asked_for(tmp_path):
    only = SETTINGS.updated(choose_by="last", epochs=3, patience=1)
    fitted = run(tmp_path, settings=only, parts=ClassifierParts(PARTS.train))
    assert fitted.epoch == 3
    assert not (tmp_path / BEST).exists()
    rows = read_curves(tmp_path)
    assert [set(row) for row in rows] == [{"epoch", "step", "train_loss", "train_accuracy", "seconds"}] * 3
    kept = {f"network.{name}": value for name, value in fitted.tensors.items()}
    assert same({name: state(tmp_path)["state_dict"][name] for name in kept}, kept)


def test_the_loss_can_choose_and_stop(tmp_path):
    still = SETTINGS.updated(choose_by="loss", learning_rate=1e-12, average=0.0, epochs=9, patience=2)
    fitted = run(tmp_path, settings=still)
    rows = read_curves(tmp_path)
    assert len(rows) < 9
    assert fitted.metrics["val_loss"] == min(row["val_loss"] for row in rows)


def test_what_cannot_be_trained_is_refused():
    with pytest.raises(UsageError, match="needs validation images"):
        check_settings(SPEC, ClassifierParts(PARTS.train), SETTINGS)
    check_settings(SPEC, ClassifierParts(PARTS.train), SETTINGS.updated(choose_by="last"))
    foreign = ClassifierSpec("cellnet", OPTIONS, CLASSES, 4, SPEC.input, {"stem.9.weight": torch.zeros(1)})
    with pytest.raises(CheckpointError, match="are not of 'cellnet'"):
        check_settings(foreign, PARTS, SETTINGS)


def test_it_begins_from_weights_with_a_head_of_its_own(through, tmp_path):
    body = {k: v for k, v in through[1].tensors.items() if not k.startswith("head.")}
    spec = ClassifierSpec("cellnet", OPTIONS, CLASSES, 4, SPEC.input, body)
    still = SETTINGS.updated(learning_rate=1e-12, average=0.0, epochs=1)
    fitted = fit_classifier(spec, PARTS, still, tmp_path, NullMonitor())
    name = "stem.0.weight"
    assert torch.allclose(fitted.tensors[name], body[name], atol=1e-6)


def test_batches_follow_from_seed_and_step_and_weights_from_classes_and_groups():
    loader, other = (ExampleLoader(PARTS.train, SETTINGS) for _ in range(2))
    assert torch.equal(loader.batch(5)[0], other.batch(5)[0])
    assert not torch.equal(loader.batch(5)[0], loader.batch(6)[0])
    loader.epoch = 1
    assert torch.equal(next(iter(loader))[0], other.batch(3)[0])
    labels, groups = np.array([0] * 9 + [1]), ["a"] * 4 + ["b"] + [""] * 4 + ["c"]
    weights = sampling_weights(Examples(np.zeros((10, 1, 1, 1), np.uint8), labels, groups), classes=True, groups=True)
    assert weights[:9].sum() == pytest.approx(weights[9]) == pytest.approx(0.5)
    assert weights[4] == pytest.approx(2 * weights[0]) == pytest.approx(weights[5]), "an unknown group is its own"
    plain = sampling_weights(Examples(np.zeros((10, 1, 1, 1), np.uint8), labels, groups), classes=False, groups=False)
    assert plain == pytest.approx(np.full(10, 0.1))


class DropsBeforeNorm(torch.nn.Module):
    """The end of the paper's custom CNN: dropout 0.8, dense, ReLU, batch norm, head."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Flatten(), torch.nn.Dropout(0.8), torch.nn.Linear(3 * 8 * 8, 64), torch.nn.ReLU(),
            torch.nn.BatchNorm1d(64), torch.nn.Linear(64, 4),
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.as_tensor(self.layers(x))


def test_recalibration_repairs_the_evaluation_of_dropout_before_batch_norm():
    torch.manual_seed(0)
    labels = torch.arange(256) % 4
    x = torch.randn(256, 3, 8, 8) * 0.5
    x = (x + 1.0 + torch.randn(4, 3, 8, 8)[labels] * 0.4).relu()  # as what comes out of a convolution
    network = DropsBeforeNorm()
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    for step in range(120):
        chosen = torch.arange(step * 32, step * 32 + 32) % 256
        loss = torch.nn.functional.cross_entropy(network(x[chosen]), labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    def variance_error() -> float:
        norm = network.layers[4]
        with torch.no_grad():
            seen = network.eval().layers[:4](x).var(0)
        alive = seen > 0.01 * seen.max()
        return float((norm.running_var / seen)[alive].log().abs().mean())

    def loss_in_evaluation() -> float:
        with torch.no_grad():
            return float(torch.nn.functional.cross_entropy(network.eval()(x), labels))

    before, loss_before = variance_error(), loss_in_evaluation()
    recalibrate(network.train(), x.split(32))
    assert network.training
    assert [norm.momentum for norm in network.modules() if isinstance(norm, torch.nn.BatchNorm1d)] == [0.1]
    assert before > 0.5, "the statistics were wrong, or this is no test"
    assert variance_error() < 0.1
    assert loss_in_evaluation() < loss_before


@pytest.mark.parametrize("choose_by", ["macro_f1", "last"])
def test_a_custom_cnn_is_recalibrated_as_it_trains(tmp_path, choose_by):
    options = BACKBONES["custom_cnn"].options_for(4, 3, 64)
    spec = ClassifierSpec("custom_cnn", options, CLASSES, 3, InputInfo(size_px=64))
    big = [Examples(np.repeat(np.repeat(e.shown, 2, 1), 2, 2)[..., :3], e.labels, e.groups) for e in
           (examples(8, 0), examples(4, 1))]  # fmt: skip
    parts = ClassifierParts(big[0], big[1] if choose_by == "macro_f1" else None)
    settings = SETTINGS.updated(epochs=1, steps_per_epoch=2, batch_size=4, choose_by=choose_by, learning_rate=1e-4)
    fitted = fit_classifier(spec, parts, settings, tmp_path, NullMonitor())
    network = BACKBONES["custom_cnn"].build(**options)
    network.load_state_dict(fitted.tensors)
    kept = {k: v.clone() for k, v in network.state_dict().items() if "running" in k}
    recalibrate(network, (b.float() / 255.0 for b in ExampleLoader(big[0], settings).typical(512)))
    for name, value in kept.items():
        torch.testing.assert_close(network.state_dict()[name], value, rtol=1e-3, atol=1e-5)


def test_variants_keep_shape_and_type_and_nothing_is_done_when_all_is_off():
    from napari_all.training.classifier_settings import VariationSettings
    from napari_all.training.variation import vary

    off = VariationSettings(
        rotate=False, flip=False, crop=0, stretch=0, shift=0, blur=0, stain=0, contrast=0, brightness=0, cutout=0
    )
    for channels, blank in ((3, None), (4, (255, 255, 255, 0)), (6, None), (6, (255,) * 6)):
        shown = np.random.default_rng(1).integers(60, 200, (40, 40, channels), np.uint8)
        assert np.array_equal(vary(shown, np.random.default_rng(0), off, blank), shown)
        for change in ({"rotate": True}, {"crop": 0.3}, {"stain": 0.3}, {"contrast": 0.5}, {"brightness": 0.2},
                       {"cutout": 1.0}, {"blur": 1.0}, {"shift": 0.2}, {"stretch": 0.2}):  # fmt: skip
            varied = vary(shown, np.random.default_rng(3), off.updated(**change), blank)
            assert (varied.shape, varied.dtype) == (shown.shape, np.uint8)
            assert not np.array_equal(varied, shown), change
            colour_only = {"stain", "contrast", "brightness"} & set(change)
            if channels == 4 and colour_only:
                assert np.array_equal(varied[..., 3], shown[..., 3]), "a mask has no colour"
    both = vary(
        np.repeat(shown[..., :3], 2, 2)[..., [0, 2, 4, 1, 3, 5]], np.random.default_rng(5), VariationSettings(), None
    )
    assert np.array_equal(both[..., :3], both[..., 3:]), "both images of six channels vary alike"


def test_a_variant_is_fixed_by_its_random_state():
    from napari_all.training.classifier_settings import VariationSettings
    from napari_all.training.variation import vary

    shown, blank = np.random.default_rng(1).integers(60, 200, (96, 96, 4), np.uint8), (255, 255, 255, 0)
    first, again = (vary(shown, np.random.default_rng(5), VariationSettings(), blank) for _ in range(2))
    assert np.array_equal(first, again)
    assert first.shape == shown.shape
    assert not np.array_equal(first, vary(shown, np.random.default_rng(6), VariationSettings(), blank))


def test_what_the_module_sees_is_scaled(tmp_path):
    from napari_all.training.classifier_module import ClassifierModule

    class Mean(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.mean((2, 3))

    module = ClassifierModule(Mean(), 4, ((0.5,) * 4, (0.25,) * 4), SETTINGS, 0.1, ())
    assert module(as_tensor(np.full((1, 2, 2, 4), 255, np.uint8))) == pytest.approx(2.0)
