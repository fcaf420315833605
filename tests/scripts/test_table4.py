"""The command for Table 4: it trains on both splits, goes on where it stopped, and fills its page."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("lightning")
pytest.importorskip("sklearn")
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
import table4 as script
import table4_page as page

from napari_all.errors import CheckpointError, FileExistsRefused
from napari_all.networks.backbones import BACKBONES


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Train small inputs for a moment."""
    settings = ("size_px=64", "epochs=2", "steps_per_epoch=1", "batch_size=4", "device=cpu", "precision=float32")
    monkeypatch.setattr(script, "REDUCED", script.Plan(reduced=True, settings=settings))


def run(folder: Path, where: Path, *more: str) -> dict[str, Any]:
    docs = where / "docs"
    docs.mkdir(parents=True, exist_ok=True)
    (docs / "table4.md").write_text("above\n<!-- table4 -->\nold\n<!-- end table4 -->\nbelow\n")
    script.main([f"--data={folder}", f"--output={where / 'runs'}", f"--docs={docs}", *more])
    found: dict[str, Any] = json.loads((docs / "results" / "table4.json").read_text())
    return found


def test_the_command_and_its_page(folder, tmp_path):
    results = run(folder, tmp_path, "--only", "cellnet")
    runs = results["runs"]["cellnet"]
    assert list(runs) == ["paper", "grouped"]
    assert runs["paper"]["images"] == {"train": 28, "validation": 4, "test": 8}
    assert runs["paper"]["split_fingerprint"] != runs["grouped"]["split_fingerprint"]
    assert [row["epoch"] for row in runs["grouped"]["curves"]] == [1, 2]
    text = (tmp_path / "docs" / "table4.md").read_text()
    assert text.startswith("above\n")
    assert text.endswith("below\n")
    assert "old" not in text
    assert f"{100 * runs['grouped']['test']['accuracy']['value']:.1f}" in text
    assert text.count("not run yet") == 2 * (len(page.NETWORKS) - 1)
    with pytest.raises(FileExistsRefused, match="--resume"):
        run(folder, tmp_path, "--only", "cellnet")
    before = (tmp_path / "runs" / "cellnet" / "paper" / "result.json").stat().st_mtime_ns
    assert run(folder, tmp_path, "--only", "cellnet", "--resume") == results
    assert (tmp_path / "runs" / "cellnet" / "paper" / "result.json").stat().st_mtime_ns == before


def test_the_networks_of_the_grouped_split_are_audited_on_what_they_were_tested_on(folder, tmp_path):
    results = run(folder, tmp_path, "--only", "cellnet", "--audit")
    assert list(results["audits"]) == ["cellnet"]
    whole, test = results["audits"]["cellnet"]["whole"], results["runs"]["cellnet"]["grouped"]["test"]["accuracy"]
    assert (whole["count"], whole["images"]) == (test["hits"], test["images"])
    changed = results["audits"]["cellnet"]["other_class"]
    assert 0 <= changed["count"] <= changed["images"]
    text = (tmp_path / "docs" / "table4.md").read_text()
    row = next(line for line in text.splitlines() if line.startswith("| ours (cellnet)") and line.count("|") == 8)
    assert f" {100 * changed['count'] / changed['images']:.1f} |" in row


def test_an_interrupted_network_goes_on_and_ends_alike(folder, tmp_path, monkeypatch):
    whole = run(folder, tmp_path / "a", "--only", "cellnet")["runs"]["cellnet"]
    train = script.train_classifier

    class StopError(Exception):
        pass

    def stopping(data, output, config, **rules):
        train(data, output, config.updated(training=config.training.updated(epochs=1)), **rules)
        raise StopError

    with monkeypatch.context() as patch, pytest.raises(StopError):
        patch.setattr(script, "train_classifier", stopping)
        run(folder, tmp_path / "b", "--only", "cellnet")
    again = run(folder, tmp_path / "b", "--only", "cellnet", "--resume")["runs"]["cellnet"]
    for split in ("paper", "grouped"):
        assert [row["epoch"] for row in again[split]["curves"]] == [1, 2]
        assert again[split]["split_fingerprint"] == whole[split]["split_fingerprint"]
    with pytest.raises(CheckpointError, match="begun with other batch_size"):
        (tmp_path / "b" / "runs" / "cellnet" / "paper" / "result.json").unlink()
        monkeypatch.setattr(
            script, "REDUCED", script.Plan(reduced=True, settings=(*script.REDUCED.settings, "batch_size=5"))
        )
        run(folder, tmp_path / "b", "--only", "cellnet", "--resume")


def test_every_network_of_the_table_can_be_asked_for():
    for plan in (script.REDUCED, script.FULL):
        for name in page.NETWORKS:
            config = plan.config(name, Path("split.json"))
            config.entry.options_for(4, config.shown.channels, config.side, **config.options)
            assert config.name == name
    literal = script.FULL.config("custom_cnn_literal", Path("s"))
    assert literal.options["variant"] == "literal"
    named = {"inception_v3", "densenet201", "vit_small", "vgg19", "nasnet_large"}
    assert named <= set(BACKBONES)
    text = (script.ROOT / "docs" / "table4.md").read_text()
    assert all(f"`{name}`" in text for name in named)


def test_the_papers_table_is_the_papers():
    text = (script.ROOT / "docs" / "table4.md").read_text()
    assert "\n".join(page.paper_table()) in text
    assert page.PAPER["Custom CNN"] == (99.31, 97.09, 96.8, 97.0, 99.0, 98.0)
