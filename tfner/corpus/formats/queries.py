"""Query files: JSON objects of label -> query."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from tfner.errors import ConfigError, joined, unknown
from tfner.queries import QUERIES, query_problems
from tfner.storage.lines import read_lines

SET_MARK = "#"


def read_queries(path: str) -> dict[str, str]:
    """Read label -> query from a JSON file, in its order.

    Args:
        path: a file that holds one object, label -> query, or an object with that
            under `queries`. `FILE#NAME` takes the one under NAME of several.

    Raises:
        ConfigError: the file cannot be used; all problems are named together.
    """
    file, _, name = path.partition(SET_MARK)
    content = "".join(line for _, line in read_lines(file, keep_ends=True))
    repeated: list[str] = []

    def object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        counts = Counter(key for key, _ in pairs)
        repeated.extend(key for key, count in counts.items() if count > 1)
        return dict(pairs)

    try:
        record = json.loads(content, object_pairs_hook=object_of)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{file} is no valid JSON: {error}.") from error
    if name:
        record = _named(record, name, file)
    if isinstance(record, dict) and isinstance(record.get(QUERIES), dict):
        record = record[QUERIES]
    if not isinstance(record, dict) or not record:
        raise ConfigError(f'{file} must hold an object {{"LABEL": "query", …}}.')
    problems = [f"{file}: label {label!r} is there twice." for label in repeated]
    problems += [f"{file}: {p}" for p in query_problems(record)]
    if problems:
        hint = f" Of several sets name one: {file}#NAME."
        several = any(isinstance(value, dict) for value in record.values())
        raise ConfigError(
            joined(problems, what="problems in the queries") + hint * several
        )
    return dict(record)


def _named(record: Any, name: str, file: str) -> Any:
    sets = record if isinstance(record, dict) else {}
    if name not in sets:
        raise ConfigError(f"{file}: {unknown('set of queries', name, sets)}")
    return sets[name]
