"""Paths that name their file system, as `gs://bucket/model`: what `tf.io.gfile` opens.

Such a path may be a string or a `pathlib.Path`, which makes one slash of its two.
Nobody can rename a directory on all of these file systems, so that the file without
which a directory is no model is written last. TensorFlow is imported on first use.
"""

from __future__ import annotations

import atexit
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from tfner.errors import TfnerError

logger = logging.getLogger(__name__)

AnyPath = str | os.PathLike[str]
Error = type[TfnerError]

SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/{1,2}")
"""At least two letters: `C:/` is a drive."""
MARKERS = ("config.json", "summary.json", "saved_model.pb")
"""A directory that lacks these is no model to any reader."""
SHOWN_REASON = 200
HINT = "Check it, and its bucket."


def is_remote(path: AnyPath) -> bool:
    """Whether a path names a file system.

    Example:
        >>> is_remote("gs://bucket/model"), is_remote("model")
        (True, False)
    """
    return SCHEME.match(os.fspath(path)) is not None


def address(path: AnyPath) -> str:
    """A path as it is shown and opened: with both slashes after the scheme.

    Example:
        >>> address(Path("gs://bucket/model"))
        'gs://bucket/model'
    """
    return SCHEME.sub(r"\1://", os.fspath(path), count=1)


@contextmanager
def file_system(path: AnyPath, error: Error) -> Iterator[Any]:
    """`tf.io.gfile`, whose failures become one sentence about `path`.

    Raises:
        TfnerError: `error`, as said.
    """
    import tensorflow as tf

    try:
        yield tf.io.gfile
    except tf.errors.NotFoundError as cause:
        raise error(
            f"{address(path)}: there is nothing of this name. {HINT}"
        ) from cause
    except tf.errors.UnimplementedError as cause:
        scheme = address(path).partition("://")[0]
        raise error(
            f"{address(path)}: TensorFlow has no file system {scheme}:// here. Install "
            "the plugin that adds it, or copy the files to another place."
        ) from cause
    except (tf.errors.PermissionDeniedError, tf.errors.UnauthenticatedError) as cause:
        raise error(
            f"{address(path)}: not permitted ({_reason(cause)}). Check the credentials."
        ) from cause
    except tf.errors.OpError as cause:
        raise error(f"{address(path)}: {_reason(cause)}.") from cause


def _reason(cause: Any) -> str:
    text = str(cause.message).strip().partition("\n")[0].rstrip(".")
    return text[:SHOWN_REASON] or type(cause).__name__


def exists(path: AnyPath, error: Error) -> bool:
    """Whether there is a file or a directory of this name."""
    place = address(path).rstrip("/")
    with file_system(path, error) as files:
        folder, _, name = place.rpartition("/")
        if not files.exists(place) or folder.endswith("/"):
            return bool(files.exists(place))
        # ram:// says so of `model`, too, where there is only `model.training`.
        return name in (found.rstrip("/") for found in files.listdir(folder))


def is_directory(path: AnyPath, error: Error) -> bool:
    """Whether it is a directory and no file.

    Raises:
        TfnerError: `error`; there is neither.
    """
    with file_system(path, error) as files:
        return bool(files.stat(address(path)).is_directory)


@contextmanager
def open_bytes(path: AnyPath, error: Error) -> Iterator[IO[bytes]]:
    """A file to be read; failures while it is read are told as well."""
    with file_system(path, error) as files, files.GFile(address(path), "rb") as file:
        yield file


def put(file: Path, path: AnyPath, error: Error) -> None:
    """Copy a local file, under a temporary name first; what is there is replaced."""
    target = _inside(path, error)
    folder, _, name = target.rpartition("/")
    part = f"{folder}/.{name}.part"
    with file_system(path, error) as files:
        files.makedirs(folder)
        files.copy(str(file), part, overwrite=True)
        files.rename(part, target, overwrite=True)


