"""The U-Net on synthetic smears and, where they are, on real images."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from napari_all.data.synthetic import make_smear
from napari_all.errors import Cancelled, CheckpointError
from napari_all.monitor import NullMonitor
from napari_all.networks.backbones import BACKBONES
from napari_all.networks.checkpoint import load_checkpoint, save_checkpoint
from napari_all.networks.rebuild import rebuild
from napari_all.segmentation.inference import SegmentationNetwork, load_network, segment_tiled
from napari_all.segmentation.method import PostprocessSettings, RawSegmentation
from napari_all.segmentation.methods.unet import ENTRY, NO_DIAMETER, UNetSettings
from napari_all.segmentation.normalise import background_colour
from napari_all.segmentation.run import segment_array


class Notes(NullMonitor):
    """Keeps what it is told; stops after `stop_after` reports."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.messages: list[str] = []
        self.reports: list[tuple[str, int, int]] = []
        self.stop_after = stop_after

    def report(self, stage: str, done: int, total: int) -> None:
        self.reports.append((stage, done, total))

    def message(self, text: str) -> None:
        self.messages.append(text)

    def raise_if_cancelled(self) -> None:
        if self.stop_after is not None and len(self.reports) >= self.stop_after:
            raise Cancelled("stopped by the test")


def run(rgb: np.ndarray, monitor: NullMonitor | None = None, **settings) -> RawSegmentation:
    return ENTRY.run(rgb, UNetSettings(**settings), monitor or NullMonitor())


def dice(a: np.ndarray, b: np.ndarray, counts: np.ndarray | bool = True) -> float:
    a, b = a & counts, b & counts
    return 2 * (a & b).sum() / max(1, a.sum() + b.sum())


@pytest.fixture(scope="module")
def network() -> SegmentationNetwork:
    return load_network("smear-unet", "cpu")


@pytest.mark.parametrize(("seed", "diameter"), [(11, 20.0), (12, 48.0), (13, 110.0)])
def test_it_finds_cells_of_any_size_by_itself(seed, diameter):
    smear = make_smear(seed, (320, 400), diameter)
    result = run(smear.rgb)
    assert 0.65 < result.diameter_px / diameter < 1.5
    assert dice(result.classes > 0, smear.labels > 0, ~smear.smudges) > 0.85
    assert dice(result.classes == 2, smear.classes == 2, ~smear.smudges) > 0.8


def test_the_result_does_not_hang_on_the_exact_diameter(field):
    reference = run(field.rgb, diameter_px=22.0).classes > 0
    for diameter in (22.0 / 1.2, 22.0 * 1.2):
        assert dice(run(field.rgb, diameter_px=diameter).classes > 0, reference, ~field.smudges) > 0.95


def test_enlarging_the_image_and_the_diameter_changes_nearly_nothing(field):
    small = run(field.rgb, diameter_px=22.0).classes
    large = run(cv2.resize(field.rgb, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC), diameter_px=44.0).classes
    back = cv2.resize((large > 0).astype(np.float32), field.rgb.shape[1::-1], interpolation=cv2.INTER_AREA) > 0.5
    assert dice(back, small > 0) > 0.97


@pytest.mark.parametrize("tile_px", [256, 320, 448])
def test_tile_size_changes_nothing(network, tile_px):
    rgb = make_smear(21, (420, 500), 30).rgb
    whole, parted = (segment_tiled(rgb, network, 30.0, px, 2, NullMonitor()).classes for px in (4096, tile_px))
    assert (whole != parted).mean() < 0.005


