"""Models in other formats: judged by the formats' own libraries, equal to the network, and brought back unchanged."""

from __future__ import annotations

import io
import json
import socket
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_all.classification.predictor import load_predictor
from napari_all.data.synthetic import make_smear
from napari_all.errors import CheckpointError, DependencyError, FileExistsRefused, UsageError
from napari_all.networks.backbones import BACKBONES
from napari_all.networks.checkpoint import load_checkpoint, save_checkpoint
from napari_all.networks.model_formats import MODEL_FORMATS
from napari_all.networks.onnx_graph import to_onnx
from napari_all.networks.zoo import FOLDER_VARIABLE
from napari_all.workflows.export_model import export_model
from napari_all.workflows.models import import_model

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
spec = pytest.importorskip("bioimageio.spec")
torch = pytest.importorskip("torch")

TOLERANCE = 1e-4
MEAN, STD = (0.5, 0.4, 0.6), (0.25, 0.2, 0.3)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small segmenter of random weights and the bundled classifier, each in both formats."""
    folder = tmp_path_factory.mktemp("exported")
    save_checkpoint(folder / "segmenter", small_network().state_dict(), segmenter_card())
    bundled = load_checkpoint("subtype-cellnet")
    save_checkpoint(folder / "classifier", bundled.tensors, bundled.card.updated(name="other-subtypes"))
    export_model(folder / "segmenter", "onnx", folder)
    for name in ("segmenter", "classifier"):
        export_model(folder / name, "bioimageio", folder)
    with zipfile.ZipFile(folder / "classifier.bioimageio.zip") as archive:  # spares the tests one more translation
        (folder / "classifier.onnx").write_bytes(archive.read("weights.onnx"))
    return folder


def small_network() -> Any:
    torch.manual_seed(0)
    network = BACKBONES["residual_unet"].build(classes=4, widths=(4, 8, 8))
    with torch.no_grad():
        for _ in range(2):  # statistics away from 0 and 1
            network(torch.randn(2, 3, 32, 32) * 2)
    return network.eval()


def segmenter_card() -> Any:
    card = load_checkpoint("smear-unet").card
    options = {"classes": 4, "widths": (4, 8, 8)}
    scaling = card.input.updated(mean=MEAN, std=STD)
    return card.updated(name="my.stain", options=options, input=scaling)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "models"))
    return tmp_path / "models"


def run(path: Path, image: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(["probabilities"], {"image": image.astype(np.float32)})[0])


@pytest.mark.parametrize(("count", "shape"), [(1, (64, 64)), (3, (48, 112)), (2, (256, 32))])
def test_a_segmenter_gives_the_same_probabilities_at_any_size(
    written: Path, count: int, shape: tuple[int, int]
) -> None:
    rgb = np.stack([make_smear(seed, shape, 30.0).rgb for seed in range(count)])
    image = ((rgb / 255.0 - MEAN) / STD).astype(np.float32).transpose(0, 3, 1, 2)
    with torch.inference_mode():
        wanted = small_network()(torch.from_numpy(image)).softmax(1).numpy()
    found = run(written / "segmenter.onnx", image)
    assert found.shape == (count, 4, *shape)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=TOLERANCE)
    assert wanted.std() > 10 * TOLERANCE


def test_a_classifier_gives_the_predictors_own_probabilities(written: Path) -> None:
    predictor = load_predictor(written / "classifier.safetensors", "cpu")
    smears = [make_smear(seed, (224, 224), 22.0).rgb for seed in range(3)]
    shown = np.stack([predictor.view.prepare(rgb, predictor.size_px).shown for rgb in smears])
    found = run(written / "classifier.onnx", shown.transpose(0, 3, 1, 2) / 255.0)
    wanted = [p.probabilities for p in predictor.predict_batch(smears)]
    np.testing.assert_allclose(found, wanted, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("name", ["segmenter", "classifier"])
def test_the_graph_is_sound_carries_the_card_and_no_path(written: Path, name: str) -> None:
    path = written / f"{name}.onnx"
    graph = onnx.load(path)
    onnx.checker.check_model(graph, full_check=True)
    told = json.loads({p.key: p.value for p in graph.metadata_props}["napari_all.card"])
    checkpoint = load_checkpoint(written / name)
    assert told == checkpoint.card.model_dump(mode="json") | {"sha256": checkpoint.sha256}
    assert "research use only" in graph.doc_string
    content = path.read_bytes()
    for word in (str(Path(__file__).parents[2]), str(written), str(Path(torch.__file__).parent), "site-packages"):
        assert word.encode() not in content
    assert len(content) < 1.2 * 4 * sum(p.size for p in checkpoint.tensors.values()) + 200_000


@pytest.mark.parametrize("name", ["segmenter", "classifier"])
def test_the_validator_of_bioimage_io_accepts_the_package_without_a_network(
    written: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", nowhere)
    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    package = written / f"{name}.bioimageio.zip"
    described = spec.load_model_description(package, perform_io_checks=True)
    assert described.validation_summary.status == "valid-format"
    # what the description tells, step by step, gives the test output, and that is what the network gives
    (test_input,), (test_output,) = described.get_input_test_arrays(), described.get_output_test_arrays()
    steps = described.inputs[0].preprocessing
    assert [step.id for step in steps] == ["ensure_dtype", "fixed_zero_mean_unit_variance", "ensure_dtype"]
    mean, std = (np.reshape(v, (1, -1, 1, 1)) for v in (steps[1].kwargs.mean, steps[1].kwargs.std))
    scaled = (test_input.astype(np.float32) - mean) / std
    with zipfile.ZipFile(package) as archive:
        graph = archive.read("weights.onnx")
    assert graph == (written / f"{name}.onnx").read_bytes()
    np.testing.assert_allclose(run(written / f"{name}.onnx", scaled), test_output, rtol=0, atol=TOLERANCE)
    if name == "segmenter":
        with torch.inference_mode():
            own = small_network()(torch.from_numpy(scaled.astype(np.float32))).softmax(1).numpy()
        np.testing.assert_allclose(test_output, own, rtol=0, atol=TOLERANCE)
    assert described.outputs[0].axes[1].size == 4


def test_the_package_says_what_the_card_says(written: Path) -> None:
    card = segmenter_card()
    with zipfile.ZipFile(written / "segmenter.bioimageio.zip") as archive:
        described, readme, terms = (archive.read(n).decode() for n in ("rdf.yaml", "README.md", "LICENSE.md"))
        names = archive.namelist()
    assert not any("/" in name or "\\" in name for name in names)
    assert str(written) not in described + readme
    assert "name: my-stain" in described
    assert "10.11591/ijeecs.v38.i2.pp950-959" in described
    assert "10.11591/ijeecs.v38.i2.pp950-959" in (Path(__file__).parents[2] / "CITATION.cff").read_text()
    assert "authors: []" in described  # nobody knows who made these weights
    assert card.licence in terms
    for word in (*card.classes, *card.data, "48 px wide", "research use only"):
        assert word in readme


@pytest.mark.parametrize("name", ["segmenter", "classifier"])
@pytest.mark.parametrize("format_name", list(MODEL_FORMATS))
def test_what_was_exported_comes_back_unchanged(written: Path, folder: Path, name: str, format_name: str) -> None:
    info = import_model(written / f"{name}{MODEL_FORMATS[format_name].suffix}", "back")
    original = load_checkpoint(written / name)
    assert (folder / "back.safetensors").read_bytes() == (written / f"{name}.safetensors").read_bytes()
    assert info.sha256 == original.sha256
    assert load_checkpoint("back").card == original.card.updated(name="back")


def spoiled_graph(change: Callable[[Any], object]) -> Callable[[Path], bytes]:
    def spoil(written: Path) -> bytes:
        graph = onnx.load(written / "segmenter.onnx")
        change(graph)
        return bytes(graph.SerializeToString())

    return spoil


def with_other_weights(graph: Any) -> None:
    first = next(t for t in graph.graph.initializer if t.name.startswith("network."))
    first.raw_data = bytes(len(first.raw_data))


def with_weights_elsewhere(graph: Any) -> None:
    first = next(t for t in graph.graph.initializer if t.name.startswith("network."))
    first.data_location = onnx.TensorProto.EXTERNAL
    first.ClearField("raw_data")
    first.external_data.add(key="location", value="../../../../../../etc/hostname")


def with_header(text: str) -> Callable[[Any], None]:
    def change(graph: Any) -> None:
        next(p for p in graph.metadata_props if p.key.endswith("header")).value = text

    return change


def foreign_graph(_: Path) -> bytes:
    image = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 3, "h", "w"])
    other = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 3, "h", "w"])
    node = onnx.helper.make_node("Relu", ["x"], ["y"])
    return bytes(onnx.helper.make_model(onnx.helper.make_graph([node], "g", [image], [other])).SerializeToString())


def archive_of(**files: bytes) -> Callable[[Path], bytes]:
    def make(_: Path) -> bytes:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name.replace("__", "../").replace("_", "."), content)
        return stream.getvalue()

    return make


@pytest.mark.parametrize(
    ("file", "content", "told"),
    [
        ("a.onnx", foreign_graph, r"not written by napari-all: it lacks napari_all\.card"),
        ("a.onnx", lambda _: b"no graph at all", "no ONNX file or is damaged|not written by napari-all"),
        ("a.onnx", lambda w: (w / "segmenter.onnx").read_bytes()[:-5000], "damaged|not written by"),
        ("a.onnx", spoiled_graph(with_other_weights), "do not match their card"),
        ("a.onnx", spoiled_graph(with_weights_elsewhere), "damaged"),
        ("a.onnx", spoiled_graph(with_header("[]")), "damaged"),
        ("a.onnx", spoiled_graph(with_header("{")), "damaged"),
        ("a.onnx", spoiled_graph(with_header('{"a": 1}')), "damaged"),
        ("a.zip", lambda _: b"PK no archive", "no ZIP archive"),
        ("a.zip", lambda w: (w / "segmenter.bioimageio.zip").read_bytes()[:-3000], "no ZIP archive"),
        ("a.zip", archive_of(rdf_yaml=b"type: model", weights_pt=b"\x80\x04."), "holds no models"),
        ("a.zip", archive_of(m_safetensors=b"x", m_json=bytes(2_000_000)), "unpacks to more than"),
        ("a.zip", archive_of(__m_safetensors=b"x", __m_json=b"{}"), "model card"),
    ],
)
def test_foreign_damaged_and_hostile_files_are_refused_and_nothing_is_written(
    written: Path, folder: Path, tmp_path: Path, file: str, content: Callable[[Path], bytes], told: str
) -> None:
    path = tmp_path / "in" / file
    path.parent.mkdir()
    path.write_bytes(content(written))
    with pytest.raises(CheckpointError, match=told):
        import_model(path, "taken")
    assert not folder.exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in"]


@pytest.mark.parametrize(
    ("name", "pack"), [("a.onnx", None), ("a.zip", zipfile.ZIP_DEFLATED), ("a.zip", zipfile.ZIP_LZMA)]
)
def test_random_damage_ends_in_a_refusal_or_nothing(written: Path, tmp_path: Path, name: str, pack: int | None) -> None:
    rng = np.random.default_rng(0)
    sound = (written / "segmenter.onnx").read_bytes()
    if pack is not None:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", pack) as archive:
            archive.writestr("m.safetensors", bytes(range(256)))
            archive.writestr("m.json", '{"name": 1}' * 20)
        sound = stream.getvalue()
    read = MODEL_FORMATS["onnx" if pack is None else "bioimageio"].read
    refused = 0
    for _ in range(150):
        spoiled = bytearray(sound)
        for at in rng.integers(0, len(sound), size=rng.integers(1, 20)):
            spoiled[at] = rng.integers(0, 256)
        del spoiled[rng.integers(len(sound) // 2, 2 * len(sound)) :]
        (tmp_path / name).write_bytes(spoiled)
        try:
            read(tmp_path / name)
        except CheckpointError:
            refused += 1
    assert refused > 75


def test_what_is_there_is_kept_and_names_must_fit(written: Path, tmp_path: Path) -> None:
    there = tmp_path / "segmenter.onnx"
    there.write_bytes(b"mine")
    with pytest.raises(FileExistsRefused, match=r"segmenter\.onnx is already there; give --overwrite"):
        export_model(written / "segmenter", "onnx", tmp_path)
    with pytest.raises(UsageError, match=r"unknown model format 'keras'; choose one of 'bioimageio', 'onnx'"):
        export_model(written / "segmenter", "keras", tmp_path)
    with pytest.raises(UsageError, match=r"end it with \.zip, or give a folder"):
        export_model(written / "segmenter", "bioimageio", tmp_path / "model.onnx")
    with pytest.raises(CheckpointError, match="there is no model 'nobody'"):
        export_model("nobody", "onnx", tmp_path)
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("segmenter.onnx", b"mine")]


@pytest.mark.parametrize(
    ("format_name", "library", "extra"),
    [("onnx", "onnxscript.optimizer", "onnx"), ("bioimageio", "bioimageio.spec", "bioimageio")],
)
def test_without_the_library_it_says_what_to_install(
    written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format_name: str, library: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(DependencyError, match=rf"pip install 'napari-all\[{extra}\]'"):
        export_model(written / "segmenter", format_name, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("backbone", "options"),
    [("classic_unet", {"widths": (4, 8, 16)}), ("custom_cnn", {"size_px": 64})],
)
def test_other_networks_become_graphs_too(backbone: str, options: dict[str, Any]) -> None:
    torch.manual_seed(0)
    entry = BACKBONES[backbone]
    network = entry.build(**options).eval()
    segments = entry.task == "segmentation"
    graph = to_onnx(network, 3, 16 if segments else 64, any_size=segments, temperature=0.5).SerializeToString()
    x = torch.randn(3, 3, *((32, 80) if segments else (64, 64)))
    with torch.inference_mode():
        wanted = (network(x) / 0.5).softmax(1).numpy()
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(session.run(None, {"image": x.numpy()})[0], wanted, rtol=0, atol=TOLERANCE)
