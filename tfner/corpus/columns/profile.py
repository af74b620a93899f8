"""The profile of a column file by its first lines: width, header, numbers, comments.

The rest of the file is held against it when it is read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tfner.corpus.formats.options import ReadOptions
from tfner.schemes import is_tag, split_tag
from tfner.tag_syntax import OTHER_OUTSIDES, TagSyntax, find_syntax

DOCUMENT_LINE = "-DOCSTART-"
HEAD_LINES, HEAD_CHARACTERS = 2000, 1 << 20
"""Lines of a file that are looked at, and at how many characters it ends earlier."""
MOST_COLUMNS = 100
"""Columns that are looked at one by one."""
LONGEST_HEADER = 1000
MASKS = ({"_"}, {"-"})
"""All that columns of tags hold where the tags are kept from the reader."""

WORD_NAMES = {"word", "words", "token", "tokens", "text", "form", "surface"}
TAG_NAMES = {
    *("tag", "tags", "label", "labels", "entity", "entities", "bio", "iob"),
    *("ner", "ne", "ner_tag", "ner_tags", "ne_tag", "nertag", "named_entity"),
}

CHUNKS = {"NP", "VP", "PP", "ADJP", "ADVP", "SBAR", "PRT", "CONJP", "INTJ", "LST"}
"""Labels of phrases, as in the columns of CoNLL-2000 and 2003 before the entities."""

LANGUAGE = re.compile(r"[A-Za-z][A-Za-z-]*:")
"""The language before a word: de:Berlin."""

Row = Sequence[str]


def split_row(line: str) -> list[str]:
    """The columns of one line."""
    if "\t" in line:
        return line.split("\t")
    # str.split() without argument would also cut at U+3000 and other white space.
    return [column for column in line.split(" ") if column]


@dataclass(frozen=True, kw_only=True)
class Profile:
    """The properties of a column file that its first lines show.

    Attributes:
        has_rows: they hold a row.
        width: number of columns; cells after the last column that are empty in all
            rows are none.
        filled: the last column has no empty cell.
        header: the row that names the columns, with the blank lines after it.
        names: of the columns, in lower case; empty without a header.
        numbered: the first column numbers the words of a sentence or document.
        comments: see `ReadOptions`.
        layers: two columns of tags whose entities nest, or none.
        tagged: the columns that hold tags.
        masked: all cells of the last one are dashes or underscores.
        tag_column: the one that `--tag-column` names first, else the last.
        tags: those in the last column, by which a word # is told from a comment.
        odd_share: share of the rows that have another width, those with # aside.
        language: a word, where all words begin with a language (`de:Berlin`).
        widened: the width without regard to columns that are empty in all rows.
    """

    has_rows: bool = False
    width: int = 1
    filled: bool = True
    header: list[tuple[int, str]] = field(default_factory=list)
    names: tuple[str, ...] = ()
    numbered: bool = False
    comments: bool | None = None
    layers: tuple[int, ...] = ()
    tagged: tuple[int, ...] = ()
    masked: bool = False
    tag_column: int = -1
    tags: frozenset[str] = frozenset()
    odd_share: float = 0.0
    language: str | None = None
    widened: int = 1

    def is_comment(self, line: str, *, at_head: bool) -> bool:
        """Tell whether a line with # is a comment.

        Args:
            line: begins with #.
            at_head: no word of a sentence stands before it.
        """
        if not at_head and self.comments is not True:
            return False
        row = split_row(line)
        if self.numbered:
            return not row[0].isdigit()
        if not fits(row, self.width) or (self.filled and not row[self.width - 1]):
            return True
        if not at_head or self.width == 1:
            return False
        in_row = -self.width <= self.tag_column < self.width
        cell = row[: self.width][self.tag_column if in_row else -1].strip(" ")
        if is_tag(cell) or cell in self.tags:
            return False
        looks_so = " " in row[0] or row[0].startswith("##") or re.search("[ =]", cell)
        return self.comments is True or bool(looks_so)


def fits(row: Row, width: int) -> bool:
    """True for a row of so many columns, empty cells after them aside."""
    return len(row) == width or (len(row) > width and not any(row[width:]))


def find_profile(head: Sequence[tuple[int, str]], options: ReadOptions) -> Profile:
    """Find the profile of a file.

    Args:
        head: its first lines, with their numbers.
        options: what is known of the file.
    """
    header, names = _header_of(head)
    skipped = {number for number, _ in header}
    sentences = _sentences(line for number, line in head if number not in skipped)
    plain = [[row for row in rows if not row[0].startswith("#")] for rows in sentences]
    counts = Counter(len(row) for rows in plain for row in rows)
    if not counts:  # nothing but lines with #
        plain = sentences
        counts = Counter(len(row) for rows in plain for row in rows) or Counter([1])
    widened = max(counts, key=lambda width: (counts[width], width))
    least = 2 if options.tags == "needed" else 1
    width = _filled_width([row for rows in plain for row in rows], widened, least)
    fitting = [[row for row in rows if fits(row, width)] for rows in plain]
    rows = [row for sentence in fitting for row in sentence]
    columns = {*range(min(width, MOST_COLUMNS)), width - 2, width - 1} - {-1}
    syntaxes = {column: _syntax_of(rows, column) for column in sorted(columns)}
    tagged = tuple(c for c in syntaxes if _holds_tags(rows, c, syntaxes[c]))
    numbered = _is_numbered(fitting, width, tagged, options)
    return Profile(
        has_rows=bool(rows),
        width=width,
        widened=widened,
        filled=all(row[width - 1].strip(" ") for row in rows),
        header=header,
        names=names,
        numbered=numbered,
        comments=options.comments,
        tagged=tagged,
        odd_share=1 - len(rows) / max(1, sum(map(len, plain))),
        language=_language([row[1 if numbered else 0] for row in rows]),
        layers=_layers(rows, width, tagged, syntaxes) if numbered else (),
        masked=len(rows) > 1 and {row[width - 1] for row in rows} in MASKS,
        tag_column=-1 if options.tag_columns is None else options.tag_columns[0],
        tags=frozenset([*syntaxes[width - 1].table, *OTHER_OUTSIDES]),
    )


def _sentences(lines: Iterable[str]) -> list[list[list[str]]]:
    sentences: list[list[list[str]]] = [[]]
    for line in lines:
        if line.startswith(DOCUMENT_LINE) or not line.strip(" \t"):
            sentences.append([])
        else:
            sentences[-1].append(split_row(line))
    return [rows for rows in sentences if rows]


def _header_of(
    head: Sequence[tuple[int, str]],
) -> tuple[list[tuple[int, str]], tuple[str, ...]]:
    """The row that names the columns, with a blank line after it, and the names."""
    first = next(
        (
            index
            for index, (_, line) in enumerate(head)
            if line.strip(" \t") and not line.startswith(("#", DOCUMENT_LINE))
        ),
        None,
    )
    if first is None or len(head[first][1]) > LONGEST_HEADER:
        return [], ()
    cells = [cell.strip(" ").lower() for cell in split_row(head[first][1])]
    words = [n for n, cell in enumerate(cells) if cell in WORD_NAMES]
    tags = [n for n, cell in enumerate(cells) if cell in TAG_NAMES]
    later = (split_row(line) for _, line in head[first + 1 :] if line)
    if not words or not tags or set(words) == set(tags):
        return [], ()
    if any(row[-1].strip(" ").lower() in TAG_NAMES for row in later):
        return [], ()  # a label has such a name, and the row may be one of words
    lines = [head[first]]
    following = head[first + 1] if first + 1 < len(head) else (0, "x")
    if not following[1].strip(" \t"):
        lines.append(following)
    return lines, tuple(cells)


def _filled_width(rows: Sequence[Row], width: int, least: int) -> int:
    """The width without the last columns that are empty in all rows."""
    full = [row for row in rows if len(row) == width]
    while width > least and full and not any(row[width - 1] for row in full):
        width -= 1
    return width


def _syntax_of(rows: Iterable[Row], column: int) -> TagSyntax:
    return find_syntax(Counter(row[column].strip(" ") for row in rows), label="X")


def _holds_tags(rows: Sequence[Row], column: int, syntax: TagSyntax) -> bool:
    """Whether a column holds nothing but tags, and more than empty cells."""
    if not syntax.table or syntax.strangers or syntax.problem:
        return False
    cells = {row[column].strip(" ") for row in rows} - {""}
    has_outside = "O" in map(syntax.table.get, cells)
    return bool(cells) and (has_outside or max(map(len, cells)) > 1)


def _is_numbered(
    sentences: Sequence[Sequence[Row]],
    width: int,
    tagged: Sequence[int],
    options: ReadOptions,
) -> bool:
    """Whether the first column numbers the words, and others hold words and tags."""
    if width < (3 if options.tags == "needed" else 2):
        return False
    if width == 2 and 1 in tagged:  # words that are numbers, and their tags
        return False
    first = [[row[0] for row in rows] for rows in sentences]
    cells = [cell for column in first for cell in column]
    if not cells or not all(cell.isascii() and cell.isdigit() for cell in cells):
        return False
    if all(row[1].isdigit() for rows in sentences for row in rows):
        return False
    numbers = [[int(cell[:9]) for cell in column] for column in first]
    expected = {0, 1}
    for run in numbers:
        if run and (
            run[0] not in expected or run != [*range(run[0], run[0] + len(run))]
        ):
            return False
        expected = {0, 1, run[-1] + 1} if run else expected
    return True


def _layers(
    rows: Sequence[Row],
    width: int,
    tagged: Sequence[int],
    syntaxes: Mapping[int, TagSyntax],
) -> tuple[int, ...]:
    """The last two columns, where these alone hold tags, none of them of chunks."""
    last = (width - 2, width - 1)
    if width < 4 or not {*last} <= {*tagged} or (width > 4 and width - 3 in tagged):
        return ()
    outer, inner = (_labels(rows, column, syntaxes[column]) for column in last)
    return () if outer & CHUNKS and not outer & inner else last


def _labels(rows: Sequence[Row], column: int, syntax: TagSyntax) -> set[str]:
    tags = {syntax.table.get(row[column].strip(" "), "O") for row in rows}
    return {split_tag(tag)[1] for tag in tags} - {""}


def _language(words: Sequence[str]) -> str | None:
    """The first word, where all begin with a language as WikiANN's words do."""
    prefixes = {match and match[0] for match in map(LANGUAGE.match, words)}
    if len(words) < 2 or None in prefixes:
        return None
    is_language = len(prefixes) == 1 or all(len(p or "") == 3 for p in prefixes)
    return words[0] if is_language else None
