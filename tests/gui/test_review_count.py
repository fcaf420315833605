"""The Count tab: counts while one classifies, keeps the target, and lets no report pass before all is reviewed."""

import pytest
from qtpy.QtWidgets import QFileDialog
from review_of_tests import IMAGES, make_project

from napari_all.gui.review import ReviewPanel
from napari_all.gui.review_cells import give_class
from napari_all.gui.review_count import CountTab

A, B, C = IMAGES


@pytest.fixture
def panel(open_panel, tmp_path):
    panel = open_panel(ReviewPanel)
    assert panel.open_project(make_project(tmp_path))
    panel.tabs.show_tab(CountTab)
    yield panel
    panel.close_project()


def tab(panel):
    return panel.tabs.of(CountTab)


def row(panel, number):
    table = tab(panel).table
    return [table.item(number, column).text() for column in range(table.columnCount())]


def test_the_count_follows_every_class_on_every_image_and_its_undo(panel, wait):
    count = tab(panel)
    wait(lambda: "5 cells without a class" in count.words.text())
    assert row(panel, 0) == ["blast", "0", "–", ""]
    give_class(panel.session, {A: [1], B: [1, 2, 3]}, "blast")
    give_class(panel.session, {A: [2]}, "lymphocyte")
    wait(lambda: row(panel, 0)[:3] == ["blast", "4", "80.0"])
    assert row(panel, 0)[3] == "28.4–99.5"
    assert row(panel, 3) == ["smudge", "0", "–", ""]
    assert "not counted" in count.table.item(3, 0).toolTip()
    assert count.bar.text() == "5 of 200 counted"
    panel.session.undo()
    wait(lambda: count.bar.text() == "4 of 200 counted")
    count.targets[0].click()
    wait(lambda: count.bar.text() == "4 of 100 counted")
    assert panel.session.project.manifest.settings["target"] == 100
    folder = panel.session.project.layout.folder
    panel.close_project()
    panel.open_project(folder)
    assert count.target.value() == 100


def test_no_report_before_every_image_is_reviewed(panel, wait, tmp_path, monkeypatch):
    count, session = tab(panel), panel.session
    wait(lambda: "3 images not reviewed" in count.waiting.text())
    assert not count.report.isEnabled()
    assert not count.write(tmp_path / "early.html")
    assert "not reviewed" in panel.state.text()
    give_class(session, {A: [1, 2], B: [1]}, "blast")
    panel.review.accept.click()
    assert session.current == B
    count.to_waiting.click()
    assert session.current == C
    panel.review.exclude.click()
    panel.review.accept.click()
    wait(lambda: count.report.isEnabled())
    assert not count.to_waiting.isVisible()
    assert "1 more excluded" in count.words.text()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *asked: (str(tmp_path / "report"), "Table (*.csv)"))
    count.report.click()
    assert (tmp_path / "report.csv").read_text().splitlines()[1].startswith(",blast,3,3,100")
    assert count.write(tmp_path / "report.html")
    assert "3 cells counted in 2 images (1 more excluded)" in (tmp_path / "report.html").read_text()
    assert not (tmp_path / "early.html").exists()
