import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

from napari_all.gui.hue_range import HUES, HueRange


@pytest.fixture
def strip(qtbot):
    strip = HueRange()
    qtbot.addWidget(strip)
    strip.resize(218, 30)
    strip.show()
    return strip


def at(strip, hue):
    return QPoint(round(strip._x(hue)), 12)


def test_the_nearer_handle_is_dragged_past_the_other_so_that_the_range_wraps(strip):
    strip.set_value(120, 150)
    QTest.mousePress(strip, Qt.MouseButton.LeftButton, pos=at(strip, 120))
    QTest.mouseMove(strip, at(strip, 170))
    low, high = strip.value()
    assert low == pytest.approx(170, abs=1)
    assert high == 150


def test_keys_move_the_chosen_handle_and_go_round(strip):
    strip.set_value(178, 20)
    QTest.keyClick(strip, Qt.Key.Key_Right)
    QTest.keyClick(strip, Qt.Key.Key_Right)
    assert strip.value() == (0, 20)
    QTest.keyClick(strip, Qt.Key.Key_Space)
    QTest.keyClick(strip, Qt.Key.Key_PageUp)
    assert strip.value() == (0, 30)
    QTest.keyClick(strip, Qt.Key.Key_Left)
    assert strip.value() == (0, 29)


def test_values_stay_on_the_circle(strip):
    QTest.mousePress(strip, Qt.MouseButton.LeftButton, pos=QPoint(-50, 12))
    QTest.mousePress(strip, Qt.MouseButton.LeftButton, pos=QPoint(5000, 12))
    assert all(0 <= hue < HUES for hue in strip.value())
