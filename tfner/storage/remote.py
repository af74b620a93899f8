"""Remote paths, which name their file system as `gs://bucket/model` does.

Such a path may be a string or a `pathlib.Path`, which makes one slash of its two.
Nobody can rename a directory on all of these file systems, so that the file without
which a directory is no model is written last. TensorFlow is imported on first use.
"""

from __future__ import annotations

import atexit
import importlib
import logging
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from tfner.errors import StorageError
from tfner.storage.leftovers import put_back

logger = logging.getLogger(__name__)

AnyPath = str | os.PathLike[str]

SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/{1,2}")
"""At least two letters: `C:/` is a drive."""
MARKERS = (
    *("config.json", "summary.json", "saved_model.pb"),
    *("model.onnx", "model.xml", "model.tflite"),
)
"""A directory that lacks these is no model to any reader."""
SHOWN_REASON = 200
ABSENT = "there is nothing of this name. Check it, and its bucket."


def is_remote(path: AnyPath) -> bool:
    """Tell whether a path names a file system.

    Example:
        >>> is_remote("gs://bucket/model"), is_remote("model")
        (True, False)
    """
    return SCHEME.match(os.fspath(path)) is not None


def address(path: AnyPath) -> str:
    """Return a path as it is shown and opened: with both slashes after the scheme.

    Example:
        >>> address(Path("gs://bucket/model"))
        'gs://bucket/model'
    """
    return SCHEME.sub(r"\1://", os.fspath(path), count=1)


def import_tensorflow() -> None:
    """Import TensorFlow without what its C++ side writes to stderr meanwhile.

    Those lines (drivers not found, instruction sets in use) come before its own log
    level counts. Python's exceptions still get through.
    """
    if "tensorflow" in sys.modules:
        return
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        importlib.import_module("tensorflow")
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


@contextmanager
def quiet_tensorflow() -> Iterator[None]:
    """Let TensorFlow log nothing: what is wrong it raises, and the rest tells nothing.

    Of files that it can do without it logs a traceback, by absl.
    """
    levels = {name: logging.getLogger(name).level for name in ("tensorflow", "absl")}
    for name in levels:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


@contextmanager
def file_system(path: AnyPath) -> Iterator[Any]:
    """Open `tf.io.gfile`, whose failures become one sentence about `path`.

    Raises:
        StorageError: as said.
    """
    import_tensorflow()
    import tensorflow as tf

    place = address(path)
    try:
        yield tf.io.gfile
    except tf.errors.NotFoundError as error:
        raise StorageError(ABSENT, path=place) from error
    except tf.errors.UnimplementedError as error:
        scheme = place.partition("://")[0]
        raise StorageError(
            f"TensorFlow has no file system {scheme}:// here. Install the plugin that "
            "adds it, or copy the files to another place.",
            path=place,
        ) from error
    except (tf.errors.PermissionDeniedError, tf.errors.UnauthenticatedError) as error:
        raise StorageError(
            f"not permitted ({_reason(error)}). Check the credentials.", path=place
        ) from error
    except tf.errors.OpError as error:
        raise StorageError(f"{_reason(error)}.", path=place) from error


def _reason(error: Any) -> str:
    text = str(error.message).strip().partition("\n")[0].rstrip(".")
    return text[:SHOWN_REASON] or type(error).__name__


def exists(path: AnyPath) -> bool:
    """Tell whether there is a remote file or directory of this name."""
    place = address(path).rstrip("/")
    with file_system(path) as files:
        folder, _, name = place.rpartition("/")
        if not files.exists(place) or folder.endswith("/"):
            return bool(files.exists(place))
        # ram:// says so of `model`, too, where there is only `model.training`.
        return name in (entry.rstrip("/") for entry in files.listdir(folder))


def is_directory(path: AnyPath) -> bool:
    """Tell whether it is a directory and no file.

    Raises:
        StorageError: there is neither.
    """
    with file_system(path) as files:
        return bool(files.stat(address(path)).is_directory)


