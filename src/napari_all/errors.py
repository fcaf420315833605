"""Errors of napari-all: each says what was wrong, what would work, and what to do."""

from __future__ import annotations


class NapariAllError(Exception):
    """Base of every error that napari-all raises on purpose."""


class UsageError(NapariAllError, ValueError):
    """The request itself is wrong: an unknown name, a value out of range, clashing outputs."""


class ImageError(NapariAllError, ValueError):
    """A file is not an image that can be read, or is one of a kind that is refused."""


class MaskError(NapariAllError, ValueError):
    """A mask or label image does not fit its image or its declared code."""


class CheckpointError(NapariAllError, ValueError):
    """Model weights or their description are missing, damaged or of another kind."""


class ProjectError(NapariAllError, ValueError):
    """A project folder is in use, damaged, of another version, or does not fit what is asked of it."""


class FileExistsRefused(NapariAllError, FileExistsError):  # noqa: N818 - reads as what happened
    """An output exists and overwriting was not asked for."""


class SaveError(NapariAllError, OSError):
    """A file could not be written; what stood there before is untouched."""


class DependencyError(NapariAllError, ImportError):
    """An optional library is missing or does not fit another one; the message holds the remedy."""


class EngineError(NapariAllError, RuntimeError):
    """The engine process failed or ended unexpectedly."""


class ClusterError(NapariAllError, RuntimeError):
    """A cluster's scheduler went away."""


class WorkersEnded(NapariAllError, RuntimeError):  # noqa: N818 - reads as what happened
    """The workers of a cluster that took on a task ended while they worked on it."""


class Cancelled(NapariAllError):  # noqa: N818 - not a failure
    """The user stopped the work; what was finished is kept."""


def unknown_name(kind: str, name: str, valid: object) -> UsageError:
    """Make the error for a name that a registry or a choice does not hold."""
    names = ", ".join(repr(v) for v in sorted(str(v) for v in valid))  # type: ignore[attr-defined]
    return UsageError(f"unknown {kind} {name!r}; choose one of {names}")


def missing_scikit_learn(job: str) -> DependencyError:
    """Make the error for work that needs scikit-learn, which comes with the `train` extra."""
    return DependencyError(f"{job} needs scikit-learn; install it: pip install 'napari-all[train]'")


def missing_pyarrow() -> DependencyError:
    """Make the error for Parquet files, which need pyarrow; it comes with the `parquet` extra."""
    return DependencyError("Parquet files need pyarrow; install it: pip install 'napari-all[parquet]'")


def missing_distributed() -> DependencyError:
    """Make the error for work on a cluster, which needs Dask's distributed; it comes with the `cluster` extra."""
    return DependencyError("--scheduler needs Dask's distributed; install it: pip install 'napari-all[cluster]'")
