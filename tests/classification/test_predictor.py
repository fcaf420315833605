"""The shipped classifier keeps its contract on any image."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from napari_all.classes import SUBTYPES
from napari_all.classification.calibration import softmax
from napari_all.classification.predictor import (
    DEFAULT_MODEL,
    Judgement,
    Predictor,
    eight_ways,
    load_predictor,
    run_network,
)
from napari_all.data.synthetic import make_smear
from napari_all.data.views import VIEWS
from napari_all.errors import CheckpointError
from napari_all.networks.backbones import BACKBONES
from napari_all.networks.checkpoint import InputInfo, ModelCard, load_checkpoint, save_checkpoint
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
    assert judgement.status(0.99, None) == "review"


def bare(path, view="rgb", channels=3, extra=None, classes=SUBTYPES.names):
    """A network of random weights with a card of its own, as another program might hand over."""
    import torch

    torch.manual_seed(0)
    entry = BACKBONES["custom_cnn"]
    options = entry.options_for(4, channels, 64)
    card = ModelCard(
        name="bare",
        task="classification",
        backbone="custom_cnn",
        options=options,
        input=InputInfo(size_px=64, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25)),
        classes=classes,
        extra={"view": view, **(extra or {})},
    )
    tensors = {k: v for k, v in entry.build(**options).state_dict().items() if "num_batches" not in k}
    return save_checkpoint(path / "bare", tensors, card)


@pytest.mark.parametrize("view", list(VIEWS))
def test_every_view_is_shown_scaled_as_the_card_says(tmp_path, images, view):
    model = load_predictor(bare(tmp_path, view, VIEWS[view].channels), "cpu")
    shown = VIEWS[view].make(images[1], 64)
    x = shown.astype(np.float32) / 255
    scaled = np.array([0.5] * 3 * (shown.shape[2] // 3) + [0.0] * (shown.shape[2] % 3))
    spread = np.array([0.25] * 3 * (shown.shape[2] // 3) + [1.0] * (shown.shape[2] % 3))
    import torch

    with torch.no_grad():
        x = torch.from_numpy((x - scaled) / spread).float().permute(2, 0, 1)[None]
        expected = model.network(x).softmax(1)[0].tolist()
    assert model.predict(images[1]).probabilities == pytest.approx(expected, abs=1e-5)


def test_a_model_that_was_never_calibrated_is_never_confident_and_says_so(tmp_path, images):
    model = load_predictor(bare(tmp_path), "cpu")
    assert "not calibrated" in model.device_line
    for prediction in model.predict_batch(images):
        assert (prediction.status, prediction.unfamiliarity) == ("review", None)
    half = load_predictor(bare(tmp_path, extra={"temperature": 0.1, "review_below": 0.0}), "cpu")
    told = half.predict(images[0])
    assert (told.status, told.unfamiliarity) == ("review", None)
    assert told.confidence > model.predict(images[0]).confidence, "the temperature counts"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"extra": {"temperature": 1.0}}, "review_below"),
        ({"extra": {"temperature": 1.0, "review_below": 0.5, "familiar_distance": 1.0}}, "familiar images"),
        ({"channels": 6}, "takes 6 channels, its view 'rgb' has 3"),
        ({"classes": ("Pro-B", "Pre-B", "Early Pre-B", "Benign")}, "in this order"),
    ],
)
def test_a_card_that_does_not_fit_is_refused(tmp_path, change, message):
    with pytest.raises(CheckpointError, match=message):
        load_predictor(bare(tmp_path, **change), "cpu")


def test_a_given_mask_is_what_the_network_is_shown(predictor, field):
    none = predictor.predict(field.rgb, np.zeros(field.labels.shape, bool))
    cells = predictor.predict(field.rgb, field.labels > 0)
    assert none.probabilities != cells.probabilities
    together = predictor.predict_batch([field.rgb] * 2, [None, field.labels > 0])
    assert together[1].probabilities == pytest.approx(cells.probabilities, abs=1e-4)


def test_averaging_takes_eight_views_and_the_mean_of_their_probabilities(predictor, images):
    averaging = load_predictor(device="cpu", tta=True)
    shown = predictor.view.make(images[1], predictor.size_px)[None]
    views = list(eight_ways(shown))
    assert len({view.tobytes() for view in views}) == 8
    temperature = predictor.card.extra["temperature"]
    expected = np.mean([softmax(run_network(predictor.network, v)[1], temperature)[0] for v in views], axis=0)
    told, plain = averaging.predict(images[1]), predictor.predict(images[1])
    assert told.probabilities == pytest.approx(expected, abs=1e-5)
    assert told.probabilities != plain.probabilities
    assert told.unfamiliarity == pytest.approx(plain.unfamiliarity, abs=1e-4), "of the image as it is"


def test_a_model_that_lacks_a_part_is_refused(tmp_path):
    shipped = load_checkpoint(DEFAULT_MODEL)
    without_head = {k: v for k, v in shipped.tensors.items() if not k.startswith("head")}
    path = save_checkpoint(tmp_path / "broken", without_head, shipped.card)
    with pytest.raises(CheckpointError, match="do not fit 'cellnet'"):
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
