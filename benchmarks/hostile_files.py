"""Damaged and hostile files into every importer: no crash, no hang, nothing written outside the output folder.

python benchmarks/hostile_files.py [--count 2000] [--seed 0] [--seconds 30] [--memory-gb 6] [--output FILE.json]

Half of the files are valid exports that were damaged at random (cut off, bytes changed, blocks swapped, repeated or
filled, another ending); the others are made to harm: huge declared sizes, ZIP and deflate bombs, names that climb out
of the folder, pickles that run code, JSON a hundred thousand levels deep. They are imported by the workflow of the
command line in a process with a limit of memory and time. Exit code 1 when anything crashed, hung, ran or was written
outside. No data needed.
"""

from __future__ import annotations

import argparse
import io
import json
import logging
import os
import pickle
import resource
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile

from napari_all.errors import NapariAllError
from napari_all.files import write_json
from napari_all.io.exporters import EXPORTERS
from napari_all.io.sidecar import Sidecar
from napari_all.workflows.export import make_item

Trap = tuple[str, Callable[[], bytes]]
UNEXPECTED = ("TypeError", "KeyError", "AttributeError", "IndexError", "UnboundLocalError")
"""Errors that no importer should let through."""


def valid(rng: np.random.Generator, folder: Path) -> dict[str, bytes]:
    labels = np.zeros((40, 50), np.int32)
    for number in range(1, 9):
        y, x = rng.integers(0, 34), rng.integers(0, 44)
        labels[y : y + 6, x : x + 6] = number
    classes = np.where(labels > 0, 1 + (rng.random(labels.shape) < 0.5), 0).astype(np.uint8)
    item = make_item("a.png", labels, Sidecar(image="a.png", parts="nucleus+cytoplasm"), classes, {1: "Pre-B"})
    found = {}
    for exporter in EXPORTERS.values():
        path = folder / f"a{exporter.ending}"
        exporter.write(path, [item])
        found[exporter.ending] = path.read_bytes()
    return found


def damaged(rng: np.random.Generator, content: bytes) -> bytes:
    data = bytearray(content)
    for _ in range(int(rng.integers(1, 4))):
        at, length = int(rng.integers(0, len(data) + 1)), int(rng.integers(1, 200))
        match int(rng.integers(0, 7)):
            case 0:
                data = data[:at]
            case 1:
                for place in rng.integers(0, max(1, len(data)), length):
                    data[place : place + 1] = bytes([int(rng.integers(0, 256))])
            case 2:
                data[at : at + length] = bytes(length)
            case 3:
                data[at : at + 4] = b"\xff\xff\xff\xff"
            case 4:
                data[at:at] = data[at : at + length] * 3
            case 5:
                del data[at : at + length]
            case _:
                for digits in (b"1", b"3", b"40", b"50"):
                    data = data.replace(digits, b"9" * int(rng.integers(1, 25)), 1)
        data = data or bytearray(b"\0")
    return bytes(data)


def _npy(pickled: bytes) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "|O", "fortran_order": False, "shape": ()})
    return stream.getvalue() + pickled


class _Runs:
    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[object, ...]:
        return (os.system, (self.command,))


def _coco(name: str = "a.png", size: tuple[int, int] = (5, 5), segmentation: object = None) -> bytes:
    image = {"id": 1, "file_name": name, "height": size[0], "width": size[1]}
    annotation = {"id": 1, "image_id": 1, "category_id": 1, "segmentation": segmentation or [[0, 0, 3, 0, 3, 3]]}
    return json.dumps({"images": [image], "annotations": [annotation], "categories": []}).encode()


def _zip(entries: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return stream.getvalue()


def _png(width: int, height: int, pixels: bytes) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 16, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(pixels, 9)) + chunk(b"IEND", b"")
    )


def _tiff(width: int, height: int, stored: bytes) -> bytes:
    """A TIFF of one strip whose size may have nothing to do with what is stored."""
    tags = [(256, 4, width), (257, 4, height), (258, 3, 16), (259, 3, 8), (262, 3, 1), (273, 4, 8)]
    tags += [(277, 3, 1), (278, 4, height), (279, 4, len(stored))]
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    return b"II*\0" + struct.pack("<I", 8 + len(stored)) + stored + struct.pack("<H", len(tags)) + entries + bytes(4)


def _ome_elsewhere() -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, np.ones((4, 4), np.uint16), ome=True, metadata={"axes": "YX"})
    return stream.getvalue().replace(b'<TiffData IFD="0"', b'<TiffData IFD="1"')


