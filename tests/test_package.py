"""What holds of the package as a whole: light imports, one version, one manifest, a wheel with all it needs."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import zipfile
from importlib.metadata import entry_points, version
from pathlib import Path
from types import ModuleType

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
HEAVY = ("torch", "napari", "qtpy", "timm", "segmentation_models_pytorch", "lightning", "magicgui")


def python(code: str) -> str:
    """Run code in a fresh interpreter and return what it prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def imported_by(code: str) -> set[str]:
    return set(json.loads(python(f"import sys, json\n{code}\nprint(json.dumps(sorted(sys.modules)))")))


def test_import_is_light() -> None:
    assert imported_by("import napari_all").isdisjoint(HEAVY)


def test_command_line_and_its_version_import_neither_torch_nor_napari() -> None:
    code = """
from napari_all.cli import main
try:
    main(["--version"])
except SystemExit as done:
    assert not done.code, done.code
sys.stdout.write("\\n")"""
    out = python(f"import sys, json\n{code}\nprint(json.dumps(sorted(sys.modules)))")
    assert version("napari-all") in out
    assert set(json.loads(out.splitlines()[-1])).isdisjoint(HEAVY)


def test_registries_list_without_torch() -> None:
    code = """
from napari_all.segmentation.methods import METHODS
from napari_all.networks.backbones import BACKBONES
from napari_all.networks.model_formats import MODEL_FORMATS
import napari_all.cli.models
assert len(METHODS) and len(BACKBONES) and len(MODEL_FORMATS)"""
    assert imported_by(code).isdisjoint(HEAVY)


def test_modules_that_the_manifest_names_do_not_import_torch() -> None:
    manifest = (REPOSITORY / "src/napari_all/napari.yaml").read_text()
    named = [line.split("python_name:")[1] for line in manifest.splitlines() if "python_name:" in line]
    names = {name.split(":")[0].strip() for name in named}
    assert names, "the manifest names no command"
    assert "torch" not in imported_by("\n".join(f"import {name}" for name in sorted(names)))


def test_version_is_stated_once() -> None:
    import napari_all

    assert napari_all.__version__ == version("napari-all")
    assert f"\nversion: {napari_all.__version__}\n" in (REPOSITORY / "CITATION.cff").read_text()


def test_manifest_is_one_file_and_an_entry_point() -> None:
    inside = REPOSITORY / "src" / "napari_all" / "napari.yaml"
    assert (REPOSITORY / "napari.yaml").resolve() == inside
    found = [e.value for e in entry_points(group="napari.manifest") if e.name == "napari-all"]
    assert found == ["napari_all:napari.yaml"]


@pytest.fixture(scope="module")
def check_wheel() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_wheel", REPOSITORY / "scripts" / "check_wheel.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(REPOSITORY)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob("*.whl"))


def test_wheel_holds_what_it_needs_and_nothing_else(check_wheel: ModuleType, wheel: Path) -> None:
    assert check_wheel.problems(wheel) == []


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("napari_all/data/field.jpg", b"x", "may not be in a wheel"),
        ("napari_all/networks/weights/old.pt", b"x", "may not be in a wheel"),
        ("napari_all/networks/weights/lonely.safetensors", b"x", "has no card"),
        ("napari_all/networks/weights/big.safetensors", bytes(16 * 2**20), "the limit is 15 MB"),
        ("tests/test_x.py", b"", "outside the package"),
    ],
)
def test_wheel_check_notices(
    check_wheel: ModuleType, wheel: Path, tmp_path: Path, name: str, content: bytes, complaint: str
) -> None:
    spoilt = tmp_path / wheel.name
    spoilt.write_bytes(wheel.read_bytes())
    with zipfile.ZipFile(spoilt, "a") as archive:
        archive.writestr(name, content)
    assert any(complaint in problem for problem in check_wheel.problems(spoilt))


def test_every_public_name_is_there_and_a_misspelt_one_is_named():
    import napari_all

    assert all(getattr(napari_all, name) is not None for name in napari_all.__all__)
    assert set(napari_all.__all__) == set(dir(napari_all))
    with pytest.raises(AttributeError, match="segment_image"):
        napari_all.segment_imag  # noqa: B018
