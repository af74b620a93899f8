"""CoNLL-U Plus: the columns of CoNLL-U in any choice and order, and others.

    # global.columns = ID FORM UPOS NER
    1<TAB>Mira<TAB>PROPN<TAB>B-PER

Its rows are read as those of CoNLL-U, tags going into MISC, and are written as such.

Source: https://universaldependencies.org/ext-format.html
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import NamedTuple

from tfner.errors import CorpusError, listed, shorten
from tfner.schemes import OUTSIDE
from tfner.storage.lines import is_readable, read_lines
from tfner.tag_syntax import TagSyntax, find_syntax

GLOBAL = re.compile(r"#\s*global\.columns\s*=\s*(.*)")
STANDARD = [
    *("ID", "FORM", "LEMMA", "UPOS", "XPOS"),
    *("FEATS", "HEAD", "DEPREL", "DEPS", "MISC"),
]
TAG_COLUMNS = {
    *("NE", "NER", "NETAG", "NERTAG", "NE_TAG", "NER_TAG", "NER_TAGS"),
    *("ENTITY", "NAMED_ENTITY", "BIO", "IOB"),
}
"""Names of columns of tags, after a colon if there is one."""
UNFILLED = ("_", "*")


class PlusColumns(NamedTuple):
    """The columns of a file: their names, that of the tags, and the tags' spelling."""

    names: list[str]
    tag: int | None
    syntax: TagSyntax

    def standard_rows(
        self, rows: Sequence[Sequence[str]]
    ) -> tuple[list[list[str]], list[tuple[int, str]]]:
        """Rows of CoNLL-U, and the problems of those that are none, with their places.

        Tags stand in MISC. Without a column ID words are numbered.
        """
        standard: list[list[str]] = []
        problems: list[tuple[int, str]] = []
        for place, row in enumerate(rows):
            if len(row) != len(self.names):
                received = f"received {len(row)}: {shorten(row[0])}"
                problems.append(
                    (
                        place,
                        f"expected {len(self.names)} columns by # global.columns, "
                        f"{received}",
                    )
                )
                continue
            try:
                standard.append(self._standard_row(row, place + 1))
            except ValueError as error:
                problems.append((place, str(error)))
        return standard, problems

    def _standard_row(self, row: Sequence[str], number: int) -> list[str]:
        cells = dict(zip(self.names, row, strict=True))
        standard = [cells.get(name, "_") for name in STANDARD]
        if "ID" not in cells:
            standard[0] = str(number)
        tag = _tag(self.syntax, row[self.tag]) if self.tag is not None else OUTSIDE
        if tag != OUTSIDE:
            misc = [] if standard[-1] == "_" else [standard[-1]]
            standard[-1] = "|".join([f"NE={tag}", *misc])
        return standard


def _tag(syntax: TagSyntax, cell: str) -> str:
    return OUTSIDE if cell in UNFILLED else syntax.canonical(cell)


def global_columns(line: str) -> list[str] | None:
    """The names in a line that names the columns; None of any other line.

    Example:
        >>> global_columns("# global.columns = ID FORM NER")
        ['ID', 'FORM', 'NER']
    """
    match = GLOBAL.fullmatch(line)
    return None if match is None else match[1].split()


def find_plus(path: str, *, tags: str | None, scheme: str | None) -> PlusColumns | None:
    """The columns that a file names in its first line; None if it names none.

    A stream is not looked at, and so is none.

    Args:
        path: the file.
        tags: name of the column of tags, if it is given.
        scheme: name of the tags' scheme, if it is given.

    Raises:
        CorpusError: it has no column FORM, or not that of the tags.
    """
    if not is_readable(path):
        return None
    first = next((line for _, line in islice(read_lines(path, announce=False), 1)), "")
    names = global_columns(first)
    if names is None:
        return None
    upper = [name.upper() for name in names]
    column = _tag_column(upper, tags)
    if "FORM" not in upper or (tags is not None and column is None):
        what = "FORM" if "FORM" not in upper else f"{tags} (--tags-key)"
        raise CorpusError(
            f"the columns are {listed(names)}, and none is {what}. Name it in "
            "# global.columns",
            path=path,
            line=1,
        )
    syntax = TagSyntax()
    if column is not None:
        syntax = find_syntax(_cells(path, column, len(names)), scheme=scheme)
        if syntax.problem is not None:
            message = f"column {names[column]}: {syntax.problem}"
            raise CorpusError(message, path=path)
    return PlusColumns(upper, column, syntax)


def _tag_column(names: Iterable[str], given: str | None) -> int | None:
    wanted = TAG_COLUMNS if given is None else {given.upper()}
    places = enumerate(names)
    return next(
        (n for n, name in places if {name, name.rpartition(":")[2]} & wanted), None
    )


def _cells(path: str, column: int, width: int) -> Counter[str]:
    rows = (line.split("\t") for _, line in read_lines(path, announce=False))
    cells = (row[column] for row in rows if len(row) == width)
    return Counter(cell for cell in cells if cell not in UNFILLED)
