"""Training on what was corrected in a project: what is learned from, kept aside, refused, and left behind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_all.data.grouping import joined, read_column
from napari_all.data.synthetic import make_smear
from napari_all.errors import Cancelled, FileExistsRefused, UsageError
from napari_all.io.sidecar import Sidecar
from napari_all.monitor import NullMonitor
from napari_all.project.create import create_project
from napari_all.project.layout import Layout
from napari_all.project.planes import Pixels
from napari_all.project.predicting import take_prediction
from napari_all.project.project import Project
from napari_all.workflows.learn import LearnConfig, learn, next_name, plan_learning
from napari_all.workflows.train_config import make_train_config

TINY = LearnConfig(
    training=make_train_config(
        ["epochs=1", "steps_per_epoch=2", "batch_size=2", "patch_px=32", "cell_px=24", "device=cpu",
         "precision=float32", "validation_share=0.3"]
    )
)  # fmt: skip
SIDE = 176


def write_smear(path: Path, seed: int, shift: int = 0) -> Pixels:
    smear = make_smear(seed, (SIDE, SIDE + 16), 24.0, n_white=3, scale_bar=False)
    window = np.s_[:, shift : shift + SIDE]
    Image.fromarray(smear.rgb[window]).save(path)
    return Pixels.of(smear.labels[window], smear.classes[window])


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Six images: `s0b` shows most of what `s0` does; five are accepted, one is a mere prediction."""
    images = tmp_path / "images"
    images.mkdir()
    truth = {"s0b.png": write_smear(images / "s0b.png", 0, shift=16)}
    truth |= {f"s{n}.png": write_smear(images / f"s{n}.png", n) for n in range(5)}
    create_project(tmp_path / "my project", images)
    with Project(tmp_path / "my project", pause_s=0.01) as opened:
        for name, pixels in truth.items():
            take_prediction(opened, name, pixels, Sidecar(method="lab", parts="nucleus+cytoplasm"))
            if name != "s4.png":
                opened.set_status(name, "accepted")
    return tmp_path / "my project"


def test_groups_are_joined_over_several_groupings() -> None:
    assert joined([["a", "b", "a", "c", "d"], [1, 1, 2, 3, 4]]) == [0, 0, 0, 1, 2]
    assert joined([["a", "b"]]) == [0, 1]
    assert joined([]) == []


def test_overlapping_images_and_groups_of_a_table_stay_on_one_side(project: Path, tmp_path: Path) -> None:
    images = tmp_path / "images"
    plan = plan_learning(project, images, TINY)
    assert plan.images == ("s0.png", "s0b.png", "s1.png", "s2.png", "s3.png"), "only what a person approved"
    group, aside = (
        dict(zip(plan.images, plan.groups, strict=True)),
        dict(zip(plan.images, plan.kept_aside, strict=True)),
    )
    assert group["s0.png"] == group["s0b.png"]
    assert len(set(plan.groups)) == 4
    assert aside["s0.png"] == aside["s0b.png"]
    assert 0 < sum(plan.kept_aside) < 5
    assert plan.lines()[0].startswith("5 images are corrected or accepted: ")
    table = tmp_path / "patients.csv"
    table.write_text("image,patient\n" + "".join(f"s{n}.png,{'x' if n < 3 else 'y'}\n" for n in ("0b", 0, 1, 2, 3)
                     if isinstance(n, int)) + "s0b.png,x\n")  # fmt: skip
    with_table = plan_learning(project, images, TINY.updated(groups=table, group_column="patient"))
    assert len(set(with_table.groups)) == 2
    assert len({a for n, a in zip(with_table.images, with_table.kept_aside, strict=True) if n != "s3.png"}) == 1
    table.write_text("image,patient\n" + "".join(f"{name},x\n" for name in plan.images))
    with pytest.raises(UsageError, match="none can be kept aside"):
        plan_learning(project, images, TINY.updated(groups=table, group_column="patient"))


def test_too_few_images_are_refused(project: Path, tmp_path: Path) -> None:
    with Project(project) as opened:
        opened.set_status("s0.png", "excluded")
        opened.set_status("s1.png", "predicted")
    with pytest.raises(UsageError, match="3 images are corrected or accepted, 4 are needed"):
        plan_learning(project, tmp_path / "images")


def test_a_training_leaves_a_model_and_keeps_aside_again_what_was_kept_aside(project: Path, tmp_path: Path) -> None:
    pytest.importorskip("lightning")
    images = tmp_path / "images"
    with Project(project) as opened:  # the window has it open meanwhile
        named = TINY.updated(training=TINY.training.updated(name=next_name(project)))
        report, model = learn(project, images, named)
        opened.set_status("s4.png", "accepted")
    assert model == project.resolve() / "models" / "my-project-1" / "my-project-1.safetensors"
    assert (model.parent / "before_after.png").exists()
    assert next_name(project) == "my-project-2"
    with pytest.raises(FileExistsRefused, match="already"):
        learn(project, images, named)
    parts = read_column(model.parent / "split.csv", "part")
    assert sorted(parts) == ["s0.png", "s0b.png", "s1.png", "s2.png", "s3.png"]
    assert set(report.after.per_image) == {name for name, part in parts.items() if part == "val"}
    assert report.data.grouped
    again = plan_learning(project, images, TINY.updated(training=TINY.training.updated(validation_share=0.01)))
    aside = {name for name, out in zip(again.images, again.kept_aside, strict=True) if out}
    assert aside == {name for name, part in parts.items() if part == "val"}
    more = plan_learning(project, images, TINY.updated(training=TINY.training.updated(validation_share=0.9)))
    learned = {name for name, part in parts.items() if part == "train"}
    assert not learned & {name for name, out in zip(more.images, more.kept_aside, strict=True) if out}


def test_a_training_stopped_before_its_first_epoch_leaves_nothing(project: Path, tmp_path: Path) -> None:
    pytest.importorskip("lightning")

    class Stopped(NullMonitor):
        def report(self, stage: str, done: int, total: int) -> None:
            self.training = stage == "train"

        def raise_if_cancelled(self) -> None:
            if getattr(self, "training", False):
                raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        learn(project, tmp_path / "images", TINY, Stopped())
    assert not any(Layout(project).models.iterdir())
