"""The segmentation engine against the eager float32 U-Net of segmentation-models-pytorch, in one run, turn by turn.

    python benchmarks/inference_speed.py [--device cpu|cuda] [--rounds 5] [--threads N]

All rows take one synthetic image of 1024 x 1024 pixels. The peer is `smp.Unet("resnet34", classes=3)` as its
documentation shows it: float32, one forward pass over the image as a ready tensor (N, 3, Y, X) and nothing else. Ours
starts from uint8 pixels and ends with maps (the engine) or numbered cells (the whole). It scales the image so that
cells have the network's size, so its work goes with the size of the cells: the rows tell how many pixels the networks
saw, overlaps of tiles included. Other runtimes take one tile of the engine's largest size, beside the engine's network
on the same tile; they are there when onnx and openvino or onnxruntime can be imported.
Medians of wall and processor time (all threads; compare by it on a busy machine); a GPU is waited for. The share of the
limit is the network's arithmetic by time, over that of a large matrix product of the same run, in the number format
that the engine uses there. Dice of both networks: `docs/results/segmentation_quality.json`. No data needed. Writes
`docs/results/inference_speed.json` (`_cuda` with a GPU).
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import segmentation_models_pytorch as smp
import torch
from torch.utils.flop_counter import FlopCounterMode

from napari_all.data.synthetic import make_smear
from napari_all.files import write_json
from napari_all.monitor import NullMonitor
from napari_all.networks.checkpoint import load_checkpoint, save_checkpoint
from napari_all.networks.device import choose_device, cpu_has_bfloat16
from napari_all.networks.rebuild import rebuild
from napari_all.segmentation.inference import SegmentationNetwork, load_network, segment_tiled
from napari_all.segmentation.methods.unet import UNetSettings, shown_px
from napari_all.workflows.segment import make_config, segment_image

ROOT = Path(__file__).resolve().parents[1]
SIDE, MODEL, PEER = 1024, "smear-unet", "smp U-Net (resnet34), eager float32"
TILE, NETWORK = 640, "one tile, engine's network"
OURS = "engine, at the network's own scale"
Job = Callable[[], Any]


class Seen:
    """Counts the pixels that networks are shown."""

    def __init__(self) -> None:
        self.pixels = 0

    def count(self, module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        self.pixels += inputs[0].shape[0] * inputs[0].shape[2] * inputs[0].shape[3]


def own_in_smp_clothes(folder: str, device: str) -> SegmentationNetwork:
    """The peer's network, weights at random, run by our engine: tells what is engine and what is architecture."""
    options = {"classes": 3, "architecture": "unet", "encoder": "resnet34"}
    card = load_checkpoint(MODEL).card.updated(
        backbone="smp", options=options, classes=("background", "cytoplasm", "nucleus")
    )
    module = smp.Unet("resnet34", encoder_weights=None, classes=3)
    return load_network(str(save_checkpoint(Path(folder) / "smp", module.state_dict(), card)), device)


def runtimes(network: SegmentationNetwork, tile: np.ndarray, threads: int) -> dict[str, Job]:
    """The shipped network in other runtimes, each from (1, 3, Y, X) float32 to probabilities."""
    try:
        from napari_all.networks.onnx_graph import to_onnx

        graph = to_onnx(rebuild(load_checkpoint(MODEL)), 3, network.align, any_size=True).SerializeToString()
    except ImportError as error:
        print(f"no other runtimes: {error}")
        return {}
    mean, std = (np.array(v, np.float32).reshape(1, 3, 1, 1) for v in (network.card.input.mean, network.card.input.std))
    x = np.ascontiguousarray((tile[None].transpose(0, 3, 1, 2).astype(np.float32) / 255 - mean) / std)
    jobs: dict[str, Job] = {}
    try:
        import onnxruntime

        choices = onnxruntime.SessionOptions()
        choices.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(graph, choices, providers=["CPUExecutionProvider"])
        jobs["one tile, ONNX Runtime float32"] = lambda: session.run(None, {session.get_inputs()[0].name: x})[0]
    except ImportError as error:
        print(f"no ONNX Runtime: {error}")
    try:
        import openvino

        core = openvino.Core()
        for hint in ("f32", "bf16"):
            wanted = {"INFERENCE_PRECISION_HINT": hint, "INFERENCE_NUM_THREADS": threads}
            compiled = core.compile_model(core.read_model(graph), "CPU", wanted)
            jobs[f"one tile, OpenVINO {hint}"] = lambda compiled=compiled: compiled(x)[0]
    except ImportError as error:
        print(f"no OpenVINO: {error}")
    return jobs


def limit_tflops(device: str) -> float:
    """The rate of a large matrix product in the engine's number format."""
    fast = torch.float16 if device == "cuda" else torch.bfloat16 if cpu_has_bfloat16() else torch.float32
    side = 8192 if device == "cuda" else 2048
    a, times = torch.rand(side, side, device=device).to(fast), []
    for _ in range(6):
        times.append(timed(lambda: a @ a, device)[1])
    return 2 * side**3 / min(times) / 1e12


def timed(job: Job, device: str) -> tuple[float, float]:
    """Return wall time and processor time, of a GPU the wall time twice, in seconds."""
    wall, processor = time.perf_counter(), time.process_time()
    job()
    if device == "cuda":
        torch.cuda.synchronize()
        return (time.perf_counter() - wall,) * 2
    return time.perf_counter() - wall, time.process_time() - processor


