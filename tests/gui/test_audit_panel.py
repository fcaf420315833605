import json

import pytest
from PIL import Image
from qtpy.QtGui import QDesktopServices

from napari_all.data.synthetic import make_smear
from napari_all.gui.audit import AuditPanel
from napari_all.workflows.audit import AUDIT_FILES


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Ten small smears of two classes: few enough to be quick, enough for folds, told apart by their background."""
    root = tmp_path_factory.mktemp("audit") / "all"
    for name, shift in (("Benign", 0), ("Early", 30)):
        (root / name).mkdir(parents=True)
        for seed in range(10):
            rgb = make_smear(seed + shift, (64, 64), 20.0).rgb
            Image.fromarray(rgb - rgb // 255 * shift).save(root / name / f"{name}{seed}.png")
    return root


@pytest.fixture
def wait(qtbot):
    """Wait longer than other tests: an audit starts a process of its own."""
    return lambda condition: qtbot.waitUntil(condition, timeout=150_000)


@pytest.fixture
def panel(open_panel):
    return open_panel(AuditPanel)


def test_an_audit_ends_with_a_verdict_a_figure_and_a_page(panel, data, tmp_path, wait, monkeypatch):
    assert not panel.run.isEnabled()
    panel.data.line.setText(str(data))
    panel.output.line.setText(str(tmp_path / "out"))
    assert panel.run.isEnabled()
    panel.run.click()
    assert not panel.run.isEnabled()
    wait(lambda: panel.job is None)
    report = json.loads((tmp_path / "out" / "audit.json").read_text())
    assert all(line in panel.verdict.text() for line in report["verdict"])
    assert panel.verdict.isVisible()
    assert panel.picture.isVisible()
    assert "20 images" in panel.state.text()
    opened = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()) or True)
    panel.open.click()
    assert opened == [str(tmp_path / "out" / "audit.html")]
    asked = []
    monkeypatch.setattr(panel, "may_replace", lambda output: asked.append(output) or False)
    panel.run.click()
    assert panel.job is None, "an earlier audit is not replaced unasked"
    assert asked == [tmp_path / "out"]
    again = AuditPanel(panel.viewer)
    assert again.data.path == data
    assert again.run.isEnabled()


def test_a_stopped_audit_leaves_nothing_and_a_wrong_folder_is_told(panel, data, tmp_path, wait, notes):
    panel.data.line.setText(str(data))
    panel.output.line.setText(str(tmp_path / "out"))
    panel.run.click()
    panel.cancel()
    wait(lambda: panel.job is None)
    assert panel.state.text() == "Stopped."
    assert not any((tmp_path / "out" / name).exists() for name in AUDIT_FILES)
    (tmp_path / "empty").mkdir()
    panel.data.line.setText(str(tmp_path / "empty"))
    panel.run.click()
    wait(lambda: panel.job is None)
    assert "empty" in panel.state.text()
    assert any("error" in note for note in notes)