def _inside(path: AnyPath, error: Error) -> str:
    """The address of a place to write, which is none where it is a whole bucket."""
    found = address(path).rstrip("/")
    if "/" not in found.partition("://")[2]:
        raise error(f"{found} is a whole bucket. Name a place in it.")
    return found


def remove(directory: AnyPath, error: Error) -> None:
    """Remove a directory, if there is one; first what makes it a model."""
    import tensorflow as tf

    place = address(directory).rstrip("/")
    with file_system(directory, error) as files:
        for name in MARKERS:
            with suppress(tf.errors.NotFoundError):
                files.remove(f"{place}/{name}")
        with suppress(tf.errors.NotFoundError):
            files.rmtree(place)


@contextmanager
def published(
    directory: AnyPath, error: Error, *, replace: bool = True
) -> Iterator[Path]:
    """A local directory whose files are sent to a remote one if nothing fails.

    Args:
        directory: remote.
        error: what failures are reported as.
        replace: whether other files that lie there are removed.

    Raises:
        TfnerError: `error`; it is a whole bucket, or cannot be written.
    """
    _inside(directory, error)
    try:
        with tempfile.TemporaryDirectory(prefix="tfner-") as stage:
            yield Path(stage)
            publish(Path(stage), directory, error, replace=replace)
    except OSError as cause:
        raise error(f"{address(directory)} cannot be written: {cause}.") from cause


def publish(
    local: Path, directory: AnyPath, error: Error, *, replace: bool = True
) -> None:
    """Send the files of a local directory; what makes it a model comes last.

    Args:
        local: with all its files.
        directory: remote.
        error: what failures are reported as.
        replace: whether other files that lie there are removed.
    """
    if replace:
        remove(directory, error)
    files = [path for path in local.rglob("*") if path.is_file()]
    files.sort(key=lambda path: (path.name in MARKERS, -len(path.parts), path))
    for file in files:
        put(file, Path(directory) / file.relative_to(local), error)


def fetch(directory: AnyPath, local: Path, error: Error) -> None:
    """Copy a remote directory into a local one.

    Args:
        directory: remote.
        local: is made.
        error: what failures are reported as.
    """
    root = address(directory).rstrip("/")
    with file_system(directory, error) as files:
        files.stat(root)  # `walk` finds nothing where there is nothing
        for place, _, names in files.walk(root):
            inner = place.rstrip("/")[len(root) :].strip("/")
            if ".." in Path(inner).parts or ".." in names:
                raise error(f"{root}: {place} leads out of it.")
            (local / inner).mkdir(parents=True, exist_ok=True)
            for name in names:
                source = f"{place.rstrip('/')}/{name}"
                files.copy(source, str(local / inner / name), overwrite=True)


def fetched(path: AnyPath, error: Error) -> Path:
    """A local copy of a remote directory, gone when the program ends.

    Args:
        path: of the directory, or the prefix of a TensorFlow checkpoint in one.
        error: what failures are reported as.

    Returns:
        What `path` names, in the copy.

    Raises:
        TfnerError: `error`; there is none, or it cannot be read.
    """
    here = Path(tempfile.mkdtemp(prefix="tfner-"))
    atexit.register(shutil.rmtree, here, ignore_errors=True)
    copy = here / Path(path).name
    if exists(path, error):
        fetch(path, copy, error)
    else:
        _fetch_checkpoint(path, here, error)
    logger.info("%s is read from a copy, %s", address(path), copy)
    return copy


def _fetch_checkpoint(prefix: AnyPath, local: Path, error: Error) -> None:
    """Copy a checkpoint's files, and what lies beside them of no other checkpoint."""
    folder, _, own = address(prefix).rpartition("/")
    with file_system(prefix, error) as files:
        names = files.listdir(folder)
        if not any(name.startswith(f"{own}.") for name in names):
            raise error(f"{address(prefix)}: there is nothing of this name. {HINT}")
        for name in names:
            wanted = name.startswith(f"{own}.") or "ckpt" not in name
            if wanted and not files.isdir(f"{folder}/{name}"):
                files.copy(f"{folder}/{name}", str(local / name), overwrite=True)
