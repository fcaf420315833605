"""`train segmenter` from start to finish: a look at the data, exit codes, Ctrl-C, and several processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

from napari_all.cli import main  # noqa: E402
from napari_all.data.synthetic import make_smear  # noqa: E402
from napari_all.networks.checkpoint import load_checkpoint  # noqa: E402
from napari_all.training.curves import read_curves  # noqa: E402

TINY = [
    f"--set={text}"
    for text in (
        "epochs=1", "steps_per_epoch=2", "batch_size=2", "patch_px=32", "cell_px=24", "device=cpu", "average=0",
        "precision=float32",
    )
]  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    for kind in ("images", "masks"):
        (root / kind).mkdir()
    for seed in range(4):
        smear = make_smear(seed, (64, 64), 24.0, n_white=2, scale_bar=False)
        Image.fromarray(smear.rgb).save(root / "images" / f"s{seed}.png")
        Image.fromarray(smear.classes).save(root / "masks" / f"s{seed}.png")
    (root / "groups.csv").write_text("image,patient\n" + "".join(f"s{n}.png,{n % 2}\n" for n in range(4)))
    return root


def command(data: Path, output: Path, *more: str) -> list[str]:
    folders = ["--images", str(data / "images"), "--masks", str(data / "masks")]
    return ["train", "segmenter", *folders, "--output", str(output), *TINY, *more]


def test_check_says_what_a_training_would_be_fed_and_writes_nothing(data, tmp_path, capsys):
    asked = command(data, tmp_path / "run", "--check", "--groups", str(data / "groups.csv"))
    assert main([*asked, "--group-column", "patient"]) == 0
    said = capsys.readouterr().out
    assert "4 images with a mask: 2 to train on, 2 to validate on" in said
    assert "the network learns background, cytoplasm, nucleus" in said
    assert "2 groups, none on both sides" in said
    (data / "images" / "lonely.png").write_bytes((data / "images" / "s0.png").read_bytes())
    try:
        assert main([*command(data, tmp_path / "run", "--check"), "--json"]) == 0
    finally:
        (data / "images" / "lonely.png").unlink()
    found = json.loads(capsys.readouterr().out)
    assert found["without_mask"] == ["lonely.png"]
    assert (found["train"], found["validation"], found["grouped"]) == (3, 1, False)
    assert not (tmp_path / "run").exists()


def test_it_trains_reports_and_refuses_a_second_run(data, tmp_path, capsys):
    output = tmp_path / "run"
    assert main(command(data, output, "--name", "mine", "--json")) == 0
    said = capsys.readouterr()
    report = json.loads(said.out)
    assert report["checkpoint"] == "mine.safetensors"
    assert load_checkpoint(output / "mine.safetensors").card.name == "mine"
    assert "3 to train on" in said.err
    assert "epoch 1: validation loss" in said.err
    assert main(command(data, output, "--name", "mine")) == 2
    assert "--resume to go on" in capsys.readouterr().err
    assert main(command(data, output, "--name", "mine", "--resume", "--set", "batch_size=3")) == 2
    assert "begun with other batch_size" in capsys.readouterr().err
    assert main(command(data, output, "--name", "mine", "--resume", "--set", "epochs=2", "--quiet")) == 0
    assert capsys.readouterr() == ("", "")
    assert [row["epoch"] for row in read_curves(output)] == [1, 2]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--set", "epoch=3"], "unknown setting 'epoch'"),
        (["--set", "epochs=none"], "epochs"),
        (["--architecture", "squarenet"], "unknown architecture 'squarenet'"),
        (["--architecture", "unet", "--encoder", "resnet19"], "unknown encoder 'resnet19'"),
        (["--architecture", "dpt"], "such as tu-vit_tiny_patch16_224"),
        (
            ["--architecture", "pan", "--encoder", "resnet18"],
            "patch_px = 32; patches of this network are multiples of 128",
        ),
        (["--init", "no-such-model"], "there is no model 'no-such-model'"),
        (["--share", "0"], "share = 0.0"),
        (["--share", "1", "--share", "2"], "--share was given 2 times for 1 folders"),
        (["--images", "elsewhere"], "--images was given 2 times, --masks 1"),
        (["--ignore", "nowhere"], "folder 'nowhere' does not exist"),
        (["--groups", "nowhere.csv"], "cannot read the table nowhere.csv"),
        (["--name", "report"], "name = 'report'"),
        (["--code", "classes", "--set", "processes=0"], "processes = '0'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_use(data, tmp_path, capsys, more, said):
    assert main(command(data, tmp_path / "run", *more)) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "arguments", [["train"], ["train", "classifier"], ["train", "segmenter", "--images", "a"]], ids=" ".join
)
def test_arguments_that_are_missing(arguments, capsys):
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    assert "--help" in capsys.readouterr().err


def test_options_given_once_hold_for_every_folder(data, tmp_path, capsys):
    groups = ["--groups", str(data / "groups.csv"), "--group-column", "patient"]
    other = ["--images", str(data / "images"), "--masks", str(data / "masks")]
    assert main([*command(data, tmp_path / "run", "--check", "--json"), *other, *groups]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["images"], found["groups"], found["grouped"]) == (8, 2, True)
    assert found["train"] == found["validation"] == 4


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal")
def test_an_interrupt_keeps_the_best_epoch(data, tmp_path, capsys):
    output = tmp_path / "run"

    def press() -> None:
        while not (output / "curves.csv").exists():
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press, daemon=True)
    thread.start()
    assert main(command(data, output, "--set", "epochs=5000", "--set", "patience=5000")) == 130
    thread.join()
    said = capsys.readouterr()
    assert "stopping after this step" in said.err
    assert "the best epoch was kept" in said.out
    assert json.loads((output / "report.json").read_text())["cancelled"] is True
    assert load_checkpoint(output / "my-unet.safetensors").card.backbone == "residual_unet"
    done = len(read_curves(output))
    assert main(command(data, output, "--set", f"epochs={done + 1}", "--resume", "--quiet")) == 0
    assert len(read_curves(output)) == done + 1


@pytest.mark.timeout(900)
def test_two_processes_train_one_model(data, tmp_path):
    """Each has its own batches: were the second's left out, or the same, the weights would be those of one process."""
    asked = command(data, tmp_path / "two", "--set", "processes=2", "--set", "learning_rate=0.01", "--json")
    done = subprocess.run(
        [sys.executable, "-m", "napari_all", *asked],
        capture_output=True, text=True, timeout=840, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)  # the helper process prints nothing
    assert report["checkpoint"] == "my-unet.safetensors"
    assert done.stderr.count("epoch 1: validation loss") == 1
    assert [p.name for p in (tmp_path / "two").glob("*.safetensors")] == ["my-unet.safetensors"]
    assert [row["step"] for row in read_curves(tmp_path / "two")] == [2]
    assert main(command(data, tmp_path / "one", "--set", "learning_rate=0.01", "--quiet")) == 0
    two, one = (load_checkpoint(tmp_path / name / "my-unet.safetensors").tensors for name in ("two", "one"))
    assert two.keys() == one.keys()
    assert all(np.isfinite(value).all() for value in two.values())
    apart = [
        np.abs(two[name].astype(float) - one[name]).max()
        for name in two
        if name.endswith("conv.weight") or "0.weight" in name
    ]
    assert max(apart) > 1e-3
