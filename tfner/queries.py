"""Queries of reading comprehension: one for each label."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from tfner.document import Document
from tfner.errors import ConfigError, listed, shorten

QUERIES = "queries"
"""Key of a document's metadata: label -> query, in the order of its file."""


def queries_of(documents: Iterable[Document]) -> dict[str, str]:
    """Collect the queries that documents bring; none if they bring none.

    Raises:
        ConfigError: one label has two queries.
    """
    queries: dict[str, str] = {}
    for document in documents:
        stored = document.metadata.get(QUERIES)
        for label, query in (stored if isinstance(stored, dict) else {}).items():
            if queries.setdefault(label, query) != query:
                raise ConfigError(
                    f"label {label!r} has two queries in the corpus: "
                    f"{shorten(queries[label])} and {shorten(query)}. Give a file of "
                    "queries: --queries FILE."
                )
    return queries


def with_queries(
    documents: Iterable[Document], queries: Mapping[str, str]
) -> list[Document]:
    """Give documents queries in place of those that they bring."""
    brought = {QUERIES: dict(queries)}
    return [replace(d, metadata={**d.metadata, **brought}) for d in documents]


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
            f"{source} has no query for {listed(missing)}. Known: "
            f"{listed(queries)}. Add one, or correct the labels of the corpus."
        )
    return dict(queries)
