"""A training run: resumed as if never stopped, stopped early or by its user, and files that survive what goes wrong."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

from napari_all.data.mask_items import MaskItem, make_item  # noqa: E402
from napari_all.data.synthetic import make_smear  # noqa: E402
from napari_all.errors import Cancelled, CheckpointError, SaveError, UsageError  # noqa: E402
from napari_all.networks.checkpoint import InputInfo  # noqa: E402
from napari_all.training.callbacks import WholeFiles  # noqa: E402
from napari_all.training.curves import BEST, LAST, read_curves  # noqa: E402
from napari_all.training.fit import NetworkSpec, check_settings, fit  # noqa: E402
from napari_all.training.loader import ItemSource  # noqa: E402
from napari_all.training.run import Fitted  # noqa: E402
from napari_all.training.settings import TrainingSettings  # noqa: E402

CLASSES = ("background", "cytoplasm", "nucleus")
INPUT = InputInfo(mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
SPEC = NetworkSpec("residual_unet", {"widths": (4, 8, 8), "classes": 3}, CLASSES, INPUT)
SETTINGS = TrainingSettings(
    epochs=4, steps_per_epoch=3, batch_size=2, patch_px=32, cell_px=24, learning_rate=0.02, average=0.6,
    device="cpu", precision="float32",
)  # fmt: skip


class Watch:
    """A monitor that does something at a step of the training."""

    def __init__(self, at: int | None = None, action: Callable[[], None] | None = None) -> None:
        self.at, self.action, self.steps, self.said = at, action, 0, list[str]()

    def report(self, stage: str, done: int, total: int) -> None:
        self.steps = done
        if self.action is not None and done == self.at:
            self.action()

    def message(self, text: str) -> None:
        self.said.append(text)

    def raise_if_cancelled(self) -> None:
        if self.action is None and self.at is not None and self.steps >= self.at:
            raise Cancelled("asked to")


@pytest.fixture(scope="module")
def items() -> list[MaskItem]:
    smears = [make_smear(seed, (64, 64), 24.0) for seed in range(4)]
    return [make_item(f"s{s.seed}", s.rgb, s.classes, s.smudges, 24.0) for s in smears]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def run(items, folder: Path, watch: Watch | None = None, settings=SETTINGS, *, resume=False, spec=SPEC) -> Fitted:
    return fit(spec, [ItemSource(items[:3])], items[3:], settings, folder, watch or Watch(), resume=resume)


def state(folder: Path, name: str = LAST) -> dict[str, Any]:
    found: dict[str, Any] = torch.load(folder / name, weights_only=True)
    return found


def same(one: Any, other: Any) -> bool:
    """Compare nested states bit for bit."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


@pytest.fixture(scope="module")
def through(items, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Fitted]:
    folder = tmp_path_factory.mktemp("through")
    torch.set_num_threads(1)
    return folder, run(items, folder)


def test_the_best_epoch_is_what_the_curves_say(through):
    folder, fitted = through
    rows = read_curves(folder)
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
    assert [row["step"] for row in rows] == [3, 6, 9, 12]
    best = max(rows, key=lambda row: row["val_dice"])
    assert fitted.epoch == best["epoch"]
    assert fitted.metrics == {key: value for key, value in best.items() if key.startswith("val_")}
    assert len({row["val_dice"] for row in rows}) > 1, "the run must learn something for this to be a test"
    assert rows[-1]["train_loss"] < rows[0]["train_loss"]
    assert not fitted.cancelled
    assert fitted.leader


