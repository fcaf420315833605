"""Real Dask clusters for the tests that need one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from local_dask import LocalDask


@pytest.fixture(scope="session")
def fragile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalDask]:
    """A scheduler that gives a task up when one worker ended on it."""
    running = LocalDask(tmp_path_factory.mktemp("fragile"), DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="0")
    yield running
    running.close()


@pytest.fixture
def new_dask(fragile: LocalDask) -> Iterator[LocalDask]:
    """That scheduler without workers, for a test that ends those it gives it."""
    yield fragile
    fragile.end_workers()


@pytest.fixture(scope="session")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalDask]:
    """A scheduler with two workers."""
    running = LocalDask(tmp_path_factory.mktemp("dask")).add_workers(2)
    yield running
    running.close()
