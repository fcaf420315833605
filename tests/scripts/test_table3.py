"""The command for Table 3: who is on which side, resuming equals going through, and the whole of it runs."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
import pytest

pytest.importorskip("lightning")
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
import table3 as script
import table3_data as data
import table3_page as page

from napari_all.data.synthetic import make_smear
from napari_all.errors import CheckpointError, FileExistsRefused, UsageError

PARTS = ("train", "val", "test")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Make four classes of twelve smears, published masks that miss half of each, and two reference fields."""
    root = tmp_path_factory.mktemp("data")
    rows, fields = ["class,file,overlap_group,appearance_cluster"], []
    recipe = json.loads((script.ROOT / "recipes" / "taleqani-masks.json").read_text())
    for c, name in enumerate(("Benign", "Early", "Pre", "Pro")):
        for kind in ("Original", "Segmented"):
            (root / "taleqani-all" / kind / name).mkdir(parents=True)
        for i in range(12):
            smear = make_smear(100 * c + i, (64, 64), 20.0)
            stem = f"{name}-{i:03d}"
            half = smear.rgb * ((smear.labels > 0) & (np.arange(64) < 32))[..., None].astype(np.uint8)
            for kind, rgb in (("Original", smear.rgb), ("Segmented", half)):
                cv2.imwrite(str(root / "taleqani-all" / kind / name / f"{stem}.jpg"), rgb[..., ::-1])
            rows.append(f"{name},{stem}.jpg,{name}-{i - (i % 2 if i >= 8 else 0)},{name}-0")
            scored = i == 11 and name in ("Benign", "Pro")
            target = root / ("reference-masks/labels" if scored else "masks")
            ending = ".png" if scored else "_labels.tif"
            target.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(target / f"{stem}{ending}"), smear.labels.astype("uint16"))
            if i < 7:
                fields.append({**recipe["fields"][0], "image": f"Original/{name}/{stem}.jpg"})
    (root / "reference-masks" / "ignore").mkdir()
    (root / "taleqani-all" / "overlap_groups.csv").write_text("\n".join(rows) + "\n")
    (root / "recipe.json").write_text(json.dumps({**recipe, "fields": fields}))
    return root


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Train a small network for a moment."""
    monkeypatch.setattr(script, "SPEC", replace(script.SPEC, options={"classes": 2, "widths": (4, 8)}))
    settings = ("patch_px=32", "batch_size=8", "epochs=3", "device=cpu")
    monkeypatch.setattr(script, "REDUCED", script.Plan(reduced=True, images=40, settings=settings))


def run(folder: Path, tmp_path: Path, *more: str) -> dict | None:
    docs = tmp_path / "docs"
    docs.mkdir(parents=True, exist_ok=True)
    (docs / "table3.md").write_text("above\n<!-- table3 -->\nold\n<!-- end table3 -->\nbelow\n")
    where = [f"--data={folder}", f"--masks={folder / 'masks'}", f"--recipe={folder / 'recipe.json'}"]
    script.main([*where, f"--output={tmp_path / 'runs'}", f"--docs={docs}", *more])
    found = docs / "results" / "table3.json"
    return json.loads(found.read_text()) if found.exists() else None


def test_parts_are_the_papers_and_keep_groups_whole():
    names = [f"Pro/{i}.jpg" for i in range(804)] + [f"Benign/{i}.jpg" for i in range(504)]
    group_of = {name: f"{name[:3]}{i // 3}" for i, name in enumerate(names)}
    parts = data.parted(names, group_of)
    count = {(c, p): sum(n.startswith(c) and parts[n] == p for n in names) for c in ("Pro", "Benign") for p in PARTS}
    # groups of three: at most two images of a part's room stay empty
    assert abs(count["Benign", "test"] - 101) <= 2
    assert abs(count["Benign", "val"] - 80) <= 2
    assert abs(count["Pro", "test"] - 161) <= 2
    assert len({(group_of[n], parts[n]) for n in names}) == len(set(group_of.values()))


def test_single_images_give_the_papers_counts():
    names = [f"Early/{i}.jpg" for i in range(985)]
    parts = list(data.parted(names, {name: name for name in names}).values())
    assert [parts.count(p) for p in PARTS] == [631, 157, 197]


def test_drawing_keeps_the_classes_shares():
    names = [f"{c}/{i}.jpg" for c, n in (("Benign", 403), ("Early", 788), ("Pre", 770), ("Pro", 644)) for i in range(n)]
    some = data.drawn(names, 300)
    assert len(set(some)) == 300
    assert [sum(n.startswith(c) for n in some) for c in ("Benign", "Early", "Pre", "Pro")] == [46, 91, 89, 74]
    assert some == data.drawn(names, 300)


def test_nothing_that_overlaps_a_reference_field_is_used(folder):
    parts, of_fields, reference = data.choose(folder, None, folder / "recipe.json")
    assert [PurePosixPath(n).stem for n in reference] == ["Benign-011", "Pro-011"]
    assert "Early/Early-010.jpg" in parts
    assert not {"Benign/Benign-010.jpg", "Benign/Benign-011.jpg", "Pro/Pro-010.jpg"} & set(parts)
    assert len(of_fields) == 28


def test_a_recipe_with_a_reference_field_is_refused(folder, tmp_path):
    recipe = json.loads((folder / "recipe.json").read_text())
    recipe["fields"][0]["image"] = "Original/Benign/Benign-010.jpg"
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    with pytest.raises(UsageError, match=r"Benign-010.*scoring only"):
        data.choose(folder, None, tmp_path / "recipe.json")


def test_the_whole_command_and_its_page(folder, tmp_path):
    results = run(folder, tmp_path)
    assert list(results["runs"]) == ["published", "well-made", "same-fields"]
    published, well, same = results["runs"].values()
    assert well["settings"] == same["settings"] == published["settings"]
    assert well["images"] == same["images"] != published["images"]
    for name in results["runs"]:
        rows = results["runs"][name]["epochs"]
        assert [row["epoch"] for row in rows] == [1, 2, 3]
        assert all(row["dice"] == pytest.approx(1 - row["loss"], abs=1e-4) for row in rows)
        assert all(0 <= row[part] <= 1 for row in rows for part in PARTS)
    # masks that lack their right half cannot reach more than about two thirds
    assert 0.3 < results["published_masks_themselves"]["all"] < 0.85
    text = (tmp_path / "docs" / "table3.md").read_text()
    assert text.startswith("above\n")
    assert text.endswith("below\n")
    assert "old" not in text
    assert f"| 3 | {published['epochs'][2]['loss']:.4f} |" in text
    with pytest.raises(FileExistsRefused, match="--resume"):
        run(folder, tmp_path)


def test_an_interrupted_run_ends_as_one_that_went_through(folder, tmp_path, monkeypatch):
    run(folder, tmp_path / "a", "--only", "published")
    whole = json.loads((tmp_path / "a" / "runs" / "published" / "result.json").read_text())

    class StopError(Exception):
        pass

    after = script.EveryEpoch.on_train_epoch_start

    def stopping(self, trainer, *rest):
        after(self, trainer, *rest)
        if trainer.current_epoch == 2:
            raise StopError

    with monkeypatch.context() as patch, pytest.raises(StopError):
        patch.setattr(script.EveryEpoch, "on_train_epoch_start", stopping)
        run(folder, tmp_path / "b", "--only", "published")
    run(folder, tmp_path / "b", "--only", "published", "--resume")
    again = json.loads((tmp_path / "b" / "runs" / "published" / "result.json").read_text())
    assert again == whole


def test_resuming_with_other_masks_is_refused(folder, tmp_path):
    run(folder, tmp_path, "--only", "same-fields")
    plan = tmp_path / "runs" / "same-fields" / "plan.json"
    plan.write_text(json.dumps(json.loads(plan.read_text()) | {"masks": "others"}))
    (plan.parent / "result.json").unlink()
    with pytest.raises(CheckpointError, match="other settings or masks"):
        run(folder, tmp_path, "--only", "same-fields", "--resume")


def test_the_papers_table_is_the_papers():
    assert page.PAPER[0] == (0.7, 0.3, 0.6001, 0.5914, 0.58)
    off = [epoch for epoch, row in enumerate(page.PAPER, 1) if abs(row[0] + row[1] - 1) > 0.0005]
    assert off == [5]
