"""Wall time of the command line, start-up included, on real images.

python benchmarks/end_to_end.py [--data DIR]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def timed(*arguments: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "napari_all", *arguments, "--quiet"], check=True)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = Path(os.environ.get("NAPARI_ALL_DATA", ROOT.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=data)
    options = parser.parse_args()
    fields = str(options.data / "reference-masks" / "images")
    images = [
        str(path)
        for folder in sorted((options.data / "taleqani-all" / "Original").iterdir())
        for path in sorted(folder.iterdir())[:25]
    ]
    with tempfile.TemporaryDirectory() as folder:
        print("| command | images | seconds |\n|---|---|---|")
        for method in ("hsv", "lab", "unet"):
            seconds = timed("segment", fields, "--method", method, "--output", f"{folder}/{method}")
            print(f"| segment --method {method} | 21 | {seconds:.1f} |", flush=True)
        seconds = timed("classify", *images, "--output", f"{folder}/subtypes.csv")
        print(f"| classify | {len(images)} | {seconds:.1f} |")


if __name__ == "__main__":
    main()
