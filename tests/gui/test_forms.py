from typing import Literal

import pytest
from pydantic import Field

from napari_all.config import Settings
from napari_all.gui.field_pairs import HuePair
from napari_all.gui.forms import SettingsForm, title
from napari_all.segmentation.method import PostprocessSettings
from napari_all.segmentation.methods import METHODS


class Sample(Settings):
    rate: float = Field(1e-4, ge=0.0, le=1.0, description="A small number")
    limit: float | None = Field(None, ge=-60.0, le=100.0, description="A number or automatic")
    steps: int = Field(10, ge=1, le=5000, description="Many steps")
    kind: Literal["one", "two"] = Field("one", description="A choice")
    on: bool = Field(True, description="A tick")
    hue_low: int = Field(170, ge=0, le=179, description="Lowest hue")
    hue_high: int = Field(10, ge=0, le=179, description="Highest hue")


@pytest.fixture
def form(qtbot):
    form = SettingsForm(Sample)
    qtbot.addWidget(form)
    return form


def test_a_form_shows_the_defaults_and_gives_them_back(form):
    assert form.value() == Sample()
    form.editor("steps").box.setValue(11)
    assert form.value() == Sample(steps=11)


def test_a_small_default_is_not_rounded_to_zero(form):
    assert form.editor("rate").box.value() == 1e-4
    form.editor("on").box.click()
    assert form.value().rate == 1e-4


@pytest.mark.parametrize(
    "cls", [Sample, PostprocessSettings, *(entry.settings for entry in METHODS.values())], ids=lambda c: c.__name__
)
def test_every_settings_class_makes_a_round_trip_through_its_form(qtbot, cls):
    form = SettingsForm(cls, skip=("model",))
    qtbot.addWidget(form)
    for name in cls.model_fields:
        if name == "model":
            continue
        editor = form.editor(name)
        names = [n for n in cls.model_fields if n != "model" and form.editor(n) is editor]
        assert editor.values() == tuple(getattr(cls(), n) for n in names)
        assert all(cls.model_fields[n].description in editor.toolTip() for n in names)


def test_automatic_is_none(form):
    editor = form.editor("limit")
    assert editor.automatic.isChecked()
    assert not editor.box.isEnabled()
    editor.automatic.setChecked(False)
    editor.box.setValue(-12.5)
    assert form.value().limit == -12.5
    editor.automatic.setChecked(True)
    assert form.value().limit is None


def test_bounds_of_the_fields_are_bounds_of_the_boxes(form):
    box = form.editor("limit").box
    assert (box.minimum(), box.maximum()) == (-60, 100)
    assert (form.editor("steps").box.minimum(), form.editor("steps").box.maximum()) == (1, 5000)


def test_a_hue_range_may_wrap(form):
    editor = form.editor("hue_low")
    assert isinstance(editor, HuePair)
    assert editor is form.editor("hue_high")
    assert editor.values() == (170, 10)
    editor.low.setValue(175)
    assert (form.value().hue_low, form.value().hue_high) == (175, 10)


def test_changed_names_the_field(form, qtbot):
    with qtbot.waitSignal(form.changed) as signal:
        form.editor("kind").box.setCurrentIndex(1)
    assert signal.args == ["kind"]
    assert form.value().kind == "two"


def test_showing_settings_is_no_change_by_a_person(form):
    told = []
    form.changed.connect(told.append)
    form.set_value(Sample(steps=99, on=False, limit=3.0))
    assert told == []
    assert form.value() == Sample(steps=99, on=False, limit=3.0)


def test_titles_are_words_with_units():
    assert title("min_area_px") == "Min area (px)"
    assert title("split_depth") == "Split depth"


class Narrow(Settings):
    rate: float | None = Field(None, gt=0, le=1, description="A number that may be tiny")
    share: float = Field(0.5, gt=0, lt=1, description="Neither none nor all")
    patch: int = Field(96, ge=32, le=1024, multiple_of=32, description="A multiple")


def test_a_box_offers_no_value_that_the_settings_refuse(qtbot):
    form = SettingsForm(Narrow)
    qtbot.addWidget(form)
    form.editor("rate").automatic.setChecked(False)
    form.editor("rate").box.setValue(0.0)
    assert form.value().rate == pytest.approx(1e-5)
    for wanted, got in ((0.0, 0.01), (1.0, 0.99)):
        form.editor("share").box.setValue(wanted)
        assert form.value().share == pytest.approx(got)
    box = form.editor("patch").box
    box.lineEdit().setText("100")
    box.interpretText()
    assert form.value().patch == 96
    box.stepUp()
    assert form.value().patch == 128