def jobs_on(device: str, folder: str, rgb: dict[int, np.ndarray], tile: np.ndarray, seen: Seen) -> dict[str, Job]:
    """Everything that is timed but the other runtimes, on one device; networks on the CPU count what they see."""
    tensor = torch.from_numpy(rgb[48]).permute(2, 0, 1)[None].float().div(255).contiguous().to(device)
    network, clothed = load_network(MODEL, device), own_in_smp_clothes(folder, device)
    peer = smp.Unet("resnet34", encoder_weights=None, classes=3).eval().to(device)
    plain = rebuild(load_checkpoint(MODEL)).eval().to(device)
    default = UNetSettings()
    if device == "cpu":
        for module in (peer, plain, network._compute.module, clothed._compute.module):
            module.register_forward_pre_hook(seen.count)

    def engine(used: SegmentationNetwork, px: int, shown: float) -> Job:
        return lambda: segment_tiled(
            rgb[px], used, shown, default.tile_px, default.batch_size, NullMonitor(), default.flips
        )

    def whole(px: int, *given: str) -> Job:
        config = make_config("unet", assignments=[f"device={device}", *given])
        return lambda: segment_image(rgb[px], config)

    return {
        PEER: lambda: peer(tensor),
        "own network, eager float32": lambda: plain(tensor),
        OURS: engine(network, 48, network.cell_px),
        "engine, cells of 48 px as shipped": engine(network, 48, shown_px(48.0)),
        "engine, cells of 24 px as shipped": engine(network, 24, shown_px(24.0)),
        "smp U-Net (resnet34) in this engine, its own scale": engine(clothed, 48, clothed.cell_px),
        "segment, cells of 48 px, diameter given": whole(48, "diameter_px=48"),
        "segment, cells of 48 px, diameter estimated": whole(48),
        "segment, cells of 24 px, diameter given": whole(24, "diameter_px=24"),
        NETWORK: lambda: network.predict(tile[None]),
    }


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, help="of the processor (default: as many as torch takes)")
    options = parser.parse_args()
    device = options.device
    if options.threads:
        torch.set_num_threads(options.threads)
    rgb = {px: make_smear(3, (SIDE, SIDE), float(px)).rgb for px in (24, 48)}
    tile = np.ascontiguousarray(rgb[48][:TILE, :TILE])
    network = load_network(MODEL, device)
    seen = Seen()
    with tempfile.TemporaryDirectory() as folder:
        on_cpu = jobs_on("cpu", folder, rgb, tile, seen)
        jobs = on_cpu if device == "cpu" else jobs_on(device, folder, rgb, tile, seen)
        others = runtimes(network, tile, torch.get_num_threads()) if device == "cpu" else {}
        jobs |= others
        pixels, flops = {}, {}
        for name, job in (on_cpu | others).items():  # counted on the CPU: kernels that a GPU replays are not seen
            seen.pixels = 0
            with FlopCounterMode(display=False) as counter:
                job()
            pixels[name], flops[name] = seen.pixels or TILE * TILE, counter.get_total_flops()
        for job in jobs.values():  # the first, untimed pass
            job()
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in jobs}
        for _ in range(options.rounds):
            for name, job in jobs.items():
                times[name].append(timed(job, device))
    limit = limit_tflops(device)

    def over(name: str) -> str:
        return NETWORK if name == NETWORK or name in others else PEER

    middle = {name: [statistics.median(column) for column in zip(*rows, strict=True)] for name, rows in times.items()}
    rows = {
        name: {
            "wall_ms": round(wall * 1e3, 1),
            "processor_ms": round(processor * 1e3, 1),
            "over": over(name),
            "times_as_fast_wall": round(middle[over(name)][0] / wall, 2),
            "times_as_fast_processor": round(middle[over(name)][1] / processor, 2),
            "network_megapixels": round(pixels[name] / 1e6, 2),
            "network_megapixels_per_second": round(pixels[name] / 1e6 / wall, 2),
            "share_of_limit": round(flops[name] / processor / 1e12 / limit, 3) if flops[name] else None,
        }
        for name, (wall, processor) in middle.items()
    }
    torch_classes = network.predict(tile[None]).cpu().argmax(1).numpy()
    for name, job in others.items():
        rows[name]["pixels_that_differ"] = float((np.asarray(job()).argmax(1) != torch_classes).mean())
    quality = json.loads((ROOT / "docs" / "results" / "segmentation_quality.json").read_text())["methods"]
    found = {
        "command": f"python benchmarks/inference_speed.py --device {device}",
        "device": choose_device(device).line,
        "rounds": options.rounds,
        "image_px": SIDE,
        "tile_px": TILE,
        "threads": torch.get_num_threads(),
        "limit_tflops": round(limit, 3),
        "dice_on_reference_masks": {
            "ours": quality["unet"]["reference_masks"]["dice"],
            "smp U-Net (resnet34)": quality["smp U-Net (resnet34)"]["reference_masks"]["dice"],
        },
        "rows": rows,
    }
    write_json(ROOT / "docs" / "results" / f"inference_speed{'' if device == 'cpu' else '_cuda'}.json", found)
    print("| 1024 x 1024 | wall ms | processor ms | times as fast (by processor) | megapixels seen | of limit |")
    print("|---|---|---|---|---|---|")
    for name, row in rows.items():
        print(
            f"| {name} | {row['wall_ms']} | {row['processor_ms']} | {row['times_as_fast_wall']} ("
            f"{row['times_as_fast_processor']}) | {row['network_megapixels']} | {row['share_of_limit']} |"
        )


if __name__ == "__main__":
    main()