def hostile(outside: Path, rng: np.random.Generator) -> list[Trap]:
    touch = f"touch {outside / 'ran'}"
    big = int(rng.integers(20_000, 2**31 - 1))
    square = {"type": "Polygon", "coordinates": [[[0, 0], [big, 0], [big, big], [0, 0]]]}
    feature = {"type": "Feature", "geometry": square, "properties": {"objectType": "cell"}}
    nowhere = {"type": "Polygon", "coordinates": [[[float("nan"), 1], [2, float("inf")], [3, 3]]]}
    deep = int(rng.integers(2_000, 200_000))
    many = [[0, 0], *[[int(n) % 5000, (int(n) % 2) * 9_000_000] for n in range(20_000)]]
    memo = b"\x80\x04]r\xff\xff\xff\xff."  # a memory index of four thousand million
    return [
        ("_seg.npy", lambda: _npy(pickle.dumps(_Runs(touch)))),
        ("_seg.npy", lambda: _npy(pickle.dumps({"masks": np.ones((3, 3)), "x": _Runs(touch)}))),
        ("_seg.npy", lambda: _npy(b"cos\nsystem\n(S'" + touch.encode() + b"'\ntR.")),
        ("_seg.npy", lambda: _npy(memo)),
        ("_seg.npy", lambda: _npy(b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"abc.")),
        ("_seg.npy", lambda: _npy(b"\x80\x04" + b"(" * deep + b"t" * deep + b".")),
        ("_seg.npy", lambda: _npy(b"\x80\x04}" + b")" + b"\x85" * deep + b"Ks.")),
        ("_seg.npy", lambda: _npy(b"\x80\x04]\x94" + b"(" + b"h\x00" * deep + b"e.")),
        ("_seg.npy", lambda: _npy(pickle.dumps({"masks": np.zeros((1, big), bool)[:, :1]}))),
        ("_coco.json", lambda: _coco(size=(big, big))),
        ("_coco.json", lambda: _coco("../" * int(rng.integers(1, 9)) + f"{outside.name}/x.png")),
        ("_coco.json", lambda: _coco(str(outside / "y.png"))),
        ("_coco.json", lambda: _coco("..\\..\\z.png")),
        ("_coco.json", lambda: _coco("a\0b.png")),
        ("_coco.json", lambda: _coco("n" * 5000 + ".png")),
        ("_coco.json", lambda: _coco(segmentation={"size": [5, 5], "counts": [2**62, 2**62]})),
        ("_coco.json", lambda: _coco(segmentation={"size": [5, 5], "counts": "o" * deep})),
        ("_coco.json", lambda: _coco(segmentation=[[1e308, -1e308, 1e308, 1e308, 0, 0]])),
        ("_coco.json", lambda: b'{"images":' + b"[" * deep + b"]" * deep + b"}"),
        ("_coco.json", lambda: b'{"images":[' + b"9" * deep + b"]}"),
        ("_cells.geojson", lambda: json.dumps({"type": "FeatureCollection", "features": [feature]}).encode()),
        ("_cells.geojson", lambda: b'{"type":"FeatureCollection","features":' + b"[" * deep + b"]" * deep + b"}"),
        (
            "_cells.geojson",
            lambda: json.dumps({**feature, "geometry": {"type": "Polygon", "coordinates": [many] * 50}}).encode(),
        ),
        ("_cells.geojson", lambda: json.dumps({**feature, "geometry": nowhere}).encode()),
        ("_rois.zip", lambda: _zip({"bomb.roi": bytes(300_000_000)})),
        ("_rois.zip", lambda: _zip({f"{n}.roi": b"Iout" + bytes(1_000_000) for n in range(40)})),
        ("_rois.zip", lambda: _zip({"../../out.roi": b"Iout" + bytes(100), "/etc/x.roi": b"Iout" + bytes(64)})),
        ("_rois.zip", lambda: _zip({"a.roi": b"Iout" + b"\x00\xe4\x00\x00" + b"\x7f" * 80})),
        ("_labels.png", lambda: _png(2**31 - 1, 2**31 - 1, b"")),
        ("_labels.png", lambda: _png(60_000, 60_000, bytes(1000))),
        ("_labels.png", lambda: _png(100, 100, bytes(300_000_000))),
        ("_labels.tif", lambda: _tiff(2**31 - 1, 2**31 - 1, zlib.compress(b"0"))),
        ("_labels.tif", lambda: _tiff(100, 100, zlib.compress(bytes(300_000_000), 9))),
        ("_labels.tif", lambda: _tiff(9_000, 9_000, zlib.compress(bytes(100)))),
        ("_labels.tif", lambda: b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 0) + struct.pack("<I", 8)),
        ("_labels.ome.tif", _ome_elsewhere),
        ("_cells.csv", lambda: b"image,label,area_px\n" + f"../../{outside.name}/a.png,1,1\n".encode()),
        ("_cells.csv", lambda: b"image,label,area_px\n" + b'"' + b"x" * 300_000 + b"\n"),
        ("_cells.csv", lambda: b"image,label,area_px\na.png," + b"9" * 10_000 + b",1\n"),
        ("_cells.parquet", lambda: b"PAR1" + bytes(100) + struct.pack("<I", 2**31) + b"PAR1"),
        ("_cells.parquet", lambda: b"PAR1" + rng.bytes(500) + struct.pack("<I", 400) + b"PAR1"),
    ]


