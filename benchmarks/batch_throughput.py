"""Fields by batch, from files to files, beside the bare engine on the same images in memory.

    python benchmarks/batch_throughput.py [--count 3000] [--parts 10] [--images DIR] [--method unet] [--no-command]

The fields are 30 synthetic smears of 224 x 224 pixels, turned and mirrored, as JPEG; with `--images` those of a folder,
taken again and again until there are `--count`. One `segment_batch` goes through all of them. Before each part of it,
the same part is segmented by `segment_image` alone, from arrays read before, in the same process and thread, so that
both see the machine in the same state. Then `napari-all segment` on all of them, half before and half after, its
start-up (the same command on one image, median of three) taken off. The network is warm, its diameter estimated from
each image as by default. No data needed. Writes `docs/results/batch_throughput.json`.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from napari_all.data.synthetic import make_smear
from napari_all.files import write_json
from napari_all.io.images import read_image
from napari_all.io.inputs import find_images
from napari_all.networks.device import let_threads_sleep
from napari_all.types import RGBImage
from napari_all.workflows.batch import segment_batch
from napari_all.workflows.segment import SegmentConfig, make_config, segment_image

ROOT = Path(__file__).resolve().parents[1]
FIELDS, FIELD_PX, DIAMETER_PX = 30, 224, 22.0


def views(rgb: RGBImage) -> list[RGBImage]:
    """Return the image in its eight positions."""
    return [np.ascontiguousarray(np.rot90(side, k)) for side in (rgb, rgb[:, ::-1]) for k in range(4)]


def as_jpeg(rgb: RGBImage) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, "JPEG", quality=92)
    return stream.getvalue()


def write_fields(folder: Path, count: int, images: Path | None) -> None:
    """Write so many images into a folder."""
    if images is None:
        fields = (make_smear(seed, (FIELD_PX, FIELD_PX), DIAMETER_PX).rgb for seed in range(FIELDS))
        files = [(".jpg", as_jpeg(view)) for field in fields for view in views(field)]
    else:
        files = [(i.path.suffix, i.path.read_bytes()) for i in find_images([images])]
        files = [files[k] for k in np.random.default_rng(0).permutation(len(files))]
    folder.mkdir()
    for number in range(count):
        ending, content = files[number % len(files)]
        (folder / f"{number:05}{ending}").write_bytes(content)


@dataclass
class Watch:
    """Seconds, and the processor's."""

    wall: float = 0.0
    processor: float = 0.0

    def add(self, do: Callable[[], object]) -> None:
        wall, processor = time.perf_counter(), time.process_time()
        do()
        self.wall += time.perf_counter() - wall
        self.processor += time.process_time() - processor


class Alternating:
    """A batch's monitor that lets the bare engine go first on each part, and takes that time off."""

    def __init__(self, paths: Sequence[Path], config: SegmentConfig, part: int) -> None:
        self._paths, self._config, self._part = paths, config, part
        self.engine, self.pauses = Watch(), Watch()

    def report(self, stage: str, done: int, total: int) -> None:
        if done % self._part == 0 and done < total:
            self.pauses.add(lambda: self._engine_alone(self._paths[done : done + self._part]))

    def _engine_alone(self, paths: Sequence[Path]) -> None:
        arrays = [read_image(path)[1] for path in paths]
        self.engine.add(lambda: [segment_image(rgb, self._config) for rgb in arrays])

    def message(self, text: str) -> None:
        pass

    def raise_if_cancelled(self) -> None:
        pass


def command(images: Sequence[Path] | Path, output: Path, method: str) -> float:
    """Run the command line and return its seconds."""
    words = [str(path) for path in ([images] if isinstance(images, Path) else images)]
    begin = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "napari_all", "segment", *words, "--method", method, "--output", output, "--quiet"],
        check=True,
    )
    return time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--parts", type=int, default=10)
    parser.add_argument("--images", type=Path, help="folder of images to take instead of synthetic ones")
    parser.add_argument("--method", default="unet")
    parser.add_argument("--no-command", action="store_true", help="leave the command line out")
    options = parser.parse_args()
    let_threads_sleep()
    config = make_config(options.method)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        write_fields(folder / "fields", options.count, options.images)
        paths = sorted((folder / "fields").iterdir())
        halves = {half: folder / half for half in ("first", "second")}
        for at, half in enumerate(halves.values()):
            half.mkdir()
            for path in paths[at::2]:
                (half / path.name).hardlink_to(path)
        segment_image(read_image(paths[0])[1], config)  # the network is loaded
        seconds: list[float] = []
        if not options.no_command:
            starts = [command(paths[0], folder / f"start{k}", options.method) for k in range(3)]
            seconds.append(command(halves["first"], folder / "out1", options.method) - float(np.median(starts)))
        both, watched = Watch(), Alternating(paths, config, -(-options.count // options.parts))
        both.add(lambda: segment_batch([folder / "fields"], folder / "out", config, monitor=watched))
        if not options.no_command:
            seconds.append(command(halves["second"], folder / "out2", options.method) - float(np.median(starts)))
        record = json.loads((folder / "out" / "run.json").read_text())
        if any(entry["status"] != "done" for entry in record["inputs"]):
            raise SystemExit("some images failed; see run.json")
    print(json.dumps(found := figures(both, watched, seconds, options), indent=2))
    write_json(ROOT / "docs" / "results" / "batch_throughput.json", found)


def figures(both: Watch, watched: Alternating, seconds: Sequence[float], options: argparse.Namespace) -> dict:
    engine, count = watched.engine, options.count
    batch = Watch(both.wall - watched.pauses.wall, both.processor - watched.pauses.processor)
    found = {
        "images": count,
        "of": "a folder's images"
        if options.images
        else f"{FIELDS} synthetic fields of {FIELD_PX} px, 8 positions each",
        "method": options.method,
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "engine_images_per_s": round(count / engine.wall, 2),
        "batch_images_per_s": round(count / batch.wall, 2),
        "batch_to_engine": round(engine.wall / batch.wall, 3),
        "engine_processor_ms_per_image": round(1e3 * engine.processor / count, 1),
        "batch_processor_ms_per_image": round(1e3 * batch.processor / count, 1),
    }
    if seconds:
        found |= {
            "command_images_per_s": round(count / sum(seconds), 2),
            "command_to_engine": round(engine.wall / sum(seconds), 3),
        }
    return found


if __name__ == "__main__":
    main()
