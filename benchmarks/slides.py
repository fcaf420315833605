"""A synthetic slide from file to files by the command line, killed once and gone on with: memory, time, same result.

    python benchmarks/slides.py [--side 30000] [--folder DIR]

The slide is a mosaic of ten synthetic smears of 1024 x 1024 pixels, turned and mirrored at random, a fifth of its area
bare glass, JPEG-compressed tiles with smaller copies. It is segmented with the U-Net (cell diameter given: 40 px) three
times by `napari-all segment`: alone; killed (SIGKILL) halfway and gone on with (`--resume`). The peer for the time is
the same command on ten of the smears as images of their own, in the same run, start-up of both taken off by a run on
one image. Peak memory is the largest of the process's resident set sizes, seen every 0.2 s. No data needed. Writes
`docs/results/slides.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import tifffile
from PIL import Image

from napari_all.data.synthetic import make_smear
from napari_all.files import sha256_file, write_json
from napari_all.workflows.segment_slide import BLOCK_PX

ROOT = Path(__file__).resolve().parents[1]
FIELD_PX, DIAMETER_PX, FIELDS, BARE = 1024, 40.0, 10, 0.2
OUTPUTS = ("slide_labels.tif", "slide_classes.tif", "slide_cells.csv")


def fields() -> list[np.ndarray]:
    return [make_smear(seed, (FIELD_PX, FIELD_PX), DIAMETER_PX, scale_bar=False).rgb for seed in range(FIELDS)]


def write_slide(path: Path, side: int) -> float:
    """Write the mosaic tile by tile; return the share that is not bare glass."""
    rng, made, count = np.random.default_rng(0), fields(), -(-side // FIELD_PX)
    plan = rng.integers(0, FIELDS, (count, count))
    plan[rng.random((count, count)) < BARE] = -1
    turns = rng.integers(0, 8, (count, count))
    glass = np.full((FIELD_PX, FIELD_PX, 3), 235, np.uint8)

    def field(row: int, column: int) -> np.ndarray:
        if plan[row, column] < 0:
            return glass
        turned = np.rot90(made[plan[row, column]], turns[row, column] % 4)
        return np.ascontiguousarray(turned[:, ::-1] if turns[row, column] > 3 else turned)

    def tiles(step: int):
        small = FIELD_PX // step
        for row in range(count):
            strip = np.concatenate([field(row, column)[::step, ::step] for column in range(count)], axis=1)
            for y in range(0, small, 256):
                for x in range(0, count * small, 256):
                    yield strip[y : y + 256, x : x + 256]

    with tifffile.TiffWriter(path, bigtiff=True) as tif:
        for step in (1, 4):
            shape = (count * FIELD_PX // step, count * FIELD_PX // step, 3)
            sub = {"subifds": 1} if step == 1 else {"subfiletype": 1}
            options = {"tile": (256, 256), "photometric": "rgb", "compression": "jpeg", "metadata": None}
            tif.write(tiles(step), shape=shape, dtype=np.uint8, **options, **sub)
    return float((plan >= 0).mean())


def run(inputs: Path, output: Path, *more: str, kill_when: Callable[[], bool] | None = None) -> tuple[float, float]:
    """Run the command; return its seconds and its peak memory in GiB. It is killed once `kill_when` holds."""
    words = ["segment", str(inputs), "--method", "unet", "--set", f"diameter_px={DIAMETER_PX}", "--quiet"]
    begin, peak = time.perf_counter(), 0
    process = subprocess.Popen([sys.executable, "-m", "napari_all", *words, "--output", str(output), *more])
    watched = psutil.Process(process.pid)
    while process.poll() is None:
        try:
            peak = max(peak, watched.memory_info().rss)
        except psutil.Error:
            break
        if kill_when is not None and kill_when():
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            return time.perf_counter() - begin, peak / 2**30
        time.sleep(0.2)
    if process.wait() != 0:
        raise SystemExit(f"the command failed with {process.returncode}")
    return time.perf_counter() - begin, peak / 2**30


def blocks_done(output: Path) -> int:
    journals = list(output.glob(".*_work/progress.jsonl"))
    return journals[0].read_text().count('"block"') if journals else 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=30_000, help="pixels")
    parser.add_argument("--folder", type=Path, help="where the slide and the results are made (default: temporary)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as made:
        folder = Path(made)
        slide, singles, one = folder / "slide.tif", folder / "fields", folder / "one"
        stained = write_slide(slide, options.side)
        for where, some in ((singles, fields()), (one, fields()[:1])):
            where.mkdir()
            for k, rgb in enumerate(some):
                Image.fromarray(rgb).save(where / f"{k}.png")
        start, _ = run(one, folder / "o1")
        many, _ = run(singles, folder / "o2")
        field_s = (many - start) / (FIELDS - 1)
        whole, peak = run(slide, folder / "whole")
        half = int(np.ceil(options.side / BLOCK_PX)) ** 2 // 2
        first, _ = run(slide, folder / "killed", kill_when=lambda: blocks_done(folder / "killed") > half)
        second, peak_resumed = run(slide, folder / "killed", "--resume")
        same = [sha256_file(folder / "whole" / n) == sha256_file(folder / "killed" / n) for n in OUTPUTS]
        cells = json.loads((folder / "whole" / "slide_labels.json").read_text())["cells"]
        megapixels = options.side**2 / 1e6
        found = {
            "side_px": options.side,
            "share_stained": stained,
            "cells": cells,
            "peak_memory_gib": round(max(peak, peak_resumed), 2),
            "seconds": round(whole, 1),
            "seconds_killed_and_resumed": [round(first, 1), round(second, 1)],
            "same_result_after_kill": all(same),
            "seconds_per_megapixel": round((whole - start) / megapixels, 3),
            "seconds_per_stained_megapixel": round((whole - start) / megapixels / stained, 3),
            "seconds_per_megapixel_of_fields": round(field_s / (FIELD_PX**2 / 1e6), 3),
            "cores": os.cpu_count(),
        }
    write_json(ROOT / "docs" / "results" / "slides.json", found)
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
