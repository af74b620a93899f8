"""One sentence for whatever an engine raises."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from tfner.errors import BundleError
from tfner.storage.foreign_files import check_files

SHOWN_REASON = 200


@contextlib.contextmanager
def loading(graph: Path | bytes) -> Iterator[None]:
    """Name a graph as the cause of what fails within.

    Engines raise all kinds of errors for a damaged file.

    Raises:
        BundleError: instead of whatever was raised inside.
        StorageError: a file beside the graph is a device, a pipe or a link in a ring,
            at which engines wait for ever or end the process.
    """
    if isinstance(graph, Path):
        own = graph.parent.glob(f"{graph.stem}.*")
        weights = (file for file in graph.parent.rglob("*") if file.exists())
        check_files(*own, *(file for file in weights if not file.is_dir()))
    try:
        yield
    except Exception as error:
        raise BundleError(
            f"{_named(graph)} cannot be loaded: {_reason(error)} Export it again."
        ) from error


@contextlib.contextmanager
def running(graph: Path | bytes) -> Iterator[None]:
    """Say that a graph cannot run on its inputs, whatever is raised within.

    Raises:
        BundleError: instead of whatever was raised inside.
    """
    try:
        yield
    except Exception as error:
        raise BundleError(
            f"{_named(graph)} cannot run on what the tokenizer gives. Give the "
            f"tokenizer that it was trained with. The engine says: {_reason(error)}"
        ) from error


def _named(graph: Path | bytes) -> str:
    return str(graph) if isinstance(graph, Path) else "the graph of the model"


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())[:SHOWN_REASON].rstrip(".")
    return f"{text or type(error).__name__}."
