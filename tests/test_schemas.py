"""The schemas in docs/schemas are those of the code, and files on disk keep to them."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest
from PIL import Image

from napari_all.data.synthetic import SyntheticSmear
from napari_all.workflows.batch import segment_batch
from napari_all.workflows.segment import make_config

REPOSITORY = Path(__file__).resolve().parents[1]
SCHEMAS = REPOSITORY / "docs" / "schemas"


def test_schemas_in_the_repository_are_current() -> None:
    made = runpy.run_path(str(REPOSITORY / "scripts" / "make_schemas.py"))["schemas"]()
    there = {path.name: path.read_text(encoding="utf-8") for path in SCHEMAS.iterdir()}
    assert there == made, "run scripts/make_schemas.py; a changed meaning needs a new schema_version"


def test_written_files_keep_to_them(tmp_path: Path, field: SyntheticSmear) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    Image.fromarray(field.rgb).save(tmp_path / "a.png")
    (tmp_path / "b.png").touch()
    segment_batch([tmp_path], tmp_path / "out", make_config("hsv"))
    for file, name in (("run.json", "run"), ("a_labels.json", "labels")):
        schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text())
        jsonschema.validate(json.loads((tmp_path / "out" / file).read_text()), schema)
