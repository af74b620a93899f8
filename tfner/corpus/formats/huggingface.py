"""Data sets of Hugging Face: saved directories, parquet and arrow files, the hub.

Rows are read as JSON records are, in whatever shape they have: tokens and tags, or a
text and entities. Numbers of classes are named by the features of the data set, by
`--tag-names`, or by a file `label2id.json` or `id2label.json` beside the data.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tfner.corpus.formats.format import Format
from tfner.corpus.formats.huggingface_files import (
    HUB,
    Features,
    Rows,
    is_address,
    open_source,
    recognise,
)
from tfner.corpus.formats.jsonl import SHAPE
from tfner.corpus.formats.options import ReadOptions
from tfner.corpus.records.shapes import scan_stream
from tfner.corpus.records.stream import Found
from tfner.corpus.records.tags import TAG_KEYS, is_words
from tfner.corpus.tags.names import parse_labels
from tfner.document import Document
from tfner.errors import CorpusError, listed

logger = logging.getLogger(__name__)

SIBLINGS = ("label2id.json", "id2label.json", "label.json", "labels.json")
"""Files beside the data that name tags."""
LISTS = ("Sequence", "List", "LargeList")


@dataclass
class _Records:
    """The rows of a data set as records are read."""

    rows: Rows
    features: Features
    is_list = True

    def __iter__(self) -> Iterator[Found]:
        changed = {k: feature for k, feature in self.features.items() if _acts(feature)}
        for number, row in enumerate(self.rows, 1):
            for key, feature in changed.items():
                if key in row:
                    row[key] = _named(row[key], feature)
            yield Found(number, number, row)


def _acts(feature: Any) -> bool:
    """True if `_named` may change the values of a feature."""
    if isinstance(feature, list):
        return any(map(_acts, feature))
    if not isinstance(feature, dict) or feature.get("_type") in LISTS:
        return isinstance(feature, dict) and _acts(feature.get("feature"))
    kind = feature.get("_type")
    return kind == "ClassLabel" or not isinstance(kind, str)


def scan_huggingface(
    path: str, options: ReadOptions
) -> Iterator[tuple[tuple[str, None], Document | str]]:
    """Yield, row by row, its documents or messages about what is wrong.

    Raises:
        CorpusError: no data set, a damaged file, or a choice between splits.
        ConfigError: a package is missing.
        StorageError: files or the hub that cannot be read.
    """
    try:
        for content in _contents(path, options):
            yield (path, None), content
    except RecursionError:
        raise CorpusError(
            "its columns are nested beyond all measure. Save those of tokens and tags "
            "alone",
            path=path,
        ) from None


def _contents(path: str, options: ReadOptions) -> Iterator[Document | str]:
    """The documents and problems of the rows; see `scan_huggingface`."""
    source = open_source(path)
    features = source.features if options.labels is None else {}
    if source.skipped:
        columns = listed(source.skipped)
        logger.info("%s: left out: columns of other kinds: %s", path, columns)
    classes = [key for key, feature in features.items() if _names(feature)]
    if len(classes) == 1 and classes[0] not in TAG_KEYS and options.tags_key is None:
        options = replace(options, tags_key=classes[0])
    if options.labels is None:
        key = options.tags_key or next((k for k in TAG_KEYS if k in classes), None)
        named = _names(features.get(key)) if key in classes else None
        # What is no class of its feature, such as -1, then says so.
        named = named or (None if classes else _sibling_names(path, options))
        options = replace(options, labels=named)
    records = _Records(source.rows, features)
    for _, content in scan_stream(records, path, options, own=SHAPE):
        yield content


def _named(value: Any, feature: Any) -> Any:
    """A value of which every class is its name, and every sequence a list."""
    if value is None or not isinstance(feature, dict | list):
        return value
    if isinstance(feature, list):
        feature = {"_type": LISTS[0], "feature": feature[0] if feature else None}
    kind = feature.get("_type")
    if kind == "ClassLabel":
        names = feature.get("names")
        is_known = isinstance(value, int) and isinstance(names, list)
        return names[value] if is_known and 0 <= value < len(names) else value
    if kind in LISTS:
        inner = feature.get("feature")
        value = _transposed(value) if isinstance(value, dict) else value
        return [_named(v, inner) for v in value] if isinstance(value, list) else value
    if isinstance(kind, str) or not isinstance(value, dict):
        return value
    named = {key: _named(inner, feature.get(key)) for key, inner in value.items()}
    return _transposed(named) if "start" in named else named


def _transposed(value: dict[str, Any]) -> Any:
    """The objects of lists of equal length, one a key, as `Sequence` has held them."""
    columns = list(value.values())
    if not all(isinstance(c, list) and len(c) == len(columns[0]) for c in columns):
        return value
    rows = zip(*columns, strict=True)
    return [dict(zip(value, row, strict=True)) for row in rows]


def _names(feature: Any) -> list[str] | None:
    """The names of a list of classes; None for any other feature."""
    inner = None
    if isinstance(feature, list):
        inner = feature[0] if feature else None
    elif isinstance(feature, dict) and feature.get("_type") in LISTS:
        inner = feature.get("feature")
    if not isinstance(inner, dict) or inner.get("_type") != "ClassLabel":
        return None
    names = inner.get("names")
    return names if is_words(names) else None


def _sibling_names(path: str, options: ReadOptions) -> list[str] | None:
    """Names of tags in a file beside the data, or in the directory above."""
    if path.startswith(HUB):
        return None
    place = Path(path)
    place = place if place.exists() else Path(path.rpartition("#")[0])
    for folder in (place, place.parent) if place.is_dir() else (place.parent,):
        for name in SIBLINGS:
            if (folder / name).is_file():
                logger.info("%s: names of tags are those of %s", path, folder / name)
                return parse_labels(str(folder / name), options.tags_key)
    return None


FORMAT = Format(
    name="huggingface",
    about="data sets: saved directories, parquet, arrow, hub:owner/name#split",
    scan=scan_huggingface,
    recognise=recognise,
    is_address=is_address,
    suffixes=(".parquet", ".arrow"),
    is_text=False,
    directories=True,
)
