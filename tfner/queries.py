"""Queries of reading comprehension: one for each label, from a file or its name."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from tfner.errors import ConfigError, joined, shorten, unknown
from tfner.storage.lines import read_lines

QUERIES = "queries"
"""Key of a document's metadata: label -> query, in the order of its file."""
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


def query_problems(queries: Mapping[str, Any]) -> list[str]:
    """Find labels and queries that are empty or no strings; a sentence for each."""
    problems = ["a label is empty." for label in queries if not label.strip()]
    for label, query in queries.items():
        if not isinstance(query, str):
            problems.append(
                f"the query of {label!r} must be a string. "
                f"Received: {shorten(str(query))}"
            )
        elif not query.strip():
            problems.append(f"the query of {label!r} is empty.")
    return problems


def default_query(label: str) -> str:
    """Make a query of a label's name.

    Example:
        >>> default_query("cell_line")
        'cell line'
    """
    return " ".join(label.replace("_", " ").replace("-", " ").split()) or label


def complete_queries(
    labels: Iterable[str], queries: Mapping[str, str] | None, *, source: str
) -> dict[str, str]:
    """Return a query for every label: those given, or ones made of the labels' names.

    Args:
        labels: each must have a query.
        queries: label -> query in order; None makes them of the names.
        source: origin of the queries, for messages.

    Raises:
        ConfigError: queries are given, but not for every label.
    """
    names = list(labels)
    if queries is None:
        return {label: default_query(label) for label in names}
    missing = [label for label in names if label not in queries]
    if missing:
        raise ConfigError(
            f"{source} has no query for {', '.join(missing)}. Known: "
            f"{', '.join(queries)}. Add one, or correct the labels of the corpus."
        )
    return dict(queries)
