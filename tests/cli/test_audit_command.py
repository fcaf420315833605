"""`napari-all audit` on files: a shipped model, exit codes, JSON by its schema, and help without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from napari_all.cli import main
from napari_all.data.synthetic import make_smear

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    rows = ["class,file,overlap_group,appearance_cluster"]
    for label, name in enumerate(("Benign", "Early")):
        (folder / name).mkdir()
        for number in range(10):
            smear = make_smear(2 * number + label, (128, 128), 20.0, n_white=4)
            Image.fromarray(smear.rgb).save(folder / name / f"{number}.png")
            rows.append(f"{name},{number}.png,{2 * number + label},{name}-{number // 2}")
    (folder / "overlap_groups.csv").write_text("\n".join(rows) + "\n")
    return folder


def test_a_model_and_the_schema(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = [str(data), "--model", "subtype-cellnet", "--output", str(tmp_path / "out"), "--json", "--quiet"]
    settings = ["--set", "per_class=2", "--set", "exchange_method=lab", "--set", "least_cells=1", "--set", "trees=15"]
    assert main(["audit", *given, *settings]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == json.loads((tmp_path / "out" / "audit.json").read_text())
    assert told["model"]["model"] == "subtype-cellnet"
    assert told["model"]["sample"] == 4
    assert told["limits"]["least_cells"] == 1
    assert {b["light"] for b in told["model"]["backgrounds"]} == {"as photographed", "relit"}
    assert (tmp_path / "out" / "composites.png").stat().st_size > 1000
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((REPOSITORY / "docs" / "schemas" / "audit.schema.json").read_text())
    jsonschema.validate(told, schema)
    assert main(["audit", *given]) == 2, "an audit is there"


def test_wrong_use(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", str(data), "--output", str(tmp_path / "o"), "--set", "most_blue=1"]) == 2
    assert "most_blue" in capsys.readouterr().err
    assert main(["audit", str(data), "--output", str(tmp_path / "o"), "--model", "no-such-model"]) == 2
    assert not (tmp_path / "o").exists()


def test_help_does_not_import_torch() -> None:
    code = (
        "import sys; from napari_all.cli import main\n"
        "try: main(['audit', '--help'])\n"
        "except SystemExit: pass\n"
        "assert not {'torch', 'sklearn', 'timm'} & set(sys.modules), 'heavy'"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "example" in done.stdout
