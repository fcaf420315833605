"""The shipped classifier keeps its contract on any image."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from napari_all.classes import SUBTYPES
from napari_all.classification.predictor import DEFAULT_MODEL, Judgement, Predictor, load_predictor
from napari_all.data.synthetic import make_smear
from napari_all.errors import CheckpointError
from napari_all.networks.checkpoint import load_checkpoint, save_checkpoint
from napari_all.networks.zoo import WEIGHTS_FOLDER, list_models


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return load_predictor(device="cpu")


@pytest.fixture(scope="module")
def images() -> list[np.ndarray]:
    sizes = [(224, 224), (300, 200), (97, 411), (640, 480)]
    return [make_smear(seed, size, 22.0).rgb for seed, size in enumerate(sizes)]


def test_the_shipped_model_is_small_and_of_the_four_subtypes(predictor):
    assert DEFAULT_MODEL in list_models("classification")
    assert predictor.card.classes == SUBTYPES.names
    assert (WEIGHTS_FOLDER / f"{DEFAULT_MODEL}.safetensors").stat().st_size < 15e6
    assert "Int J Intell Syst 2022;37:5113" in predictor.card.licence


def test_probabilities_sum_to_one_and_name_the_prediction(predictor, images):
    for prediction in predictor.predict_batch(images):
        assert sum(prediction.probabilities) == pytest.approx(1.0)
        assert prediction.confidence == max(prediction.probabilities)
        assert prediction.predicted == SUBTYPES.names[int(np.argmax(prediction.probabilities))]
        assert prediction.model_sha256 == load_checkpoint(DEFAULT_MODEL).sha256
        assert (prediction.model, prediction.device) == (DEFAULT_MODEL, "cpu")


def test_an_image_gets_the_same_alone_and_in_a_batch(predictor, images):
    together = predictor.predict_batch([*images, *images[::-1]] * 5)
    for one, other in zip(together, [*images, *images[::-1]] * 5, strict=True):
        alone = predictor.predict(other)
        assert alone.predicted == one.predicted
        assert alone.probabilities == pytest.approx(one.probabilities, abs=1e-4)
        assert alone.unfamiliarity == pytest.approx(one.unfamiliarity, abs=1e-3)
    assert predictor.predict_batch([]) == []


@pytest.mark.parametrize("kind", ["noise", "black", "white", "gradient"])
def test_what_is_no_smear_is_unfamiliar(predictor, kind):
    across = np.linspace(0, 255, 224, dtype=np.uint8)
    rgb = {
        "noise": np.random.default_rng(0).integers(0, 256, (224, 224, 3), dtype=np.uint8),
        "black": np.zeros((224, 224, 3), np.uint8),
        "white": np.full((224, 224, 3), 255, np.uint8),
        "gradient": np.dstack([np.tile(across, (224, 1)), np.tile(across[:, None], (1, 224)), np.full((224, 224), 90)]),
    }[kind].astype(np.uint8)
    assert predictor.predict(rgb).status == "unfamiliar"


def test_the_status_follows_the_rule_of_the_card():
    judgement = Judgement(temperature=1.0, review_below=0.8, familiar_distance=2.0)
    assert judgement.status(0.9, 0.5) == "confident"
    assert judgement.status(0.7, 0.5) == "review"
    assert judgement.status(0.99, 1.01) == "unfamiliar"


def test_a_model_that_lacks_a_part_is_refused(tmp_path):
    shipped = load_checkpoint(DEFAULT_MODEL)
    without_head = {k: v for k, v in shipped.tensors.items() if not k.startswith("head")}
    path = save_checkpoint(tmp_path / "broken", without_head, shipped.card)
    with pytest.raises(CheckpointError, match="do not fit the backbone"):
        load_predictor(path, "cpu")


def test_naming_the_classifier_does_not_import_torch():
    code = (
        "import sys; import napari_all.classification.predictor; "
        "from napari_all.networks.backbones import BACKBONES; list(BACKBONES.values()); "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


@pytest.mark.data
def test_fields_of_the_dataset_are_familiar_and_other_images_are_not(predictor, data_dir):
    from napari_all.data.dataset import find_labelled_images
    from napari_all.io.images import read_image

    fields = find_labelled_images(data_dir / "taleqani-all")[::40]
    predictions = predictor.predict_batch([read_image(field.path)[1] for field in fields])
    right = [p.predicted == SUBTYPES.names[f.label] for p, f in zip(predictions, fields, strict=True)]
    assert np.mean(right) > 0.95
    assert np.mean([p.status == "unfamiliar" for p in predictions]) < 0.05
    others = sorted((data_dir / "other-labs" / "bccd").rglob("*.jp*g"))[::4]
    strange = predictor.predict_batch([read_image(path)[1] for path in others])
    assert np.mean([p.status == "unfamiliar" for p in strange]) > 0.9
