"""Names of integer tags: as a list, and in the files that data sets and models have."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tfner.corpus.records.spans import is_integer
from tfner.corpus.records.tags import TAG_KEYS, is_words
from tfner.errors import ConfigError, shorten
from tfner.schemes import is_tag
from tfner.storage.lines import is_readable, read_lines


def parse_labels(value: str, tags_key: str | None = None) -> list[str]:
    """Read the value of `--tag-names`: `A,B,C`, or a file.

    A file has a name a line, or is JSON: a list, an object of name -> number or of
    number -> name, also under `label2id` or `id2label` as models have it, or with the
    features of a data set (`dataset_info.json`).

    Args:
        value: as given.
        tags_key: the feature whose names are taken; None takes that of tags.

    Raises:
        ConfigError: there are no names, or one occurs twice.
    """
    content = value
    if is_readable(value):
        content = "\n".join(line for _, line in read_lines(value)).strip()
    elif "," not in value and not (is_tag(value) or value.startswith("[")):
        raise ConfigError(
            f"--tag-names: there is no file {value}; name a file, or list the tags as "
            "O,B-PER,I-PER."
        )
    if content.startswith(("[", "{")):
        try:
            names = _names_of(json.loads(content), tags_key)
        except (ValueError, RecursionError) as error:
            said = error.msg if isinstance(error, json.JSONDecodeError) else error
            raise ConfigError(f"--tag-names {value}: not JSON: {said}") from error
    else:
        names = [name.strip() for name in content.replace(",", "\n").split("\n")]
    if not names or not all(names) or len(set(names)) < len(names):
        raise ConfigError(
            "--tag-names must list tags such as O,B-PER,I-PER in the order of their "
            "numbers, each once, or name a file of them or JSON with label2id, "
            f"id2label or the features of a data set. Received: {shorten(value)}"
        )
    return names


def _names_of(record: object, tags_key: str | None) -> list[str] | None:
    """The names in a JSON value; None if there are none."""
    if is_words(record):
        return list(record) if isinstance(record, list) else None
    if not isinstance(record, dict):
        return None
    for key in ("id2label", "label2id"):
        if isinstance(record.get(key), dict):
            return _by_number(record[key])
    names = _by_number(record)
    if names is not None:
        return names
    features = dict(_features(record))
    for key in TAG_KEYS if tags_key is None else (tags_key,):
        if key in features:
            return features[key]
    return next(iter(features.values())) if len(features) == 1 else None


def _by_number(mapping: Mapping[str, Any]) -> list[str] | None:
    """The names of an object of name -> number or number -> name, in order."""
    numbers: dict[int, str] = {}
    for key, value in mapping.items():
        if is_integer(value):
            numbers[value] = key
        elif isinstance(value, str) and key.isascii() and key.isdigit():
            numbers[int(key)] = value
        else:
            return None
    if sorted(numbers) != list(range(len(mapping))):
        return None
    return [numbers[number] for number in range(len(mapping))]


def _features(record: Any, key: str = "") -> Iterator[tuple[str, list[str]]]:
    """The names of each class of a data set's features, however deep they stand."""
    if isinstance(record, list):
        for part in record:
            yield from _features(
                part, str(part.get("name", key)) if _named(part) else ""
            )
    if not isinstance(record, dict):
        return
    names = record.get("names")
    if isinstance(names, dict):  # of a README: {"0": "O", …}
        names = _by_number(names)
    if is_words(names):
        yield key, list(names or ())
        return
    for name, part in record.items():
        inner = name in ("feature", "class_label", "dtype", "sequence", "list")
        yield from _features(part, key if inner else name)


def _named(part: object) -> bool:
    return isinstance(part, dict) and isinstance(part.get("name"), str)
