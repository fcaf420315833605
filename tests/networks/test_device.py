"""The device line, and what is said when torch or a library on top of it is broken."""

from __future__ import annotations

import subprocess
import sys

import pytest

from napari_all.errors import DependencyError, UsageError
from napari_all.networks.device import choose_device, explain_import_error


def test_the_line_says_which_and_why():
    torch = pytest.importorskip("torch")
    choice = choose_device("auto")
    assert choice.line.startswith("Device: ")
    assert "—" in choice.line
    assert "\n" not in choice.line
    if not (torch.cuda.is_available() or torch.backends.mps.is_available()):
        assert choice.name == "cpu"
        assert choice.line == f"Device: CPU ({torch.get_num_threads()} threads) — no CUDA or Apple GPU found"


def test_asking_for_the_cpu_is_obeyed_and_said():
    choice = choose_device("cpu")
    assert choice.name == "cpu"
    assert choice.line.endswith("as asked for")


@pytest.mark.parametrize("name", ["cuda", "mps", "tpu"])
def test_a_device_that_is_not_there_names_those_that_are(name):
    torch = pytest.importorskip("torch")
    if (name == "cuda" and torch.cuda.is_available()) or (name == "mps" and torch.backends.mps.is_available()):
        pytest.skip(f"this machine has {name}")
    with pytest.raises(UsageError, match=f"'{name}' is not available.*'auto'.*'cpu'"):
        choose_device(name)


def test_broken_torch_gives_the_remedy(tmp_path):
    (tmp_path / "torch.py").write_text("raise ImportError('libtorch_cpu.so: cannot open shared object file')")
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from napari_all.networks.device import choose_device\n"
        "from napari_all.errors import DependencyError\n"
        "try: choose_device()\n"
        "except DependencyError as error: print(error)\n"
    )
    result = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    assert "libtorch_cpu.so" in result.stdout
    assert "pip install torch" in result.stdout


def test_torch_and_torchvision_of_different_builds_are_told_apart():
    mismatch = explain_import_error("timm", RuntimeError("operator torchvision::nms does not exist"))
    assert isinstance(mismatch, DependencyError)
    assert "different builds" in str(mismatch)
    assert "pip install torch torchvision" in str(mismatch)
    assert "pip install timm" in str(explain_import_error("timm", ImportError("No module named 'timm'")))
