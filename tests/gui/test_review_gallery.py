"""The gallery of cells in the Review widget: over the image and the project, classified by one key, a way to each."""

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication
from review_of_tests import IMAGES, make_project

from napari_all.gui.review import ReviewPanel
from napari_all.gui.review_cells import CellsTab

A, B, _ = IMAGES


@pytest.fixture
def panel(open_panel, tmp_path, wait):
    panel = open_panel(ReviewPanel)
    assert panel.open_project(make_project(tmp_path))
    panel.tabs.show_tab(CellsTab)
    tab(panel).as_gallery.click()
    wait(lambda: keys(panel) == [(A, 1), (A, 2)])
    yield panel
    panel.close_project()


def tab(panel):
    return panel.tabs.of(CellsTab)


def view(panel):
    return tab(panel).gallery.view


def keys(panel):
    return [card.key for card in view(panel).cards.cards]


def choose(chooser, data):
    chooser.setCurrentIndex(chooser.findData(data))
    chooser.activated.emit(chooser.currentIndex())


def colour(panel, row):
    """Return the colour in the middle of a card's picture, once it was read."""
    found = view(panel).cards.index(row).data(Qt.ItemDataRole.DecorationRole)
    return None if found is None else found.toImage().pixelColor(36, 36).getRgb()[:3]


def test_cells_of_the_image_are_seen_and_follow_its_edits(panel, wait):
    wait(lambda: colour(panel, 0) == (120, 60, 160))
    view(panel).select([(A, 2)])
    panel.session.shown.labels.fill((12, 12), 0)
    wait(lambda: keys(panel) == [(A, 2)])
    assert view(panel).selected == [(A, 2)]
    panel.session.go_to(B)
    wait(lambda: keys(panel) == [(B, 1), (B, 2), (B, 3)])


def test_cells_of_all_images_are_classified_by_one_key_and_each_leads_to_its_image(panel, wait):
    gallery, session = tab(panel).gallery, panel.session
    choose(gallery.scope, "all")
    wait(lambda: keys(panel) == [(A, 1), (A, 2), (B, 1), (B, 2), (B, 3)])
    assert not gallery.bar.isVisible()
    view(panel).select([(A, 2), (B, 1), (B, 3)])
    QApplication.setActiveWindow(panel.window())  # no window manager does it here
    view(panel).setFocus()
    QTest.keyClick(view(panel), Qt.Key.Key_1)
    assert session.project.values(A).cell_classes == {2: "blast"}
    assert session.project.values(B).cell_classes == {1: "blast", 3: "blast"}
    session.undo()  # one action, on both images
    assert session.project.values(A).cell_classes == session.project.values(B).cell_classes == {}
    wait(lambda: {card.class_name for card in view(panel).cards.cards} == {"unclassified"})
    session.redo()
    choose(gallery.cell_class, "blast")
    assert keys(panel) == [(A, 2), (B, 1), (B, 3)]
    assert view(panel).selected == keys(panel)
    choose(gallery.sort, "area_px")
    gallery.descending.click()
    assert keys(panel)[-1] == (A, 2)
    assert view(panel).cards.index(2).data() == "192"
    view(panel).doubleClicked.emit(view(panel).cards.index(1))
    assert session.current == B
    assert session.shown.labels.selected_label == keys(panel)[1][1]
    wait(lambda: tab(panel).list.selected == [keys(panel)[1][1]])
    panel.review.undo.click()  # both images again
    assert session.current == B
    wait(lambda: keys(panel) == [])
    session.go_to(A)
    choose(gallery.cell_class, "")
    choose(gallery.status, "accepted")
    assert keys(panel) == []
    panel.review.accept.click()
    wait(lambda: {image for image, _ in keys(panel)} == {A})


def test_a_click_on_the_canvas_selects_the_card_and_a_card_frames_the_cell(panel):
    tab(panel).list._on_click(2, False)
    assert view(panel).selected == [(A, 2)]
    view(panel).setCurrentIndex(view(panel).cards.index(0))
    assert tab(panel).list.selected == [1]
    assert panel.viewer.layers["selected cells"].data.tolist() == [[15.5, 15.5]]


def test_an_image_that_is_gone_keeps_the_others_in_the_gallery(panel, tmp_path, wait):
    (tmp_path / "images" / B).unlink()
    choose(tab(panel).gallery.scope, "all")
    wait(lambda: B in panel.state.text())
    assert keys(panel) == [(A, 1), (A, 2)]
