"""What holds of the window's process as a whole; each test runs one of its own."""

import os
import subprocess
import sys
import textwrap

import pytest


@pytest.fixture
def run(tmp_path):
    """Run code in an interpreter with settings of its own."""

    def run(code, *arguments):
        return subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code), *arguments],
            capture_output=True,
            text=True,
            timeout=240,
            env={**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "config")},
        )

    return run


def test_the_demo_segments_and_classifies_takes_a_picture_and_never_imports_torch(run, tmp_path):
    code = """
    import sys
    import psutil
    from napari_all.gui import demo
    code = demo.main(["--screenshot", sys.argv[1]])
    assert "torch" not in sys.modules, "the window imported torch"
    left = [child for child in psutil.Process().children() if "napari_all.engine" in child.cmdline()]
    assert not left, "an engine outlived the window"
    sys.exit(code)
    """
    done = run(code, str(tmp_path / "window.png"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "window.png").stat().st_size > 50_000


def test_without_napari_the_demo_prints_the_pip_line(run):
    code = """
    import sys
    sys.modules["napari"] = None
    from napari_all.gui import demo
    sys.exit(demo.main([]))
    """
    done = run(code)
    assert done.returncode == 2
    assert 'pip install "napari-all[all]"' in done.stderr


def test_an_image_that_cannot_be_read_is_named(run, tmp_path):
    path = tmp_path / "broken.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n")
    done = run("import sys; from napari_all.gui import demo; sys.exit(demo.main(sys.argv[1:]))", str(path))
    assert done.returncode == 2
    assert "broken.png" in done.stderr
