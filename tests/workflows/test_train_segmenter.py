"""Training from folders to a model that segments: architectures, data rules, refusals, stops and reports."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

from napari_all.cli import main  # noqa: E402
from napari_all.data.synthetic import make_smear  # noqa: E402
from napari_all.errors import (  # noqa: E402
    Cancelled,
    CheckpointError,
    FileExistsRefused,
    NapariAllError,
    UsageError,
)
from napari_all.io.masks import read_labels  # noqa: E402
from napari_all.monitor import NullMonitor  # noqa: E402
from napari_all.networks.checkpoint import load_checkpoint, save_checkpoint  # noqa: E402
from napari_all.workflows import train_data  # noqa: E402
from napari_all.workflows.train_config import SourceConfig, make_train_config, settable  # noqa: E402
from napari_all.workflows.train_data import load_training_data, painted_source  # noqa: E402
from napari_all.workflows.train_segmenter import check_data, read_curves, train_segmenter  # noqa: E402

TINY = (
    "epochs=1", "steps_per_epoch=2", "batch_size=2", "patch_px=32", "cell_px=24", "device=cpu", "precision=float32",
)  # fmt: skip


def write_smears(folder: Path, seeds: Iterable[int], *, binary: bool = False, side: int = 64) -> SourceConfig:
    images, masks = folder / "images", folder / "masks"
    images.mkdir(parents=True)
    masks.mkdir()
    for seed in seeds:
        smear = make_smear(seed, (side, side), 24.0, n_white=2 if side > 60 else 1, scale_bar=False)
        Image.fromarray(smear.rgb).save(images / f"s{seed}.png")
        plane = (smear.labels > 0).astype(np.uint8) * 255 if binary else smear.classes
        Image.fromarray(plane).save(masks / f"s{seed}.png")
    return SourceConfig(images=images, masks=masks)


def write_table(path: Path, column: str, rows: dict[str, str]) -> Path:
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([("image", column), *rows.items()])
    return path


@pytest.fixture(scope="module")
def parted(tmp_path_factory: pytest.TempPathFactory) -> SourceConfig:
    return write_smears(tmp_path_factory.mktemp("parted"), range(5))


@pytest.fixture(scope="module")
def binary(tmp_path_factory: pytest.TempPathFactory) -> SourceConfig:
    return write_smears(tmp_path_factory.mktemp("binary"), range(3), binary=True)


@pytest.fixture(scope="module")
def finished(parted: SourceConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run of the default network."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    train_segmenter([parted], folder, make_train_config([*TINY, "epochs=2"]))
    return folder


def segment(model: Path, image: Path, output: Path) -> np.ndarray:
    asked = ["segment", str(image), "--method", "unet", "--model", str(model), "--output", str(output), "--quiet"]
    assert main([*asked, "--set", "device=cpu"]) == 0
    return read_labels(output / f"{image.stem}_labels.tif").labels


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}


def test_the_fingerprint_follows_what_is_learned_not_where_it_lies(tmp_path):
    source = write_smears(tmp_path / "here", range(3))
    config = make_train_config(TINY)
    before = check_data([source], config)
    assert "read as classes" in "\n".join(before.lines())
    (tmp_path / "here").rename(tmp_path / "there")
    moved = SourceConfig(images=tmp_path / "there" / "images", masks=tmp_path / "there" / "masks")
    assert check_data([moved], config).fingerprint == before.fingerprint
    hidden = np.zeros((64, 64), np.uint8)
    hidden[:5] = 255
    Image.fromarray(hidden).save(moved.masks / "s1_ignore.png")
    ignoring = check_data([moved], config).fingerprint
    assert ignoring != before.fingerprint
    split = write_table(tmp_path / "split.csv", "part", {"s0.png": "train", "s1.png": "train", "s2.png": "val"})
    other = write_table(tmp_path / "other.csv", "part", {"s0.png": "val", "s1.png": "train", "s2.png": "train"})
    assert len({check_data([moved.updated(split=table)], config).fingerprint for table in (split, other)}) == 2


def test_a_run_leaves_a_model_that_segments_and_a_report(finished, parted, tmp_path):
    assert {path.name for path in finished.iterdir()} == {
        "my-unet.safetensors", "my-unet.json", "report.json", "report.md", "settings.json",
        "curves.csv", "curves.png", "before_after.png", "last.ckpt", "best.ckpt",
    }  # fmt: skip
    checkpoint = load_checkpoint(finished / "my-unet.safetensors", "segmentation")
    card = checkpoint.card
    assert (card.backbone, card.classes) == ("residual_unet", ("background", "cytoplasm", "nucleus"))
    assert card.extra["cell_diameter_px"] == 24
    assert card.extra["init"] is None
    assert card.extra["data"]["fingerprint"] == check_data([parted], make_train_config(TINY)).fingerprint
    report = json.loads((finished / "report.json").read_text())
    rows = read_curves(finished)
    assert [row["epoch"] for row in rows] == [1, 2]
    assert report["curves"]["val_dice"] == max(row["val_dice"] for row in rows)
    assert card.metrics == report["curves"]
    assert (report["data"]["train"], report["data"]["validation"]) == (4, 1)
    assert report["before"] is None
    assert 0 <= report["after"]["dice"] <= 1
    assert Image.open(finished / "before_after.png").size == (3 * 228, 244)
    assert "research use only" in (finished / "report.md").read_text()
    image = sorted(parted.images.iterdir())[0]
    labels = segment(finished / "my-unet.safetensors", image, tmp_path / "out")
    assert labels.shape == (64, 64)


@pytest.mark.parametrize(
    ("asked", "backbone"),
    [
        (("architecture=unet", "encoder=resnet18"), "smp"),
        (("architecture=fpn", "encoder=resnet18", "loss=focal"), "smp"),
        (("architecture=classic_unet", "steps_per_epoch=1", "loss=dice"), "classic_unet"),
    ],
    ids=["unet", "fpn", "classic"],
)
def test_other_architectures_from_binary_masks(binary, tmp_path, asked, backbone):
    output = tmp_path / "run"
    report = train_segmenter([binary], output, make_train_config([*TINY, *asked]))
    assert report.data.classes == ["background", "cell"]
    card = load_checkpoint(output / "my-unet.json").card
    assert (card.backbone, card.classes) == (backbone, ("background", "cell"))
    sidecar = tmp_path / "out" / "s0_labels.json"
    assert segment(output / "my-unet.safetensors", binary.images / "s0.png", tmp_path / "out").shape == (64, 64)
    assert json.loads(sidecar.read_text())["parts"] == "cell"


def test_fine_tuning_begins_where_the_shipped_model_stands(tmp_path):
    source = write_smears(tmp_path / "data", range(4), side=96)
    output = tmp_path / "run"
    config = make_train_config([*TINY, "init=smear-unet", "steps_per_epoch=6", "learning_rate=0.0002", "patch_px=64"])
    report = train_segmenter([source], output, config)
    assert report.before is not None
    assert report.before.dice > 0.8
    assert report.after.dice >= report.before.dice - 0.01
    begun, card = load_checkpoint("smear-unet"), load_checkpoint(output / "my-unet.safetensors").card
    assert (card.backbone, card.options, card.classes) == (begun.card.backbone, begun.card.options, begun.card.classes)
    assert card.extra["init"] == {"name": "smear-unet", "sha256": begun.sha256}
    assert card.extra["cell_diameter_px"] == begun.card.extra["cell_diameter_px"]
    assert set(begun.card.data) < set(card.data)
    assert begun.card.licence in card.licence
    assert Image.open(output / "before_after.png").size == (4 * 228, 244)
    page = (output / "report.md").read_text()
    assert f"| before | 1 | {report.before.dice:.4f}" in page


def test_a_run_that_is_there_is_refused_and_left_alone(finished, parted, tmp_path):
    before = contents(finished)
    with pytest.raises(FileExistsRefused, match="--resume to go on, --overwrite to start again"):
        train_segmenter([parted], finished, make_train_config(TINY))
    for wrong in (
        [parted.updated(ignore=tmp_path / "nowhere")],
        [parted.updated(masks=tmp_path)],
    ):
        with pytest.raises(UsageError):
            train_segmenter(wrong, finished, make_train_config(TINY), overwrite=True)
    for bad in ("architecture=squarenet", "init=no-such-model", "class_weights=1,2"):
        with pytest.raises(NapariAllError):
            train_segmenter([parted], finished, make_train_config([*TINY, bad]), overwrite=True)
    assert contents(finished) == before


def test_resuming_takes_the_same_data_and_settings(finished, parted, tmp_path):
    config = make_train_config([*TINY, "epochs=2"])
    before = contents(finished)
    with pytest.raises(CheckpointError, match="begun with other batch_size, rotate; resume with the same"):
        train_segmenter([parted], finished, make_train_config(["batch_size=3", "rotate=no"], config), resume=True)
    other = write_smears(tmp_path / "other", range(1, 6))
    with pytest.raises(CheckpointError, match="begun with other data"):
        train_segmenter([other], finished, config, resume=True)
    assert contents(finished) == before
    report = train_segmenter([parted], finished, make_train_config(["patience=3"], config), resume=True)
    assert len(read_curves(finished)) == 2
    assert report.epoch in (1, 2)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("architecture=squarenet", "unknown architecture 'squarenet'; choose one of .*'unetplusplus'"),
        ("encoder=resnet18", "'residual_unet' has no exchangeable encoder"),
        ("init=no-such-model", "there is no model 'no-such-model'"),
        ("class_weights=1,2", "give 3 numbers"),
    ],
)
def test_what_cannot_be_trained_writes_nothing(parted, tmp_path, bad, message):
    with pytest.raises(NapariAllError, match=message):
        train_segmenter([parted], tmp_path / "run", make_train_config([*TINY, bad]))
    assert not (tmp_path / "run").exists()


def test_a_model_of_unknown_scale_is_no_beginning(parted, tmp_path):
    shipped = load_checkpoint("smear-unet")
    card = shipped.card.updated(name="odd", extra={})
    path = save_checkpoint(tmp_path / "odd", shipped.tensors, card)
    with pytest.raises(CheckpointError, match="at what size the network sees cells"):
        train_segmenter([parted], tmp_path / "run", make_train_config([*TINY, f"init={path}"]))


@pytest.mark.parametrize("name", ["report", "Settings", "../out", "", "a b"])
def test_names_that_a_model_cannot_have(name):
    with pytest.raises(UsageError, match="name"):
        make_train_config([f"name={name}"])


class StopAfter(NullMonitor):
    def __init__(self, epochs: int) -> None:
        self.left = epochs

    def message(self, text: str) -> None:
        self.left -= text.startswith("epoch")

    def raise_if_cancelled(self) -> None:
        if self.left <= 0:
            raise Cancelled("enough")


def test_a_stop_leaves_the_best_model_and_its_report(parted, tmp_path):
    report = train_segmenter([parted], tmp_path / "run", make_train_config([*TINY, "epochs=50"]), monitor=StopAfter(2))
    assert report.cancelled
    assert "stopped early" in report.lines()[-1]
    assert len(read_curves(tmp_path / "run")) == 2
    assert load_checkpoint(tmp_path / "run" / report.checkpoint).card.extra["epoch"] == report.epoch
    with pytest.raises(Cancelled):
        train_segmenter([parted], tmp_path / "none", make_train_config(TINY), monitor=StopAfter(0))
    assert not contents(tmp_path / "none")


# what it is fed with


@pytest.fixture(scope="module")
def pair_of_folders(tmp_path_factory: pytest.TempPathFactory) -> list[SourceConfig]:
    root = tmp_path_factory.mktemp("folders")
    return [
        write_smears(root / "one", range(10, 16), side=32),
        write_smears(root / "two", range(20, 25), side=32),
    ]


def lists_of(count: int) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from("abcd"), min_size=count, max_size=count)


@given(lists_of(6), lists_of(5), st.floats(0.05, 0.95), st.integers(0, 3))
@settings(max_examples=20)
def test_no_group_lies_on_both_sides_even_across_folders(pair_of_folders, tmp_path_factory, one, two, share, seed):
    folder = tmp_path_factory.mktemp("tables")
    sources, group_of = [], {}
    for source, groups in zip(pair_of_folders, (one, two), strict=True):
        names = sorted(path.name for path in source.images.iterdir())
        rows = dict(zip(names, groups, strict=True))
        group_of |= rows
        table = write_table(folder / f"{source.images.parent.name}.csv", "group", rows)
        sources.append(source.updated(groups=table))
    config = make_train_config([f"validation_share={share}", f"seed={seed}"])
    if len(set(one)) == 1 or (len(set(two)) == 1 and not set(two) & set(one)):
        with pytest.raises(UsageError, match="at least two groups"):
            load_training_data(sources, config, NullMonitor())
        return
    data = load_training_data(sources, config, NullMonitor())
    train = {group_of[item.name] for source in data.sources for item in source.train}
    validation = {group_of[item.name] for item in data.validation}
    assert train
    assert validation
    assert not train & validation
    assert data.summary.grouped
    assert data.summary.groups == len(train | validation)
    assert data.summary.train + data.summary.validation == 11


def test_equal_images_are_one_group(pair_of_folders, tmp_path):
    source = write_smears(tmp_path / "copies", [10, 11], side=32)
    for name in ("a", "b", "c"):
        for kind in (source.images, source.masks):
            (kind / f"{name}.png").write_bytes((kind / "s10.png").read_bytes())
    for seed in range(4):
        data = load_training_data([source, pair_of_folders[0]], make_train_config([f"seed={seed}"]), NullMonitor())
        train = {item.rgb.tobytes() for s in data.sources for item in s.train}
        assert not train & {item.rgb.tobytes() for item in data.validation}
        assert not data.summary.grouped
        assert any("flatters" in line for line in data.summary.lines())


def test_a_table_of_parts_decides(pair_of_folders, tmp_path):
    source = pair_of_folders[0]
    names = sorted(path.name for path in source.images.iterdir())
    parts = dict(zip(names, ("train", "val", "none", "train", "val", "none"), strict=True))
    table = write_table(tmp_path / "split.csv", "part", parts)
    data = load_training_data([source.updated(split=table)], make_train_config([]), NullMonitor())
    assert [item.name for item in data.sources[0].train] == [names[0], names[3]]
    assert [item.name for item in data.validation] == [names[1], names[4]]
    assert (data.summary.images, data.summary.grouped) == (4, True)
    groups = write_table(tmp_path / "groups.csv", "group", dict.fromkeys(names, "same"))
    with pytest.raises(UsageError, match="keep groups whole"):
        load_training_data([source.updated(split=table, groups=groups)], make_train_config([]), NullMonitor())
    write_table(tmp_path / "split.csv", "part", parts | {names[0]: "test"})
    with pytest.raises(UsageError, match="has the part 'test'; choose one of train, val, none"):
        load_training_data([source.updated(split=table)], make_train_config([]), NullMonitor())
    write_table(tmp_path / "split.csv", "part", dict.fromkeys(names, "train"))
    with pytest.raises(UsageError, match="images to validate on"):
        load_training_data([source.updated(split=table)], make_train_config([]), NullMonitor())


def test_one_image_on_both_sides_under_two_names_is_refused(tmp_path):
    source = write_smears(tmp_path / "copies", [10, 11], side=32)
    for kind in (source.images, source.masks):
        (kind / "copy.png").write_bytes((kind / "s10.png").read_bytes())
    groups = write_table(tmp_path / "g.csv", "group", {"s10.png": "1", "s11.png": "1", "copy.png": "2"})
    with pytest.raises(UsageError, match="are one image, on both sides"):
        load_training_data([source.updated(groups=groups)], make_train_config([]), NullMonitor())


def test_the_network_learns_what_the_masks_show(parted, binary, tmp_path):
    def classes(*sources: SourceConfig, extra: tuple[str, ...] = ()) -> list[str]:
        return check_data(sources, make_train_config(extra)).classes

    assert classes(binary) == ["background", "cell"]
    assert classes(binary.updated(parts="nucleus")) == ["background", "nucleus"]
    assert classes(parted) == ["background", "cytoplasm", "nucleus"]
    assert classes(parted, binary) == ["background", "cytoplasm", "nucleus"]
    assert classes(binary, extra=("synthetic_share=0.5",)) == ["background", "cell", "smudge"]
    empty = write_smears(tmp_path / "empty", [1, 2])
    for mask in empty.masks.iterdir():
        Image.fromarray(np.zeros((64, 64), np.uint8)).save(mask)
    with pytest.raises(UsageError, match="no mask shows a cell"):
        classes(empty)


def test_painted_smears_take_the_asked_share(parted, binary, monkeypatch):
    monkeypatch.setattr(train_data, "_PAINTED", 2)
    config = make_train_config(["synthetic_share=0.2"])
    data = load_training_data([parted, binary.updated(share=3.0)], config, NullMonitor())
    painted = painted_source(config, data.sources)
    assert painted is not None
    assert painted.share / (painted.share + sum(s.share for s in data.sources)) == pytest.approx(0.2)
    assert not painted.validation
    assert painted_source(make_train_config([]), data.sources) is None


def test_settings_are_found_in_every_section():
    config = make_train_config(["epochs=3", "rotate=no", "name=x", "class_weights=1,2,3", "cell_px=none"])
    assert (config.training.epochs, config.training.augment.rotate, config.name) == (3, False, "x")
    assert config.training.class_weights == (1.0, 2.0, 3.0)
    assert config.training.cell_px is None
    again = make_train_config(["loss=focal"], config)
    assert (again.training.loss, again.training.epochs) == ("focal", 3)
    with pytest.raises(UsageError, match=r"unknown setting 'epoch'; choose one of .*'epochs'"):
        make_train_config(["epoch=3"])
    with pytest.raises(UsageError, match="epochs = '0'"):
        make_train_config(["epochs=0"])
    assert {"epochs", "rotate", "architecture", "debris"} <= settable().keys()
    assert not {"training", "augment"} & settable().keys()
