"""The base: settings, registry, files, classes."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from napari_all import files
from napari_all.classes import SUBTYPES, ClassScheme
from napari_all.config import Settings
from napari_all.errors import NapariAllError, SaveError, UsageError
from napari_all.files import atomic_path, inside, remove_abandoned, sha256_file, write_bytes, write_json
from napari_all.registry import Registry


class Knobs(Settings):
    size: int = Field(3, ge=1, le=9)
    rate: float = Field(1e-4, gt=0)
    name: str | None = None


def test_settings_from_text_keep_their_types():
    knobs = Knobs().updated_from_text(["size=7", "rate=2e-5", "name=a=b"])
    assert knobs == Knobs(size=7, rate=2e-5, name="a=b")
    assert Knobs(name="x").updated_from_text(["name=none"]).name is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("size", "key=value"),
        ("sise=3", "choose one of name, rate, size"),
        ("size=10", "size = '10'"),
        ("rate=x", "rate"),
    ],
)
def test_bad_settings_say_what_is_valid(text, message):
    with pytest.raises(UsageError, match=message):
        Knobs().updated_from_text([text])


def test_settings_are_frozen_and_refuse_unknown_fields():
    with pytest.raises(UsageError, match="unknown setting 'sixe'"):
        Knobs.parse({"sixe": 2})
    with pytest.raises(ValueError, match="frozen"):
        Knobs().size = 4  # type: ignore[misc]


def make_package(folder: Path, name: str, modules: dict[str, str]) -> None:
    package = folder / name
    package.mkdir()
    (package / "__init__.py").write_text("")
    for module, text in modules.items():
        (package / f"{module}.py").write_text(text)


@dataclass(frozen=True)
class Plain:
    name: str


ENTRY_TEXT = "from test_foundation import Plain\nENTRY = Plain({!r})\n"


@pytest.fixture
def importable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    monkeypatch.setitem(sys.modules, "test_foundation", sys.modules[__name__])
    return tmp_path


def test_registry_lists_modules_by_entry_name(importable):
    make_package(importable, "shelf_ok", {"b": ENTRY_TEXT.format("beta"), "a": ENTRY_TEXT.format("zeta"), "_x": "1/0"})
    registry = Registry("thing", "shelf_ok", Plain)
    assert list(registry) == ["beta", "zeta"]
    assert registry["zeta"].name == "zeta"
    with pytest.raises(UsageError, match="unknown thing 'gamma'; choose one of 'beta', 'zeta'"):
        registry["gamma"]


def test_registry_refuses_duplicates_and_modules_without_entry(importable):
    make_package(importable, "shelf_twice", {"a": ENTRY_TEXT.format("one"), "b": ENTRY_TEXT.format("one")})
    with pytest.raises(NapariAllError, match="two things are named 'one'"):
        list(Registry("thing", "shelf_twice", Plain))
    make_package(importable, "shelf_empty", {"a": "x = 1"})
    with pytest.raises(NapariAllError, match="must define ENTRY"):
        list(Registry("thing", "shelf_empty", Plain))


def test_atomic_write_replaces_whole_files(tmp_path):
    target = tmp_path / "sub" / "table.csv"
    write_bytes(target, b"old")
    write_bytes(target, b"new")
    assert target.read_bytes() == b"new"
    assert [p.name for p in target.parent.iterdir()] == ["table.csv"]


def test_a_failure_while_writing_leaves_the_old_file_and_no_litter(tmp_path):
    target = tmp_path / "labels.tif"
    write_bytes(target, b"old")
    with pytest.raises(SaveError, match="No space left"), atomic_path(target) as path:
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(ZeroDivisionError), atomic_path(target) as path:
        path.write_bytes(b"half")
        1 / 0  # noqa: B018
    assert target.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["labels.tif"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on a process's file size to play a full disk")
def test_a_disk_that_refuses_keeps_the_old_file(tmp_path):
    target = tmp_path / "labels.tif"
    write_bytes(target, b"old")
    code = (
        "import resource, sys; from pathlib import Path; from napari_all.files import write_bytes\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try: write_bytes(Path(sys.argv[1]), bytes(5000))\n"
        "except OSError as error: print(type(error).__name__, error)\n"
    )
    result = subprocess.run([sys.executable, "-c", code, str(target)], capture_output=True, text=True, check=True)
    assert result.stdout.startswith("SaveError cannot write labels.tif: File too large; free some space")
    assert target.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["labels.tif"]


def test_killed_while_writing_leaves_the_old_file(tmp_path):
    target = tmp_path / "run.json"
    write_json(target, {"old": True})
    code = (
        "import os, signal, sys; from pathlib import Path; from napari_all.files import atomic_path\n"
        "with atomic_path(Path(sys.argv[1])) as p:\n"
        "    p.write_bytes(b'{\"half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    result = subprocess.run([sys.executable, "-c", code, str(target)], check=False)
    assert result.returncode != 0
    assert '"old": true' in target.read_text()
    (left,) = (p for p in tmp_path.iterdir() if p != target)
    elsewhere = re.sub(r"-.*-(\d+)-", r"-another.machine-\1-", left.name)
    others = [tmp_path / elsewhere, tmp_path / ".writing-by-hand.json"]
    for path in others:
        path.write_text("of another machine, or of nobody")
    with atomic_path(target) as mine:
        remove_abandoned(tmp_path.parent)
        assert mine.exists(), "of a process that lives"
        assert not left.exists(), "of one that was killed"
        mine.write_text("new")
    assert all(path.exists() for path in others)
    assert target.read_text() == "new"


@given(st.binary(max_size=300))
def test_sha256_is_the_files(content):
    import hashlib
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.bin")
        path.write_bytes(content)
        assert sha256_file(path) == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("name", ["../secret", "a/../../b", "/etc/passwd"])
def test_paths_stay_inside(tmp_path, name):
    with pytest.raises(UsageError, match="outside"):
        inside(tmp_path, name)
    assert inside(tmp_path, "a/b.png") == tmp_path.resolve() / "a" / "b.png"


@pytest.mark.parametrize(
    ("given_name", "index"), [("Benign", 0), ("early", 1), ("[Malignant] Pre-B", 2), ("pro_b", 3), (" Pro-B ", 3)]
)
def test_class_names_keys_and_folder_names_are_understood(given_name, index):
    assert SUBTYPES.index(given_name) == index


def test_unknown_class_and_ragged_scheme_are_refused():
    with pytest.raises(UsageError, match="'Benign'"):
        SUBTYPES.index("Mature B")
    with pytest.raises(UsageError, match="as many"):
        ClassScheme(("a", "b"), ("a",), ("#000000", "#ffffff"))


def test_threads_that_write_at_once_leave_the_process_its_umask():
    before, interval = os.umask(0o022), sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as threads:
            found = threads.map(lambda _: {files._umask() for _ in range(50_000)}, range(4))
            assert set.union(*found) == {0o022}
        assert os.umask(0o022) == 0o022
    finally:
        sys.setswitchinterval(interval)
        os.umask(before)
