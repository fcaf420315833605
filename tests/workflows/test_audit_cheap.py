"""A training's own look for shortcuts finds a planted one, and none where there is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_all.data.dataset import LabelledImage, find_labelled_images
from napari_all.data.synthetic import make_smear
from napari_all.errors import Cancelled, UsageError
from napari_all.monitor import NullMonitor
from napari_all.workflows.audit_cheap import cheap_audit


def plant(folder: Path, per_class: int, tinted: bool) -> list[LabelledImage]:
    """Write two classes of like smears; tinted, the second one's light is a little warmer."""
    for label, name in enumerate(("Benign", "Pro")):
        (folder / name).mkdir(parents=True)
        for number in range(per_class):
            seed = 2 * number + label
            rgb = make_smear(seed, (96, 96), 20.0, stain="purple-grey", illumination=0.0).rgb.astype(np.float32)
            light = np.random.default_rng(seed).uniform(0.9, 1.0) * np.array([1.0, 1.0, 0.9 if tinted * label else 1.0])
            Image.fromarray((rgb * light).astype(np.uint8)).save(folder / name / f"{number:03d}.png")
    return find_labelled_images(folder)


def test_a_planted_tint_is_found(tmp_path: Path) -> None:
    images = plant(tmp_path / "tinted", 16, tinted=True)
    train = [i for i in range(len(images)) if i % 2]
    found = cheap_audit(images, train, [i for i in range(len(images)) if not i % 2], accuracy=0.97)
    colour = next(s for s in found.scores if s.descriptor == "background_colour")
    assert colour.accuracy >= 0.9
    assert colour.level == "clear"
    assert "proves little. Look at whole groups held out." in found.verdict
    assert "97.0 %" in found.verdict
    apart = cheap_audit(images, train, [i for i in range(len(images)) if not i % 2], leaks=False)
    assert apart.verdict.endswith("groups held out: a high accuracy on this split proves little.")
    assert (found.images_learned, found.images_tested) == (16, 16)
    assert any("background colour alone" in line for line in found.markdown())


def test_without_a_shortcut_it_says_so(tmp_path: Path) -> None:
    images = plant(tmp_path / "plain", 16, tinted=False)
    train = [i for i in range(len(images)) if i % 2]
    found = cheap_audit(images, train, [i for i in range(len(images)) if not i % 2])
    assert all(s.level == "none" for s in found.scores)
    assert "neither background nor corner" in found.verdict


def test_a_part_without_images_is_refused_and_cancel_works(tmp_path: Path) -> None:
    images = plant(tmp_path / "tiny", 2, tinted=False)
    with pytest.raises(UsageError, match="both parts"):
        cheap_audit(images, [0, 1, 2, 3], [])
    with pytest.raises(UsageError, match="two classes"):
        cheap_audit(images, [0, 1], [2, 3])

    class Stop(NullMonitor):
        def raise_if_cancelled(self) -> None:
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        cheap_audit(images, [0, 2], [1, 3], monitor=Stop())
