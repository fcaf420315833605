"""The command that is shown asks for what was done."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_all.cli import classify, segment
from napari_all.segmentation.methods import METHODS
from napari_all.workflows.classify import ClassifyConfig
from napari_all.workflows.command_text import classify_command, segment_command
from napari_all.workflows.segment import SegmentConfig, make_config
from napari_all.workflows.segment_files import Extras

SOURCE, TARGET = Path("my smears"), Path("the 'results'")


def parsed(module, text: str) -> argparse.Namespace:
    words = shlex.split(text)
    assert words[:2] == ["napari-all", module.__name__.rpartition(".")[2]]
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    return parser.parse_args(words[2:])


@pytest.mark.parametrize(("method", "preset"), [(m, p) for m in METHODS for p in METHODS[m].presets])
def test_every_preset_comes_back(method, preset):
    config = make_config(method, preset)
    args = parsed(segment, segment_command(config, SOURCE, TARGET))
    assert segment.config_of(args) == config
    assert (args.inputs, args.output) == ([str(SOURCE)], TARGET)


@given(
    st.integers(0, 179), st.none() | st.integers(1, 500), st.booleans(), st.floats(0, 1), st.booleans(), st.booleans()
)
def test_any_setting_comes_back(hue, area, holes, depth, uncertainty, smudges):
    usual = make_config("hsv")
    config = SegmentConfig(
        method="hsv",
        settings=usual.settings | {"automatic": False, "hue_low": hue},
        postprocess=usual.postprocess.updated(min_area_px=area, fill_holes=holes, split_depth=depth),
    )
    extras = Extras(uncertainty=uncertainty, smudges=smudges)
    args = parsed(segment, segment_command(config, SOURCE, TARGET, extras))
    assert segment.config_of(args) == config
    assert (args.uncertainty, args.smudges) == (uncertainty, smudges)


def test_a_network_by_its_path_comes_back():
    config = make_config("unet", assignments=["model=/models/mine (1).safetensors", "flips=true", "diameter_px=31.5"])
    assert segment.config_of(parsed(segment, segment_command(config, SOURCE, TARGET))) == config


@pytest.mark.parametrize("config", [ClassifyConfig(), ClassifyConfig(model="a b.safetensors", device="cpu", tta=True)])
def test_a_classification_comes_back(config):
    args = parsed(classify, classify_command(config, SOURCE, Path("subtypes.csv")))
    assert ClassifyConfig(model=args.model, device=args.device, tta=args.tta) == config