@contextmanager
def open_remote(path: AnyPath) -> Iterator[IO[bytes]]:
    """Open a file for reading; failures while it is read are reported as well."""
    with file_system(path) as files, files.GFile(address(path), "rb") as file:
        yield file


def put(file: Path, path: AnyPath) -> None:
    """Copy a local file, under a temporary name first; what is there is replaced."""
    target = check_place(path)
    folder, _, name = target.rpartition("/")
    part = f"{folder}/.{name}.part"
    with file_system(path) as files:
        files.makedirs(folder)
        files.copy(str(file), part, overwrite=True)
        files.rename(part, target, overwrite=True)


def check_place(path: AnyPath) -> str:
    """Return the address of a place to write, which must lie in a bucket.

    Raises:
        StorageError: it is a whole bucket.
    """
    place = address(path).rstrip("/")
    if "/" not in place.partition("://")[2]:
        raise StorageError("this is a whole bucket. Name a place in it.", path=place)
    return place


def remove(directory: AnyPath) -> None:
    """Remove a directory, if there is one; first what makes it a model."""
    import_tensorflow()
    import tensorflow as tf

    place = address(directory).rstrip("/")
    with file_system(directory) as files:
        for name in MARKERS:
            with suppress(tf.errors.NotFoundError):
                files.remove(f"{place}/{name}")
        with suppress(tf.errors.NotFoundError):
            files.rmtree(place)


def is_marker(path: Path) -> bool:
    """Tell whether it is a file without which there is no model or checkpoint."""
    return path.name in MARKERS or path.suffix == ".index"


def publish(local: Path, directory: AnyPath) -> None:
    """Replace a remote directory by a local one; what makes it a model comes last."""
    remove(directory)
    files = [path for path in local.rglob("*") if path.is_file()]
    files.sort(key=lambda path: (is_marker(path), -len(path.parts), path))
    for file in files:
        put(file, Path(directory) / file.relative_to(local))


def fetch(directory: AnyPath, local: Path) -> None:
    """Copy a remote directory into a local one, which is made."""
    root = address(directory).rstrip("/")
    with file_system(directory) as files:
        files.stat(root)  # `walk` finds nothing where there is nothing
        for place, _, names in files.walk(root):
            inner = place.rstrip("/")[len(root) :].strip("/")
            if ".." in Path(inner).parts or ".." in names:
                raise StorageError(f"{place} leads out of it.", path=root)
            (local / inner).mkdir(parents=True, exist_ok=True)
            for name in names:
                source = f"{place.rstrip('/')}/{name}"
                files.copy(source, str(local / inner / name), overwrite=True)


def local_copy(path: str | Path) -> str | Path:
    """Fetch a remote directory until the program ends; return a local path as it is.

    What a killed run has left in the course of replacing a local one is put back.

    Args:
        path: of the directory, or the prefix of a TensorFlow checkpoint in one.

    Raises:
        StorageError: there is none, or it cannot be read.
    """
    if not is_remote(path):
        put_back(Path(path))
        return path
    folder = Path(tempfile.mkdtemp(prefix="tfner-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    copy = folder / Path(path).name
    if exists(path):
        fetch(path, copy)
    else:
        _fetch_checkpoint(path, folder)
    logger.info("%s is read from a copy, %s", address(path), copy)
    return copy


def _fetch_checkpoint(prefix: AnyPath, local: Path) -> None:
    """Copy a checkpoint's files, and what lies beside them of no other checkpoint."""
    folder, _, own = address(prefix).rpartition("/")
    with file_system(prefix) as files:
        names = files.listdir(folder)
        if not any(name.startswith(f"{own}.") for name in names):
            raise StorageError(ABSENT, path=address(prefix))
        for name in names:
            wanted = name.startswith(f"{own}.") or "ckpt" not in name
            if wanted and not files.isdir(f"{folder}/{name}"):
                files.copy(f"{folder}/{name}", str(local / name), overwrite=True)