@pytest.mark.parametrize(("stop", "average"), [(4, 0.6), (6, 0.6), (8, 0.6), (8, 0.0)])
def test_a_resumed_run_equals_an_uninterrupted_one(items, through, tmp_path, stop, average):
    settings = SETTINGS.updated(average=average)
    folder, whole = through if average else (tmp_path / "through", run(items, tmp_path / "through", settings=settings))
    broken = tmp_path / "broken"
    first = run(items, broken, Watch(stop), settings)
    assert first.cancelled
    assert [row["epoch"] for row in read_curves(broken)] == list(range(1, (stop - 1) // 3 + 1))
    resumed = run(items, broken, settings=settings, resume=True)
    assert not resumed.cancelled
    assert resumed.epoch == whole.epoch
    assert same(dict(resumed.tensors), dict(whole.tensors))
    last, other = state(broken), state(folder)
    for key in ("epoch", "global_step", "state_dict", "optimizer_states", "lr_schedulers", "current_model_state"):
        assert same(last.get(key), other.get(key)), key
    rows = [[{k: v for k, v in r.items() if k != "seconds"} for r in read_curves(f)] for f in (broken, folder)]
    assert rows[0] == rows[1]


def test_a_run_that_was_killed_goes_on_from_its_last_whole_epoch(items, through, tmp_path):
    class Killed(BaseException):
        pass

    def kill() -> None:
        raise Killed

    with pytest.raises(Killed):
        run(items, tmp_path, Watch(8, kill))
    assert state(tmp_path)["epoch"] == 1
    assert same(dict(run(items, tmp_path, resume=True).tensors), dict(through[1].tensors))


def test_more_epochs_may_follow(items, tmp_path):
    short = SETTINGS.updated(epochs=1)
    run(items, tmp_path, settings=short)
    again = run(items, tmp_path, settings=short, resume=True)
    assert again.epoch == 1
    run(items, tmp_path, settings=SETTINGS.updated(epochs=3), resume=True)
    assert [row["epoch"] for row in read_curves(tmp_path)] == [1, 2, 3]
    assert state(tmp_path)["epoch"] == 2


def test_the_last_epoch_is_kept_even_where_nothing_got_better(items, tmp_path):
    still = SETTINGS.updated(learning_rate=1e-12, average=0.0, epochs=3, patience=9)
    assert run(items, tmp_path, settings=still).epoch == 1
    assert (state(tmp_path)["epoch"], state(tmp_path, BEST)["epoch"]) == (2, 0)


def test_it_stops_early_when_nothing_gets_better(items, tmp_path):
    still = SETTINGS.updated(learning_rate=1e-12, average=0.0, epochs=9, patience=2)
    fitted = run(items, tmp_path, settings=still)
    assert len(read_curves(tmp_path)) == 3
    assert not fitted.cancelled


def test_a_stop_keeps_the_best_epoch_and_says_so(items, through, tmp_path):
    watch = Watch(5)
    fitted = run(items, tmp_path, watch)
    assert fitted.cancelled
    assert fitted.epoch == 1
    assert watch.steps == 5, "it stops at once"
    assert fitted.metrics["val_dice"] == read_curves(through[0])[0]["val_dice"]
    assert [line for line in watch.said if line.startswith("epoch")] == [f"epoch 1: {watch.said[1].split(': ', 1)[1]}"]


@pytest.mark.parametrize("step", [1, 3])
def test_a_stop_before_the_first_epoch_ended_keeps_nothing(items, tmp_path, step):
    with pytest.raises(Cancelled, match="before the first epoch ended"):
        run(items, tmp_path, Watch(step))
    assert not list(tmp_path.iterdir())


def test_a_stop_between_two_validation_images(items, tmp_path):
    class Late(Watch):
        asked = 0

        def raise_if_cancelled(self) -> None:
            self.asked += self.steps == 6
            if self.asked == 2:  # the first time after the step, the second after a validation image
                raise Cancelled("asked to")

    fitted = run(items, tmp_path, Late())
    assert (fitted.cancelled, fitted.epoch) == (True, 1)
    assert len(read_curves(tmp_path)) == 1


def test_an_interrupt_of_the_keyboard_stays_one(items, tmp_path):
    def press() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(items, tmp_path, Watch(4, press))
    assert state(tmp_path)["epoch"] == 0


def test_a_damaged_last_checkpoint_is_refused(items, through, tmp_path):
    content = (through[0] / LAST).read_bytes()
    for damaged in (b"", content[: len(content) // 2], b"no checkpoint at all", pickle.dumps([1, 2], 2)):
        (tmp_path / LAST).write_bytes(damaged)
        with pytest.raises(CheckpointError, match=r"last\.ckpt is damaged.*start again in a new folder"):
            run(items, tmp_path, resume=True)


def test_a_last_checkpoint_of_another_network_is_refused(items, through, tmp_path):
    (tmp_path / LAST).write_bytes((through[0] / LAST).read_bytes())
    wider = NetworkSpec("residual_unet", {"widths": (4, 8, 16), "classes": 3}, CLASSES, INPUT)
    with pytest.raises(CheckpointError, match="does not fit these settings"):
        run(items, tmp_path, resume=True, spec=wider)


class Trap:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_code_inside_a_last_checkpoint_is_never_run(items, through, tmp_path):
    sprung = tmp_path / "sprung"
    pickle.loads(pickle.dumps(Trap(sprung)))
    assert sprung.exists(), "the trap works"
    sprung.unlink()
    torch.save(state(through[0]) | {"epoch": Trap(sprung)}, tmp_path / LAST)
    with pytest.raises(CheckpointError, match="is damaged"):
        run(items, tmp_path, resume=True)
    with pytest.raises(pickle.UnpicklingError):
        WholeFiles().load_checkpoint(tmp_path / LAST, weights_only=False)
    assert not sprung.exists()


@contextmanager
def full_disk(left: int) -> Iterator[None]:
    """Let no file grow beyond `left` bytes."""
    resource = pytest.importorskip("resource", reason="only Unix limits the size of files")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (left, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_leaves_the_previous_file_whole(tmp_path):
    files, path = WholeFiles(), tmp_path / LAST
    files.save_checkpoint({"epoch": 1}, path)
    with full_disk(10_000), pytest.raises(SaveError, match=r"cannot write last\.ckpt: .*free some space"):
        files.save_checkpoint({"epoch": 2, "state_dict": {"a": torch.zeros(100_000)}}, path)
    assert files.load_checkpoint(path) == {"epoch": 1}
    assert [p.name for p in tmp_path.iterdir()] == [LAST]


def test_a_run_on_a_full_disk_says_so_and_can_go_on(items, through, tmp_path):
    run(items, tmp_path, Watch(4))
    before = (tmp_path / LAST).read_bytes()
    with full_disk(len(before) // 2), pytest.raises(SaveError, match="free some space"):
        run(items, tmp_path, resume=True)
    assert (tmp_path / LAST).read_bytes() == before
    assert same(dict(run(items, tmp_path, resume=True).tensors), dict(through[1].tensors))


@pytest.mark.parametrize("weights", [(1.0, 2.0), (1.0, 1.0, 1.0, 1.0), (1.0, -1.0, 1.0), (0.0, 0.0, 0.0)])
def test_class_weights_that_do_not_fit_are_refused(weights):
    with pytest.raises(UsageError, match=r"give 3 numbers .* for background, cytoplasm, nucleus"):
        check_settings(SPEC, SETTINGS.updated(class_weights=weights))
    for good in (None, "balanced", (1, 1, 2), (0, 1, 1)):
        check_settings(SPEC, SETTINGS.updated(class_weights=good))


def test_a_device_that_is_not_there_is_refused():
    if torch.backends.mps.is_available():
        pytest.skip("this machine has it")
    with pytest.raises(UsageError, match="'mps' is not available"):
        check_settings(SPEC, SETTINGS.updated(device="mps"))


@pytest.mark.parametrize("change", [{"loss": "dice"}, {"loss": "focal"}, {"class_weights": "balanced"}])
def test_other_losses_learn_too(items, tmp_path, change):
    run(items, tmp_path, settings=SETTINGS.updated(**change, epochs=2, steps_per_epoch=10))
    first, last = read_curves(tmp_path)
    assert last["val_loss"] < first["val_loss"]
    assert np.isfinite([last["train_loss"], first["train_loss"]]).all()