class Worker:
    """A process that imports one file after the other, with limits of memory and time; a new one when it ended."""

    def __init__(self, home: Path, seconds: float, memory_gb: float) -> None:
        self._home, self._seconds, self._memory_gb = home, seconds, memory_gb
        self._process: subprocess.Popen[str] | None = None

    def run(self, path: Path, output: Path) -> str:
        """Import one file; return "imported", "refused", "hang" or "crash …"."""
        child = self._process or self._start()
        child.stdin.write(f"{path}\t{output}\n")
        child.stdin.flush()
        ready, _, _ = select.select([child.stdout], [], [], self._seconds)
        line = child.stdout.readline().strip() if ready else ""
        if line in ("imported", "refused"):
            return line
        child.kill()
        told = (self._home / "stderr").read_text(errors="replace")[-400:]
        self._process = None
        return f"crash {child.wait()} {line} {told}" if ready else "hang"

    def end(self) -> str:
        """End the process and return what it said."""
        if self._process is not None:
            self._process.stdin.close()
            self._process.wait()
        return (self._home / "stderr").read_text(errors="replace")

    def _start(self) -> subprocess.Popen[str]:
        def limit() -> None:
            most = int(self._memory_gb * 2**30)
            resource.setrlimit(resource.RLIMIT_AS, (most, most))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

        child = subprocess.Popen(
            [sys.executable, __file__, "--child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(self._home / "stderr").open("a"),
            text=True,
            cwd=self._home / "work",
            preexec_fn=limit,
        )
        assert child.stdout.readline() == "ready\n"
        self._process = child
        return child


def child() -> int:
    """Import what is asked for on standard input, as the command line does."""
    from napari_all.workflows.import_labels import import_batch

    logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # as the command line has it
    print("ready", flush=True)
    for line in sys.stdin:
        path, output = map(Path, line.rstrip("\n").split("\t"))
        try:
            record = import_batch([path], output, labels=Path("../labels"), overwrite=True, max_pixels=25_000_000)
            print("refused" if record.failed else "imported", flush=True)
            for entry in record.failed:
                if (entry.error or "").startswith(UNEXPECTED):
                    print(path.name, entry.error, file=sys.stderr, flush=True)
        except NapariAllError:
            print("refused", flush=True)
    return 0


def everything(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def pick(number: int, rng: np.random.Generator, good: dict[str, bytes], traps: list[Trap]) -> tuple[str, bytes]:
    """Return the ending and the content of the next file: made to harm and damaged ones in turn."""
    if number % 2:
        ending, make = traps[number // 2 % len(traps)]
        return ending, make()
    endings = list(good)
    ending = endings[int(rng.integers(len(endings)))]
    content = damaged(rng, good[ending])
    return (endings[int(rng.integers(len(endings)))] if rng.random() < 0.1 else ending), content


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=30.0, help="time for one file")
    parser.add_argument("--memory-gb", type=float, default=6.0)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        return child()
    rng = np.random.default_rng(args.seed)
    counts = {"imported": 0, "refused": 0, "crashes": 0, "hangs": 0, "written_outside": 0}
    worst: list[str] = []
    slowest = (0.0, "")
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        for name in ("work", "labels", "files", "outside", "valid"):
            (home / name).mkdir()
        good = valid(rng, home / "valid")
        worker = Worker(home, args.seconds, args.memory_gb)
        before = everything(home) | {home / "stderr"}
        for number in range(args.count):
            ending, content = pick(number, rng, good, hostile(home / "outside", rng))
            path, output = home / "files" / f"{number:05d}{ending}", home / "work" / "out" / "deep"
            path.write_bytes(content)
            start = time.perf_counter()
            told = worker.run(path, output)
            slowest = max(slowest, (time.perf_counter() - start, path.name))
            path.unlink()
            shutil.rmtree(output, ignore_errors=True)
            outside = everything(home) - before
            counts["written_outside"] += len(outside)
            before |= outside
            if told in ("imported", "refused"):
                counts[told] += 1
            else:
                counts["hangs" if told == "hang" else "crashes"] += 1
            worst += [f"{path.name}: {told}"] if told.startswith(("hang", "crash")) else []
            worst += [f"{path.name} wrote {one.relative_to(home)}" for one in outside]
            if number % 100 == 99:
                print(f"{number + 1} files: {counts} {worst[-3:]}", flush=True)
        print(worker.end(), end="", file=sys.stderr)
    print(f"{args.count} files: {counts}; slowest {slowest[0]:.1f} s ({slowest[1]})", *worst, sep="\n")
    if args.output:
        command = f"python benchmarks/hostile_files.py --count {args.count} --seed {args.seed}"
        told_all = {"command": command, "files": args.count, **counts, "worst": worst}
        seconds = {"slowest_file_s": round(slowest[0], 1), "seconds": round(time.perf_counter() - begin)}
        write_json(args.output, told_all | seconds)
    return int(bool(counts["crashes"] or counts["hangs"] or counts["written_outside"]))


if __name__ == "__main__":
    sys.exit(main())
