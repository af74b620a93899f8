"""The tags of taggers of other programs, from the names that they give their outputs.

O B-PER I-PER ...      tags, in any spelling that corpora have: see `tag_syntax`
O PER LOC              labels alone, each a tag of IO
O B I                  letters alone, all of one label
[CLS] [SEP] [PAD] X    pieces that are no words' first; predicted for no word
B-PER I-PER            none for words outside: every word belongs to an entity
LABEL_0 LABEL_1        nothing; the names must be given
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tfner.checkpoints.tagger_labels import REMEDY, UNNAMED
from tfner.errors import LabelError, shorten
from tfner.schemes import OUTSIDE, LabelSet, possible_schemes, split_tag
from tfner.tag_syntax import (
    OTHER_OUTSIDES,
    READ_ONLY,
    TagSyntax,
    find_reading_scheme,
    find_syntax,
)

ENTITY = "ENTITY"
"""The label of entities whose tags name none, if the user names none either."""

NO_WORD = re.compile(r"\[[A-Z]+\]|</?\w+>")
ALSO_NO_WORD = ("X", "PAD")
"""Names of outputs for other pieces than words' first, beside tags with prefixes."""
OUTSIDES = ("other", "others", "outside", "out", "none", "null", "nil")
"""Spellings of O, in any case, that models have beside those of corpora."""


@dataclass(frozen=True)
class TagNames:
    """The tags that the names of a model's outputs mean.

    Attributes:
        label_set: the tags.
        rows: for each tag the output of the model; None for one that it never predicts.
        open_schemes: names of the schemes that the tags may be of, where they leave it
            open; the first is that of the label set.
        notes: what a user must know of the reading, in sentences.
    """

    label_set: LabelSet
    rows: tuple[int | None, ...]
    open_schemes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def read_tag_names(
    names: Sequence[str] | LabelSet,
    *,
    scheme: str | None = None,
    label: str | None = None,
) -> TagNames:
    """Read the names of a model's outputs, in the order of their ids.

    Args:
        names: as they are spelled; or a label set, which tells its scheme.
        scheme: in place of what the names or the label set tell; also IO, BMES, BMEWO.
        label: of tags that are a letter alone.

    Raises:
        LabelError: the names mean nothing, or no tags, or not those of the scheme.
    """
    wanted = None if scheme is None else find_reading_scheme(scheme)
    if isinstance(names, LabelSet):
        label_set = names if wanted is None else _label_set(names.tags, wanted)
        return TagNames(label_set, tuple(range(len(names.tags))))
    if all(map(UNNAMED.fullmatch, names)):
        shown = names[0] if names else "none"
        raise LabelError(f"the names of the tags say nothing: {shown}. {REMEDY}")
    outside = _spelling_of_outside(names)
    spelled = [OUTSIDE if name == outside else name for name in names]
    syntax, left_out = _syntax_of(spelled, wanted, label)
    rows: list[int | None] = [n for n, s in enumerate(spelled) if s not in left_out]
    tags = [syntax.canonical(name) for name in spelled if name not in left_out]
    _refuse_repeats(tags, rows)
    notes = list(_notes(syntax, left_out, outside, with_outside=OUTSIDE in tags))
    if OUTSIDE not in tags:
        tags, rows = [*tags, OUTSIDE], [*rows, None]
    if wanted is None and not syntax.is_io:
        possible = tuple(scheme.name for scheme in possible_schemes(tags))
        open_schemes = possible if len(possible) > 1 else ()
        label_set = LabelSet.from_tags(tags)
        return TagNames(label_set, tuple(rows), open_schemes, tuple(notes))
    label_set = _label_set(tags, wanted or "IO")
    return TagNames(label_set, tuple(rows), notes=tuple(notes))


def _spelling_of_outside(names: Sequence[str]) -> str:
    """The name of words outside, where it is one that corpora do not have."""
    if any(name in ("", OUTSIDE, *OTHER_OUTSIDES) for name in names):
        return OUTSIDE
    return next((name for name in names if name.lower() in OUTSIDES), OUTSIDE)


def _syntax_of(
    names: Sequence[str], scheme: str | None, label: str | None
) -> tuple[TagSyntax, list[str]]:
    """The spelling of the names, and those that no word has.

    Raises:
        LabelError: there are others that are no tags.
    """
    bracketed = [name for name in names if NO_WORD.fullmatch(name)]
    left_out = [n for n in names if n in bracketed or n.upper() in ALSO_NO_WORD]
    syntax = _find(names, left_out, scheme, label)
    if syntax.is_io and not bracketed:  # then X may be a label like any other
        left_out = []
        syntax = _find(names, left_out, scheme, label)
    if syntax.strangers:
        shown = ", ".join(map(shorten, syntax.strangers[:3]))
        raise LabelError(
            f"among the names of the tags are some that are none: {shown}. {REMEDY}"
        )
    return syntax, left_out


def _refuse_repeats(tags: Sequence[str], outputs: Sequence[int | None]) -> None:
    """Refuse tags of which two are one and the same.

    Raises:
        LabelError: there are.
    """
    first: dict[str, int | None] = {}
    for tag, output in zip(tags, outputs, strict=True):
        if first.setdefault(tag, output) != output:
            raise LabelError(
                f"outputs {first[tag]} and {output} have one tag, {shorten(tag)}; "
                f"each must have its own. {REMEDY}"
            )


def _find(
    names: Sequence[str],
    left_out: Sequence[str],
    scheme: str | None,
    label: str | None,
) -> TagSyntax:
    counts = Counter(name for name in names if name not in left_out)
    syntax = find_syntax(counts, scheme=scheme, label=label or ENTITY)
    if syntax.problem is not None and scheme is None:
        return find_syntax(counts, scheme="IO")
    return syntax


def _label_set(tags: Sequence[str], scheme: str) -> LabelSet:
    """The label set of tags of a scheme.

    Raises:
        LabelError: the scheme has no such tags.
    """
    label_set = LabelSet.from_tags(tags, scheme=READ_ONLY.get(scheme, scheme))
    known = (OUTSIDE, *label_set.scheme.prefixes)
    strangers = [tag for tag in tags if split_tag(tag)[0] not in known]
    if strangers:
        raise LabelError(
            f"{scheme} has no tags such as {strangers[0]}. Leave --scheme out to have "
            "it found."
        )
    return label_set


def _notes(
    syntax: TagSyntax, left_out: Sequence[str], outside: str, *, with_outside: bool
) -> Iterator[str]:
    if syntax.about is not None:
        by_letter = ENTITY in syntax.about
        yield syntax.about + ("; --label names another" if by_letter else "")
    if outside != OUTSIDE:
        yield f"the tag {shorten(outside)} is read as O"
    if left_out:
        yield f"never predicted for a word: {', '.join(left_out)}"
    if not with_outside:
        yield "no tag is O: every word belongs to an entity"
