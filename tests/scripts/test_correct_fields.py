"""Correcting fields through the program's interface, and the recipe that came of it."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_all.data.synthetic import SyntheticSmear
from napari_all.project.project import Project
from napari_all.workflows.play_recipe import build_mask, play_recipe
from napari_all.workflows.recipe import read_recipe

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "scripts"))
import choose_failing_fields as choose  # noqa: E402
import correct_fields as script  # noqa: E402

TRAINED_ON = REPOSITORY / "recipes" / "taleqani-masks.json"


@pytest.fixture
def folder(tmp_path: Path, field: SyntheticSmear) -> Path:
    """A folder with two chosen synthetic fields beside data that holds a third."""
    for name in ("Pro/a.png", "Pro/b.png", "Pro/c.png"):
        path = tmp_path / "data" / "Original" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.roll(field.rgb, len(path.stem) + ord(path.stem), axis=0)).save(path)
    (tmp_path / "chosen.csv").write_text("image\nPro/a.png\nPro/b.png\n")
    return tmp_path


def test_predict_look_edit_and_the_recipe_builds_what_was_accepted(folder):
    script.begin(folder, folder / "data", "somebody")
    with Project(folder / "project") as project:
        assert [project.entry(f"Pro/{stem}.png").status for stem in "abc"] == ["predicted", "predicted", "none"]
        labels = project.load("Pro/a.png").pixels.labels
    y, x = np.argwhere(labels == 1)[0].tolist()
    free = np.argwhere(labels[:-9, :-9] + labels[8:-1, 8:-1] == 0)[0]
    corner = free.tolist()
    outline = [corner, [corner[0], corner[1] + 6], [corner[0] + 6, corner[1]]]
    edits = {"Pro/a.png": [{"op": "delete", "at": [y, x]}, {"op": "outline", "points": outline}], "Pro/b.png": []}
    (folder / "edits.json").write_text(json.dumps(edits))
    script.edit(folder, folder / "edits.json", "somebody")
    script.sheets(folder, folder / "sheets", ["Pro/a.png", "Pro/b.png"], "somebody", 2)
    assert (folder / "sheets" / "sheet00.png").stat().st_size > 10_000
    script.recipe(folder, folder / "recipe.json", "somebody")
    recipe = read_recipe(folder / "recipe.json")
    assert [line.error for line in play_recipe(recipe, folder / "data", folder / "masks")] == [None, None]
    assert [one.note.partition(";")[0] for one in recipe.fields] == ["delete 1, outline 1", "no edit"]
    rebuilt = build_mask(recipe.fields[0], folder / "data").labels
    assert rebuilt[y, x] == 0
    assert rebuilt[corner[0] + 1, corner[1] + 1] > 0
    rows = list(csv.DictReader((folder / "steps.csv").open()))
    assert [(row["status"], row["edits"]) for row in rows] == [("corrected", "2"), ("accepted", "0")]


def test_fields_are_drawn_from_the_clusters_in_turn():
    fields = {"a": "1", "b": "1", "c": "1", "d": "2", "e": "3"}
    assert list(choose.in_turn(fields)) == ["a", "d", "e", "b", "c"]


def test_a_bad_edit_is_named(folder):
    script.begin(folder, folder / "data", "somebody")
    (folder / "edits.json").write_text(json.dumps({"Pro/a.png": [{"op": "delete", "at": [500, 3]}]}))
    with pytest.raises(SystemExit, match=r"Pro/a.png, edit 1 .*outside the image"):
        script.edit(folder, folder / "edits.json", "somebody")


def test_the_committed_recipe_holds_60_pro_b_and_40_other_fields_that_no_other_recipe_has():
    recipe = read_recipe(script.RECIPE)
    assert all(one.result_sha256 for one in recipe.fields)
    pro = [one.image for one in recipe.fields if one.image.startswith("Original/Pro/")]
    assert len(pro) >= 60
    assert len(recipe.fields) - len(pro) >= 40
    assert not {one.image for one in recipe.fields} & {one.image for one in read_recipe(TRAINED_ON).fields}


def test_no_field_of_it_overlaps_a_reference_field_or_one_of_the_other_recipe(data_dir: Path):
    free = choose.free_fields(data_dir)
    assert {one.image.removeprefix("Original/") for one in read_recipe(script.RECIPE).fields} <= set(free)


def test_it_gives_the_masks_it_was_accepted_with(data_dir: Path):
    recipe = read_recipe(script.RECIPE)
    report = play_recipe(recipe.model_copy(update={"fields": recipe.fields[::10]}), data_dir / "taleqani-all", None)
    assert [line.error for line in report if line.error] == []
