"""Files of Hugging Face data sets: where they lie, and their rows in batches.

    DIR            saved by `save_to_disk`, or with parquet files in it
    DIR#train      one split of several; that of a saved DatasetDict is also DIR/train
    FILE.parquet, FILE.arrow
    hub:owner/name#train, hub:owner/name/config#train

No code of a data set is run.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfner.corpus.formats.sample import Sample
from tfner.errors import ConfigError, CorpusError, StorageError, listed, shorten
from tfner.storage.foreign_files import read_json

HUB = "hub:"
DICT, STATE, INFO = "dataset_dict.json", "state.json", "dataset_info.json"
PARQUET, ARROW = ".parquet", ".arrow"
PARQUET_MAGIC, FILE_MAGIC, STREAM_MAGIC = b"PAR1", b"ARROW1", b"\xff\xff\xff\xff"
BATCH = 500
"""Rows held at once."""
SPLIT = re.compile(
    r"(?:^|[-_./])(train(?:ing)?|valid(?:ation)?|val|dev|test(?:ing)?|eval(?:uation)?)"
    r"(?=[-_./0-9])"
)
MISSING = 'parquet and arrow files need pyarrow: pip install "tfner[datasets]"'
MISSING_HUB = f'{HUB} needs the package datasets: pip install "tfner[datasets]"'
SHOWN_REASON = 200

Features = dict[str, Any]
Rows = Iterator[dict[str, Any]]


@dataclass(frozen=True)
class Source:
    """The rows of a data set and what is told about their columns.

    Attributes:
        rows: the records.
        features: of the columns, as `dataset_info.json` has them; may be empty.
        skipped: names of columns that hold no text, numbers or lists of these.
    """

    rows: Rows
    features: Features
    skipped: tuple[str, ...] = ()


def is_address(path: str) -> bool:
    """True for a path that names a data set and is no file: `hub:…`, `DIR#split`."""
    if path.startswith(HUB):
        return True
    base, mark, _ = path.rpartition("#")
    return bool(mark) and os.path.isdir(base) and not os.path.exists(path)


def recognise(sample: Sample) -> str | None:
    """Tell a data set by the files of a directory, or by the first bytes of a file."""
    if not sample.is_directory:
        if sample.head.startswith(PARQUET_MAGIC):
            return "its beginning, which is that of Parquet"
        is_stream = sample.suffix == ARROW and sample.head.startswith(STREAM_MAGIC)
        is_arrow = is_stream or sample.head.startswith(FILE_MAGIC)
        return "its beginning, which is that of Arrow" if is_arrow else None
    folder = Path(sample.path)
    if (folder / DICT).is_file():
        return f"its {DICT}"
    if (folder / STATE).is_file() and (folder / INFO).is_file():
        return f"its {STATE}"
    return "its .parquet files" if _files_below(folder, PARQUET) else None


def open_source(path: str) -> Source:
    """The rows of a data set.

    Raises:
        CorpusError: there is no data set, or there are several splits.
        ConfigError: a package is missing.
        StorageError: a file cannot be read.
    """
    if path.startswith(HUB):
        return _from_hub(path)
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise ConfigError(MISSING) from None
    files = _files(path)
    features: Features = {}
    info = Path(files[0]).parent / INFO
    if info.is_file():
        features = read_json(info).get("features") or {}
    with _reading(files[0]):
        schema = _schema(files[0])
        columns = [f.name for f in schema if _is_plain(f.type)]
        skipped = tuple(f.name for f in schema if f.name not in columns)
    features = _features_of(schema) or features
    return Source(_rows(files, columns), features, skipped)


def _files(path: str) -> list[str]:
    """The files of a data set, in order."""
    base, split = path, ""
    if not os.path.exists(path):
        base, _, split = path.rpartition("#")
    folder = Path(base)
    if not folder.is_dir():
        return [path]
    if (folder / DICT).is_file():
        names = read_json(folder / DICT).get("splits")
        known = [str(n) for n in names] if isinstance(names, list) else []
        known = [n for n in known if Path(n).name == n and (folder / n).is_dir()]
        folder, split = folder / _one(path, known, split), ""
    if (folder / STATE).is_file():
        if split:
            raise CorpusError(f"this is one split, without #{split}", path=path)
        return _saved(folder)
    files = _files_below(folder, PARQUET)
    splits: dict[str, list[str]] = {}
    for file in files:
        match = SPLIT.search(file.relative_to(folder).as_posix())
        splits.setdefault(match[1] if match else "", []).append(str(file))
    named = [name for name in splits if name]
    if not files or (split and not named):
        raise CorpusError(
            f"there is no split {shorten(split)}" if split else "no data set is here",
            path=path,
        )
    return splits[_one(path, named, split)] if named else splits[""]


def _one(path: str, known: list[str], split: str) -> str:
    """The split that is meant: the one named, or the only one."""
    if split in known:
        return split
    if len(known) == 1 and not split:
        return known[0]
    base = path.rpartition("#")[0] if split else path
    said = f"there is no split {shorten(split)}" if split else "it has several splits"
    example = f"{base}#{known[0]}" if known else base
    raise CorpusError(
        f"{said}. Known: {listed(known) or 'none'}. Name one, as in {example}",
        path=path,
    )


def _saved(folder: Path) -> list[str]:
    """The files of a directory that `save_to_disk` wrote."""
    state = read_json(folder / STATE)
    files = state.get("_data_files")
    names = [f.get("filename") for f in files or () if isinstance(f, dict)]
    found = [str(folder / n) for n in names if isinstance(n, str) and "/" not in n]
    if not found or not all(map(os.path.isfile, found)):
        raise CorpusError(
            f"{STATE} names files that are not here. Save the data set again",
            path=folder,
        )
    if state.get("_indices_data_files"):
        raise CorpusError(
            "this data set is a selection of its rows. Save it again, after "
            "flatten_indices()",
            path=folder,
        )
    return found


def _files_below(folder: Path, suffix: str) -> list[Path]:
    """The files of a suffix in a directory and below, hidden ones aside."""
    found: list[Path] = []
    for place, inner, names in os.walk(folder):
        inner[:] = [name for name in inner if not name.startswith(".")]
        found += [Path(place, n) for n in names if n.endswith(suffix) and n[0] != "."]
    return sorted(found)


def _schema(file: str) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if _is_parquet(file):
        return pq.read_schema(file)
    with pa.memory_map(file) as source:
        return _arrow_reader(source).schema


def _rows(files: list[str], columns: list[str]) -> Rows:
    for file in files:
        batches = _parquet(file, columns) if _is_parquet(file) else _arrow(file)
        with _reading(file):
            for batch in batches:
                batch = batch.select(columns)
                batch.validate(full=True)  # to_pylist would trust damaged offsets
                for start in range(0, batch.num_rows, BATCH):
                    yield from batch.slice(start, BATCH).to_pylist()


def _parquet(file: str, columns: list[str]) -> Iterator[Any]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(file) as source:
        yield from source.iter_batches(batch_size=BATCH, columns=columns)


def _arrow(file: str) -> Iterator[Any]:
    import pyarrow as pa

    with pa.memory_map(file) as source:
        reader = _arrow_reader(source)
        if hasattr(reader, "num_record_batches"):
            for number in range(reader.num_record_batches):
                yield reader.get_batch(number)
        else:
            yield from reader


def _arrow_reader(source: Any) -> Any:
    import pyarrow as pa

    head = source.read(len(FILE_MAGIC))
    source.seek(0)
    is_file = head.startswith(FILE_MAGIC)
    return pa.ipc.open_file(source) if is_file else pa.ipc.open_stream(source)


def _is_parquet(file: str) -> bool:
    try:
        with open(file, "rb") as stream:
            return stream.read(len(PARQUET_MAGIC)) == PARQUET_MAGIC
    except OSError as error:
        raise StorageError(
            f"cannot be read: {error.strerror or error}. Check the name.", path=file
        ) from error


@contextmanager
def _reading(file: str) -> Iterator[None]:
    """Make one sentence of what pyarrow says about a damaged file."""
    import pyarrow as pa

    damage = (pa.ArrowException, OSError, ValueError, MemoryError, OverflowError)
    try:
        yield
    except damage as error:
        reason = str(error).partition("\n")[0][:SHOWN_REASON]
        raise CorpusError(
            f"damaged, or neither Parquet nor Arrow ({reason}). Save it again",
            path=file,
        ) from error


def _features_of(schema: Any) -> Features:
    """The features that `datasets` writes into the schema."""
    content = (schema.metadata or {}).get(b"huggingface")
    try:
        found = json.loads(content)["info"]["features"] if content else {}
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_plain(kind: Any) -> bool:
    """True for text, numbers, truth values, and lists and structs of such."""
    from pyarrow import types

    if types.is_struct(kind):
        return all(_is_plain(kind.field(i).type) for i in range(kind.num_fields))
    if (
        types.is_list(kind)
        or types.is_large_list(kind)
        or types.is_fixed_size_list(kind)
    ):
        return _is_plain(kind.value_type)
    if types.is_dictionary(kind):
        return _is_plain(kind.value_type)
    tests = (
        types.is_string,
        types.is_large_string,
        types.is_string_view,
        types.is_integer,
        types.is_floating,
        types.is_boolean,
        types.is_null,
    )
    return any(test(kind) for test in tests)


def _from_hub(path: str) -> Source:
    """A data set of the hub, row by row as it comes over the network."""
    try:
        import datasets
    except ImportError:
        raise ConfigError(MISSING_HUB) from None
    address, _, split = path.removeprefix(HUB).partition("#")
    owner, *rest = address.split("/")
    name = "/".join([owner, *rest[:1]])
    config = "/".join(rest[1:]) or None
    try:
        if not split:
            split = _one(path, datasets.get_dataset_split_names(name, config), "")
        found = datasets.load_dataset(name, config, split=split, streaming=True)
        features = found.features.to_dict() if found.features else {}
    except CorpusError:
        raise
    except Exception as error:  # of many kinds, from all that lies below
        raise _unreachable(path, error) from error
    return Source(_hub_rows(path, found), features)


def _hub_rows(path: str, found: Any) -> Rows:
    try:
        yield from found
    except Exception as error:
        raise _unreachable(path, error) from error


def _unreachable(path: str, error: Exception) -> StorageError:
    reason = str(error).partition("\n")[0][:SHOWN_REASON]
    return StorageError(
        f"cannot be had from the hub: {reason}. Check its name, as in "
        f"{HUB}owner/name#train, and the network.",
        path=path,
    )
