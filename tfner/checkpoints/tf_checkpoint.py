"""Files of TensorFlow's savers: named variables in `*.index` and `*.data-*`."""

from __future__ import annotations

import contextlib
import glob
from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from tfner.checkpoints.tensors import Array
from tfner.errors import CheckpointError, StorageError, TfnerError, lacks_memory
from tfner.storage.atomic import whole_files, write_text
from tfner.storage.foreign_files import check_files

STATE = "checkpoint"
INDEX_SUFFIX = ".index"
DATA = "*.data-*-of-*"
NAME = "model.ckpt"
OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"


class CheckpointTensors:
    """Variables of a TensorFlow 1 checkpoint.

    Args:
        prefix: beginning of its files' names.

    Raises:
        CheckpointError: it is damaged, or one of TensorFlow 2, whose variables have
            no names.
    """

    def __init__(self, prefix: Path) -> None:
        self._prefix = prefix
        with _reading(prefix):
            self._reader, shapes = open_checkpoint(prefix)
        if OBJECT_GRAPH in shapes:
            raise CheckpointError(
                f"{prefix} is a checkpoint of TensorFlow 2 objects, as Keras writes "
                "it, whose variables have no names of their own. Give a TensorFlow 1 "
                "checkpoint, or save the model as a Hugging Face directory with the "
                "code that wrote it."
            )
        self._shapes = {name: tuple(shape) for name, shape in shapes.items()}
        self.names = sorted(self._shapes)

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of one, without reading it."""
        return self._shapes[name]

    def read(self, name: str) -> Array:
        """One of them, in float32.

        Raises:
            CheckpointError: its file is missing or damaged.
        """
        with _reading(self._prefix):
            return np.asarray(self._reader.get_tensor(name), np.float32)


def open_checkpoint(prefix: Path) -> tuple[Any, dict[str, list[int]]]:
    """A reader of variables, and the shapes of those that it can read.

    Args:
        prefix: beginning of the files' names.

    Raises:
        StorageError: a file is a device, a pipe, or a pointer of Git LFS.
        ValueError: the shapes ask for more than the files hold.
        tf.errors.OpError: the index is damaged.
    """
    import tensorflow as tf

    files = sorted(prefix.parent.glob(f"{glob.escape(prefix.name)}.*"))
    check_files(*files)
    reader = tf.train.load_checkpoint(str(prefix))
    shapes: dict[str, list[int]] = reader.get_variable_to_shape_map()
    kinds = reader.get_variable_to_dtype_map()
    wanted = sum(prod(shapes[name]) * kinds[name].size for name in shapes)
    held = sum(path.stat().st_size for path in files)
    if wanted > held:
        raise ValueError(f"its variables have {wanted:,} bytes, its files {held:,}")
    return reader, shapes


def check_variables(prefix: Path) -> None:
    """Read all variables once: their checksums hold, and what are numbers are finite.

    Raises:
        CheckpointError: a file is missing or damaged, or holds NaN or infinity.
    """
    with _reading(prefix):
        reader, shapes = open_checkpoint(prefix)
        for name in shapes:
            value = np.asarray(reader.get_tensor(name))  # some are texts
            if value.dtype.kind == "f" and not np.isfinite(value).all():
                raise ValueError(f"{name} holds NaN or infinite numbers")


@contextlib.contextmanager
def _reading(prefix: Path) -> Iterator[None]:
    """Put errors of damaged files, as TensorFlow raises them, into one sentence."""
    try:
        yield
    except TfnerError:
        raise
    except Exception as error:
        if lacks_memory(error):
            raise
        first = str(error).partition("\n")[0]
        raise CheckpointError(
            f"{prefix} is damaged or incomplete: {first}. Fetch its {INDEX_SUFFIX} and "
            ".data files again."
        ) from error


def holds_checkpoint(path: Path) -> bool:
    """Tell whether a directory or a prefix has files of TensorFlow's savers.

    Args:
        path: directory, or the beginning of the files' names.
    """
    if path.is_dir():
        patterns = (STATE, f"*{INDEX_SUFFIX}", DATA)
        return any(file.is_file() for name in patterns for file in path.glob(name))
    directory = path.parent
    if not directory.name:  # a bare name may be a hub id
        return path.name.removesuffix(INDEX_SUFFIX) in _prefixes(directory)
    return directory.is_dir() and bool(_prefixes(directory))


def find_prefix(path: Path) -> Path:
    """The prefix of a checkpoint: the beginning of its files' names.

    Args:
        path: that prefix, or a directory, of which it is the newest checkpoint: the
            one that the file `checkpoint` names, or the only one.

    Raises:
        CheckpointError: there is no such checkpoint, or no way to tell which.
    """
    if path.is_dir():
        return path / _newest(path)
    directory, name = path.parent, path.name.removesuffix(INDEX_SUFFIX)
    prefixes = _prefixes(directory) if directory.is_dir() else []
    if name not in prefixes:
        raise CheckpointError(
            f"there is no checkpoint {directory / name}: it would have a file "
            f"{name}{INDEX_SUFFIX}. {_choice(directory, prefixes)}"
        )
    return directory / name


def _newest(directory: Path) -> str:
    prefixes = _prefixes(directory)
    state = directory / STATE
    if state.is_file():
        name = _name_in(state)
        if name not in prefixes:
            raise CheckpointError(
                f"{state} names {name}, of which there is no {name}{INDEX_SUFFIX} "
                f"here. {_choice(directory, prefixes)}"
            )
        return name
    if len(prefixes) != 1:
        raise CheckpointError(
            f"{directory} has no file `{STATE}` that names the checkpoint to read. "
            + _choice(directory, prefixes)
        )
    return prefixes[0]


def _prefixes(directory: Path) -> list[str]:
    """Names of the checkpoints of a directory."""
    return sorted(
        path.name.removesuffix(INDEX_SUFFIX)
        for path in directory.iterdir()
        if path.name.endswith(INDEX_SUFFIX) and path.is_file()
    )


def _choice(directory: Path, prefixes: list[str]) -> str:
    if not prefixes:
        return f"{directory} holds no checkpoint (*{INDEX_SUFFIX}) at all."
    return f"Give one that is there: {', '.join(str(directory / p) for p in prefixes)}."


def _name_in(state: Path) -> str:
    """The checkpoint that a state file names, as a name in the same directory.

    Absolute paths are those of the machine that wrote it, so only their last part
    counts.

    Raises:
        CheckpointError: it is damaged, or leads to another directory.
    """
    import tensorflow as tf
    from google.protobuf import text_format  # type: ignore[import-untyped]

    # TensorFlow shows the message's class nowhere else.
    content = tf.compat.v1.train.generate_checkpoint_state_proto(".", NAME)
    content.Clear()
    try:
        text_format.Parse(state.read_text(encoding="utf-8"), content)
    except (OSError, UnicodeDecodeError, text_format.ParseError) as error:
        raise CheckpointError(
            f"{state} cannot be read: {error}. "
            + _choice(state.parent, _prefixes(state.parent))
        ) from error
    named = Path(content.model_checkpoint_path)
    if (
        not named.name
        or ".." in named.parts
        or (len(named.parts) > 1 and not named.is_absolute())
    ):
        raise CheckpointError(
            f"{state} must name a checkpoint of its own directory. Received: "
            f"{content.model_checkpoint_path!r}. Give that checkpoint itself."
        )
    return named.name


def write_checkpoint(directory: Path, variables: Mapping[str, Array]) -> None:
    """Write variables so that `tf.compat.v1.train.Saver` restores them by name.

    Args:
        directory: made if it is not there; gets `model.ckpt` and `checkpoint`.
        variables: by their names.

    Raises:
        StorageError: it cannot be written.
    """
    import tensorflow as tf

    text = f'model_checkpoint_path: "{NAME}"\nall_model_checkpoint_paths: "{NAME}"\n'
    with whole_files(directory) as stage:
        write_text(stage / STATE, text)
        try:
            tf.raw_ops.SaveV2(
                prefix=str(stage / NAME),
                tensor_names=list(variables),
                shape_and_slices=[""] * len(variables),
                tensors=list(variables.values()),
            )
        except (tf.errors.OpError, ValueError) as error:  # or the name is no UTF-8
            reason = str(error).partition("\n")[0]
            raise StorageError(
                f"cannot be written: {reason}", path=directory / NAME
            ) from error
