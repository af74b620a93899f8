"""Pages of HTML: one template engine, and the parts that pages share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from tfner.document import Document, Entity
from tfner.reports.marks import Step, marked

if TYPE_CHECKING:
    from jinja2 import Environment

SHOWN_DOCUMENTS = 2000
"""Most documents on a page: browsers get slow with more."""


class Table(NamedTuple):
    """A heading and rows; the first cell of a row names it."""

    title: str
    head: Sequence[str]
    rows: Iterable[Sequence[object]]


class Article(NamedTuple):
    """One document as several sides read it.

    Args:
        heading: names the document.
        items: kind and labels of each thing that the page's boxes choose by.
        sides: name of each side, and its text with marks.
        style: class of an entity's mark.
    """

    heading: str
    items: Sequence[tuple[str, Sequence[str]]]
    sides: Sequence[tuple[str, Iterable[Step]]]
    style: Callable[[Entity], str]


def make_article(
    heading: str,
    items: Iterable[tuple[str, Iterable[str]]],
    sides: Iterable[tuple[str, Document]],
    *,
    right: Set[Entity],
) -> Article:
    """Prepare a document for a page.

    Args:
        heading: names the document.
        items: kind and labels of each thing to choose by.
        sides: name of each side, and the document with its entities.
        right: entities whose marks are drawn as right.
    """
    return Article(
        heading,
        [(kind, sorted(labels)) for kind, labels in items],
        [(side, marked(d.text, d.entities)) for side, d in sides],
        lambda entity: "right" if entity in right else "wrong",
    )


def heading_of(name: str, documents: Sequence[object]) -> str:
    """Count documents, and say so where a page shows only the first of them."""
    number = len(documents)
    noun = "document" if number == 1 else "documents"
    note = ""
    if number > SHOWN_DOCUMENTS:
        note = f" (the first {SHOWN_DOCUMENTS:,} are here)"
    return f"{number:,} {noun} {name}{note}"


def render_template(name: str, **context: Any) -> Iterator[str]:
    """Fill a template part by part, in constant memory.

    Args:
        name: file in `templates`; the page needs nothing beside it.
        **context: values of the template; iterators are read as the page is written.
    """
    return _environment().get_template(name).generate(**context)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("tfner.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
