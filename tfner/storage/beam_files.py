"""Files of all workers of an Apache Beam pipeline, on any of Beam's file systems."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any

from tfner.errors import ConfigError, CorpusError


def import_beam(wanted_by: str) -> Any:
    """Import Apache Beam.

    Args:
        wanted_by: begins the message where it is missing.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        import apache_beam
    except ImportError as error:
        raise ConfigError(
            f"{wanted_by} needs Apache Beam: pip install 'tfner[beam]'. "
            f"Received: {error}"
        ) from error
    return apache_beam


def file_systems() -> Any:
    """Beam's `FileSystems`, which go by the scheme of a path."""
    return import_beam("a file of a pipeline").io.filesystems.FileSystems


def match(patterns: Sequence[str]) -> list[str]:
    """List the files of all patterns, in order.

    Raises:
        CorpusError: a pattern matches no file.
    """
    paths: list[str] = []
    for pattern, result in zip(
        patterns, file_systems().match(list(patterns)), strict=True
    ):
        if not result.metadata_list:
            raise CorpusError("matches no file", path=pattern)
        paths += sorted(metadata.path for metadata in result.metadata_list)
    return paths


@contextmanager
def whole(path: str) -> Iterator[IO[bytes]]:
    """Open a file that appears whole, even if two workers write it at once."""
    systems = file_systems()
    folder, slash, name = path.rpartition("/")
    if folder and not systems.exists(folder):
        systems.mkdirs(folder)
    part = f"{folder}{slash}.{name}.{uuid.uuid4().hex}.part"
    with systems.create(part, compression_type="uncompressed") as stream:
        yield stream
    systems.rename([part], [path])
