import numpy as np
import pytest
from qtpy.QtGui import QImage

from napari_all.evaluation.curves_picture import CLASSIFIER_PANELS
from napari_all.gui.curves import COLOURS, CurvePlot, Plots, highest, lowest, summary
from napari_all.gui.train import PLOTS

ROWS = [
    {"epoch": e, "train_loss": 1 / e, "val_loss": 0.9 / e}
    | {"val_dice": d, "val_cell_dice": d, "val_nucleus_dice": d - 0.1}
    for e, d in ((1.0, 0.7), (2.0, 0.9), (3.0, 0.8))
]


@pytest.fixture
def plot(qtbot):
    plot = CurvePlot()
    plot.set_plots(PLOTS)
    qtbot.addWidget(plot)
    plot.resize(340, 260)
    plot.show()
    return plot


def share(plot, colour):
    image = plot.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    pixels = np.frombuffer(image.constBits().asstring(image.sizeInBytes()), np.uint8).reshape(-1, 4)[:, 2::-1]
    wanted = np.array([colour.red(), colour.green(), colour.blue()])
    return (np.abs(pixels.astype(int) - wanted).max(axis=1) < 12).mean()


def test_lines_are_drawn_in_both_colours_and_fill_nothing(plot):
    assert share(plot, COLOURS[0]) == 0
    plot.set_rows(ROWS)
    for colour in COLOURS[:2]:
        assert 0.001 < share(plot, colour) < 0.05


@pytest.mark.parametrize("rows", [(), ROWS[:1], [{"epoch": 1.0, "val_loss": 0.5}], ROWS])
def test_any_beginning_of_a_run_can_be_drawn(plot, rows):
    plot.set_rows(rows)
    assert not plot.grab().isNull()


def test_words_tell_what_the_curves_show(plot):
    assert PLOTS.best(ROWS) == 2
    assert PLOTS.best(()) is None
    plot.set_rows(ROWS)
    assert plot.accessibleDescription() == summary(ROWS, PLOTS)
    assert summary(ROWS, PLOTS) == (
        "Epoch 3: training loss 0.333, validation loss 0.300, cell Dice 0.800, nucleus Dice 0.700; best so far: epoch 2"
    )


def test_three_lines_of_a_classifier_are_drawn_and_told(plot):
    plots = Plots(CLASSIFIER_PANELS, lowest("val_loss"))
    parts = ("train", "val", "test")
    rows = [
        {"epoch": epoch, "val_macro_f1": 1 / epoch}
        | {f"{part}_{what}": value + 0.1 * i for what in ("accuracy", "loss") for i, part in enumerate(parts)}
        for epoch, value in ((1.0, 0.5), (2.0, 0.3), (3.0, 0.4))
    ]
    plot.set_plots(plots)
    assert plot.rows == ()
    plot.set_rows(rows)
    for colour in COLOURS:
        assert 0.0005 < share(plot, colour) < 0.05
    assert plots.best(rows) == 2
    assert highest("val_macro_f1")(rows) == 1
    assert "validation accuracy 0.500, test accuracy 0.600, training loss 0.400" in summary(rows, plots)
