"""A data set for the scripts that train classifiers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_all.data.synthetic import make_smear


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make four classes of ten smears in five clusters each, told apart by their tint."""
    root = tmp_path_factory.mktemp("dataset")
    rows = ["class,file,overlap_group,appearance_cluster"]
    smears = [make_smear(seed, (64, 64), 16.0).rgb for seed in range(10)]
    for label, name in enumerate(("Benign", "Early", "Pre", "Pro")):
        (root / name).mkdir()
        for i, rgb in enumerate(smears):
            tinted = np.clip(rgb.astype(int) - np.eye(4, dtype=int)[label][:3] * 40, 0, 255).astype(np.uint8)
            Image.fromarray(tinted).save(root / name / f"{i}.png")
            rows.append(f"{name},{i}.png,{label * 10 + i},{name}-{i // 2}")
    (root / "overlap_groups.csv").write_text("\n".join(rows) + "\n")
    return root
