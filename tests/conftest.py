"""Fixtures that every test may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from napari_all.data.synthetic import SyntheticSmear, make_smear
from napari_all.networks.zoo import FOLDER_VARIABLE

REPOSITORY = Path(__file__).resolve().parents[1]

settings.register_profile("local", deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
settings.register_profile("ci", settings.get_profile("local"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need real images, and run those that open a viewer last.

    Importing torch after a viewer's canvas exists crashes the interpreter on Mesa's software OpenGL (two LLVMs in
    one process); the window itself never imports torch, but the other tests of this process do.
    """
    for item in items:
        if "data_dir" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.data)
    items.sort(key=opens_viewer)


def opens_viewer(item: pytest.Item) -> bool:
    """Tell whether a test lies under tests/gui or asks for a viewer."""
    wanted = getattr(item, "fixturenames", ())
    return (REPOSITORY / "tests" / "gui") in item.path.parents or any("napari_viewer" in f for f in wanted)


@pytest.fixture(scope="session", autouse=True)
def own_models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep the models of whoever runs the tests out of them; engines started by tests see the same folder."""
    folder = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FOLDER_VARIABLE, str(folder))
        yield folder


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of the real images; tests that ask for it are skipped where it is absent."""
    given = os.environ.get("NAPARI_ALL_DATA")
    folder = Path(given) if given else REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real images at {folder}; set NAPARI_ALL_DATA to their folder to run this test")
    return folder


@pytest.fixture(scope="session")
def smear() -> SyntheticSmear:
    """A smear of 256x320 px with about a dozen white cells of 30 px."""
    return frozen(make_smear(seed=0, shape=(256, 320), cell_diameter_px=30.0))


@pytest.fixture(scope="session")
def field() -> SyntheticSmear:
    """A 224x224 px field with cells of 22 px, as in the Taleqani dataset."""
    return frozen(make_smear(seed=3, shape=(224, 224), cell_diameter_px=22.0, stain="purple-grey"))


def frozen(smear: SyntheticSmear) -> SyntheticSmear:
    """Forbid writing to a smear that many tests share."""
    for array in (smear.rgb, smear.labels, smear.classes, smear.smudges):
        array.flags.writeable = False
    return smear