def test_the_engine_finds_what_the_plain_float32_network_finds(network):
    """Within 0.5 % of pixels, whatever number format, memory layout, folding, tiling and blending it takes."""
    torch = pytest.importorskip("torch")
    rgb = make_smear(22, (480, 640), network.cell_px).rgb
    checkpoint = load_checkpoint("smear-unet")
    mean, std = (np.array(v, np.float32) for v in (checkpoint.card.input.mean, checkpoint.card.input.std))
    x = torch.from_numpy((rgb / np.float32(255) - mean) / std).permute(2, 0, 1)[None]
    with torch.inference_mode():
        background, cytoplasm, nucleus, smudge = rebuild(checkpoint).eval()(x).softmax(1)[0].numpy()
    stained = cytoplasm + nucleus + smudge > background
    expected = np.where(stained, np.where(nucleus > cytoplasm, 2, 1), 0)
    found = segment_tiled(rgb, network, network.cell_px, 256, 2, NullMonitor())
    assert (found.classes != expected).mean() < 0.005
    assert (found.smudge != (stained & (smudge > cytoplasm + nucleus))).mean() < 0.005
    assert np.abs(found.foreground / 255 - cytoplasm - nucleus).mean() < 0.005


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux alone tells the peak of a while")
def test_memory_above_image_and_result_is_bounded_by_the_tile(network):
    """Neither numpy nor torch may hold more than tiles and a row of them: the whole process's memory is looked at."""

    def kilobytes(field: str) -> int:
        status = Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in status if line.startswith(field)).split()[1])

    def peak(height: int) -> int:
        rgb = np.tile(make_smear(5, (256, 256), 96).rgb, (height // 256, 1, 1))
        Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from now on
        before = kilobytes("VmRSS")
        segment_tiled(rgb, network, 192.0, 256, 1, NullMonitor())
        return kilobytes("VmHWM") - before - 4 * rgb.shape[0] * rgb.shape[1] // 1024  # four maps of a byte

    peak(2048)  # what is taken once and kept
    assert peak(16384) - peak(2048) < 28 * 1024  # half of what the probabilities alone would be more


def test_uncertainty_is_high_on_edges_and_low_inside(network, field):
    maps = segment_tiled(field.rgb, network, 22.0, 640, 1, NullMonitor())
    cells, uncertainty = (maps.classes > 0).astype(np.uint8), maps.uncertainty
    edge = cv2.dilate(cells, np.ones((3, 3))) - cv2.erode(cells, np.ones((3, 3)))
    far = cv2.dilate(cells, np.ones((9, 9))) == 0
    assert uncertainty[edge > 0].mean() > 10 * uncertainty[far].mean()


def test_flips_agree_with_the_plain_result(field):
    plain, flipped = (run(field.rgb, diameter_px=22.0, flips=flips).classes > 0 for flips in (False, True))
    assert dice(plain, flipped, ~field.smudges) > 0.97


def test_the_user_is_told_device_diameter_and_progress(field):
    notes = Notes()
    result = run(field.rgb, notes)
    assert notes.messages[0].startswith("Device: ")
    assert notes.messages[1] == f"Cell diameter: {result.diameter_px:.0f} px (estimated)"
    done = [d for stage, d, _ in notes.reports if stage == "segment"]
    assert done == sorted(done)
    assert notes.reports[-1][1] == notes.reports[-1][2]


def test_a_field_without_cells_is_not_said_to_have_their_diameter(field):
    notes = Notes()
    result = run(np.full((200, 200, 3), 240, np.uint8), notes)
    assert not result.classes.any()
    assert NO_DIAMETER in notes.messages
    assert not any("estimated)" in message for message in notes.messages)


@pytest.mark.parametrize(("diameter", "told"), [(22.0, True), (80.0, False)])
def test_the_user_is_told_where_cells_are_small_for_a_ratio(field, diameter, told):
    notes = Notes()
    run(field.rgb, notes, diameter_px=diameter)
    assert any("cells this small" in message for message in notes.messages) is told


def test_cancel_stops_between_tiles(network):
    rgb = make_smear(5, (512, 512), 40).rgb
    notes = Notes(stop_after=2)
    with pytest.raises(Cancelled):
        segment_tiled(rgb, network, 24.0, 256, 1, notes)
    assert len(notes.reports) == 2


def test_result_names_the_model_and_its_hash(field):
    result = segment_array(field.rgb, ENTRY, UNetSettings(), PostprocessSettings())
    assert (result.model, result.model_sha256) == ("smear-unet", load_checkpoint("smear-unet").sha256)
    assert result.uncertainty is not None
    assert 0.0 < result.uncertainty < 0.5


def test_a_copied_model_at_a_path_gives_the_same_result(tmp_path: Path, field):
    bundled = load_checkpoint("smear-unet")
    path = save_checkpoint(tmp_path / "copy", bundled.tensors, bundled.card)
    here, there = run(field.rgb, diameter_px=22.0), run(field.rgb, diameter_px=22.0, model=str(path))
    np.testing.assert_array_equal(here.classes, there.classes)
    assert here.model_sha256 == there.model_sha256


def with_outputs(path: Path, classes: tuple[str, ...], rows: list[tuple[int, float]]) -> str:
    """Write the bundled network with a head of other outputs: (row of its own head, added bias) for each."""
    bundled = load_checkpoint("smear-unet")
    tensors = dict(bundled.tensors)
    tensors["head.weight"] = np.stack([tensors["head.weight"][row] for row, _ in rows])
    tensors["head.bias"] = np.stack([tensors["head.bias"][row] + np.float16(bias) for row, bias in rows])
    options = bundled.card.options | {"classes": len(classes)}
    return str(save_checkpoint(path, tensors, bundled.card.updated(classes=classes, options=options)))


def test_a_network_that_never_sees_smudges_gives_the_same_cells(tmp_path: Path, field):
    names = ("background", "cytoplasm", "nucleus", "smudge")
    model = with_outputs(tmp_path / "four", names, [(0, 0), (1, 0), (2, 0), (2, -50)])
    settings = UNetSettings(diameter_px=22.0, model=model)
    found = segment_array(field.rgb, ENTRY, settings, PostprocessSettings())
    three = with_outputs(tmp_path / "three", names[:3], [(0, 0), (1, 0), (2, 0)])
    plain = segment_array(field.rgb, ENTRY, UNetSettings(diameter_px=22.0, model=three), PostprocessSettings())
    np.testing.assert_array_equal(found.labels, plain.labels)
    np.testing.assert_array_equal(found.classes, plain.classes)
    assert plain.smudges is None
    assert found.smudges is not None
    assert not found.smudges.any()


def test_cells_that_look_smudged_leave_the_labels_but_are_still_found(tmp_path: Path, field):
    names = ("background", "cytoplasm", "nucleus", "smudge")
    model = with_outputs(tmp_path / "four", names, [(0, 0), (1, 0), (2, 0), (2, 3)])  # what has a large nucleus
    found = segment_array(field.rgb, ENTRY, UNetSettings(diameter_px=22.0, model=model), PostprocessSettings())
    cells = run(field.rgb, diameter_px=22.0).classes > 0
    assert found.smudges is not None
    assert found.smudges.max() > 1
    assert not ((found.labels > 0) & (found.smudges > 0)).any()
    assert dice((found.labels > 0) | (found.smudges > 0), cells) > 0.9


@pytest.mark.parametrize("part", ["nucleus", "cell"])
def test_a_network_of_two_classes_says_what_it_parts(tmp_path: Path, field, part):
    model = with_outputs(tmp_path / "two", ("background", part), [(0, 0), (2, 0)])
    notes = Notes()
    settings = UNetSettings(diameter_px=22.0, model=model)
    found = segment_array(field.rgb, ENTRY, settings, PostprocessSettings(), notes)
    assert found.parts == part
    assert set(np.unique(found.classes)) <= {0, 2}
    assert dice(found.classes == 2, field.classes == 2, ~field.smudges) > 0.8
    assert not any("cells this small" in message for message in notes.messages)


def test_a_network_that_halves_more_often_runs_on_any_size_and_tile(tmp_path: Path):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    bundled = load_checkpoint("smear-unet").card
    options = {"classes": 2, "widths": (4, 4, 4, 4, 4, 4)}
    module = BACKBONES["residual_unet"].build(**options)
    card = bundled.updated(options=options, classes=("background", "cell"))
    network = load_network(str(save_checkpoint(tmp_path / "deep", module.state_dict(), card)), "cpu")
    assert network.align == 32
    rgb = make_smear(21, (301, 333), 30).rgb
    whole, parted = (segment_tiled(rgb, network, 24.0, px, 1, NullMonitor()) for px in (4096, 256))
    difference = whole.uncertainty.astype(int) - parted.uncertainty
    assert (np.abs(difference) > 12).mean() < 0.02


@pytest.mark.parametrize("change", [{"options": {"widths": [8, 16]}}, {"extra": {}}, {"classes": ("a", "b")}])
def test_a_model_that_does_not_fit_is_refused(tmp_path: Path, field, change):
    bundled = load_checkpoint("smear-unet")
    path = save_checkpoint(tmp_path / "odd", bundled.tensors, bundled.card.updated(**change))
    with pytest.raises(CheckpointError):
        run(field.rgb, model=str(path))


def test_short_gpu_memory_halves_batch_then_tile_and_says_so(network, field):
    """Stands in for a GPU that holds one tile of 320 px: the network is the real one."""

    torch = pytest.importorskip("torch")

    class Small(SegmentationNetwork):
        def predict(self, tiles):
            if tiles.shape[0] * tiles.shape[1] > 320:
                raise torch.cuda.OutOfMemoryError
            return super().predict(tiles)

    small = Small(**vars(network))
    notes = Notes()
    classes = segment_tiled(field.rgb, small, 22.0, 640, 4, notes).classes
    assert notes.messages == [
        "GPU memory is short: going on with tiles of 640 px, 2 at a time",
        "GPU memory is short: going on with tiles of 640 px, 1 at a time",
        "GPU memory is short: going on with tiles of 320 px, 1 at a time",
    ]
    assert (classes != segment_tiled(field.rgb, network, 22.0, 640, 4, NullMonitor()).classes).mean() < 0.005


def test_bare_glass_is_not_shown_to_the_network(network, field):
    """Nine times its area of glass, with the grain of a camera, beside a field."""
    pytest.importorskip("torch")
    seen = []

    class Counting(SegmentationNetwork):
        def predict(self, tiles):
            seen.append(len(tiles))
            return super().predict(tiles)

    rows, columns = field.rgb.shape[:2]
    grain = np.random.default_rng(0).integers(-8, 9, (rows, 9 * columns, 3))
    beside = np.clip(background_colour(field.rgb) + grain, 0, 255).astype(np.uint8)
    wide = np.concatenate([field.rgb, beside], axis=1)
    notes = Notes()
    counting = Counting(**vars(network))
    found = segment_tiled(wide, counting, 22.0, 256, 4, notes).classes
    shown = sum(seen)
    seen.clear()
    alone = segment_tiled(field.rgb, counting, 22.0, 256, 4, NullMonitor()).classes
    assert shown <= 2 * sum(seen)
    assert not found[:, columns + 16 :].any()
    assert (found[:, : columns - 64] != alone[:, : columns - 64]).mean() < 0.005
    assert notes.reports[-1][1] == notes.reports[-1][2]  # glass counts as done


def test_a_cuda_gpu_gives_what_the_cpu_gives(network, field):
    """With more shapes of tiles than are kept as graphs, each twice."""
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("no CUDA GPU")
    there = load_network("smear-unet", "cuda")
    for side in (256, 320, 384, 448, 512, 576) * 2:
        on_cpu, on_gpu = (segment_tiled(field.rgb, n, 22.0, side, 3, NullMonitor()) for n in (network, there))
        assert (on_cpu.classes != on_gpu.classes).mean() < 0.005
        assert np.abs(on_cpu.uncertainty.astype(int) - on_gpu.uncertainty).mean() < 1


@pytest.mark.data
@pytest.mark.parametrize(("dataset", "nucleus", "cell"), [("dataset1", 0.95, 0.965), ("dataset2", 0.96, 0.965)])
def test_held_out_white_cells_reach_the_floor(data_dir: Path, dataset, nucleus, cell):
    folder = data_dir / "wbc-zheng" / dataset
    scores = []
    for path in sorted((folder / "images").iterdir())[::5]:
        rgb = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        truth = cv2.imread(str(folder / "masks" / path.name), cv2.IMREAD_GRAYSCALE)
        classes = segment_array(rgb, ENTRY, UNetSettings(), PostprocessSettings()).classes
        scores.append((dice(classes == 2, truth == 2), dice(classes > 0, truth > 0)))
    assert np.mean(scores, axis=0)[0] >= nucleus
    assert np.mean(scores, axis=0)[1] >= cell
