"""Tag schemes, ordered label sets, and the decoder from tags to spans.

A *tag* is what a word carries (`B-PER`), a *label* is the type inside it (`PER`). The
decoder reads every scheme as conlleval does, so that no tag sequence is an error:

    a span opens    at B, at a single (S, U), and where the word before belongs to none:
                    it is O, of another label, or closed its span (E, L, S, U)
    a span closes   before an opening, before O, and after E, L, S, U
    anything else   O with a label and a prefix without one read as O, a foreign prefix
                    (the M of BMES) as I; `is_tag` tells whether a string is a tag

Source: conlleval.pl (CoNLL-2000), functions startOfChunk and endOfChunk.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from tfner.errors import LabelError, listed, shorten, unknown
from tfner.label_record import read_label_record

OUTSIDE = "O"
REMEMBERED = 1 << 16  # distinct tags, and transitions, whose reading is kept
UNORDERED = (set, frozenset, str)


class Span(NamedTuple):
    """A labelled range of words, `end` exclusive."""

    start: int
    end: int
    label: str


@dataclass(frozen=True)
class Scheme:
    """A tag scheme: the prefixes with which it writes a span.

    Args:
        name: as in `SCHEMES`.
        first, inner, last, single: prefix of the first, a middle, the last word of a
            span of several words, and of the word of a span of one.
        border: for IOB1 and IOE1, the prefix written instead of `I` only where two
            neighbouring spans of one label meet; else "".
    """

    name: str
    first: str
    inner: str
    last: str
    single: str
    border: str = ""

    @property
    def prefixes(self) -> tuple[str, ...]:
        """Every prefix of the scheme, in the order in which tags are listed."""
        used = {self.first, self.inner, self.last, self.single, self.border}
        return tuple(prefix for prefix in "BIELSU" if prefix in used)

    def allows(self, previous: str, tag: str) -> bool:
        """True if `tag` may follow `previous`; O stands for both ends of a sentence."""
        if not (is_tag(previous) and is_tag(tag)):
            return False
        (before, label_before), (now, label) = split_tag(previous), split_tag(tag)
        if {before, now} - {OUTSIDE, *self.prefixes}:
            return False
        same = label_before == label and OUTSIDE not in (before, now)
        if self.border == "B":  # IOB1: B only right after a span of its own label
            return now != "B" or same
        if self.border == "E":  # IOE1: E only right before a span of its own label
            return before != "E" or same
        open_before = before in (self.first, self.inner)
        if same and open_before and now in (self.inner, self.last):
            return True
        begins = now in (OUTSIDE, self.first, self.single)
        return begins and before in (OUTSIDE, self.last, self.single)

    @cached_property
    def remembered(self) -> Callable[[str, str], bool]:
        """`allows` with a cache: corpora repeat a few transitions millions of times.

        Example:
            >>> SCHEMES["IOB2"].remembered("O", "I-PER")
            False
        """
        return lru_cache(REMEMBERED)(self.allows)


SCHEMES = {
    scheme.name: scheme
    for scheme in (
        Scheme("IOB2", "B", "I", "I", "B"),
        Scheme("IOB1", "I", "I", "I", "I", border="B"),
        Scheme("BIOES", "B", "I", "E", "S"),
        Scheme("BILOU", "B", "I", "L", "U"),
        Scheme("IOE2", "I", "I", "E", "E"),
        Scheme("IOE1", "I", "I", "I", "I", border="E"),
    )
}
"""In order of preference where several explain a file equally well."""

ALIASES = {"BIO": "IOB2", "BIO2": "IOB2", "IOB": "IOB1", "IOBES": "BIOES"}


def find_scheme(name: str) -> Scheme:
    """The scheme of that name, in any case, or by a common alias (`BIO`, `IOBES`).

    Raises:
        LabelError: no scheme has this name; the known ones are listed.
    """
    upper = name.upper()
    upper = ALIASES.get(upper, upper)
    if upper not in SCHEMES:
        raise LabelError(unknown("tag scheme", name, [*SCHEMES, *ALIASES]))
    return SCHEMES[upper]


@lru_cache(REMEMBERED)
def split_tag(tag: str) -> tuple[str, str]:
    """Prefix and label of a tag; labels may hold hyphens; O has no label.

    Example:
        >>> split_tag("B-cell-line")
        ('B', 'cell-line')
        >>> split_tag("O")
        ('O', '')
    """
    prefix, _, label = tag.partition("-")
    return prefix, label


def is_tag(tag: str) -> bool:
    """True for O, and for a known prefix, a hyphen and a label."""
    prefix, label = split_tag(tag)
    return tag == OUTSIDE or (len(prefix) == 1 and prefix in "BIELSU" and bool(label))


def decode_tags(tags: Sequence[str]) -> list[Span]:
    """Spans of a tag sequence of any scheme, valid or not, read as conlleval reads it.

    Corpora, predictions and scores all pass through it; only the strict convention of
    scores reads tags otherwise (`tfner.evaluation.strict`).

    Example:
        >>> decode_tags(["B-PER", "I-LOC", "O", "I-LOC"])
        [Span(start=0, end=1, label='PER'), Span(start=1, end=2, label='LOC'), \
Span(start=3, end=4, label='LOC')]
    """
    spans: list[Span] = []
    start, open_label = 0, ""
    for position, tag in enumerate(tags):
        if tag == OUTSIDE and not open_label:
            continue
        prefix, label = split_tag(tag)
        if prefix == OUTSIDE:
            label = ""
        if label != open_label or prefix in ("B", "S", "U"):
            if open_label:
                spans.append(Span(start, position, open_label))
            start, open_label = position, label
        if label and prefix in ("E", "L", "S", "U"):
            spans.append(Span(start, position + 1, label))
            open_label = ""
    if open_label:
        spans.append(Span(start, len(tags), open_label))
    return spans


def encode_spans(spans: Iterable[Span], length: int, scheme: Scheme) -> list[str]:
    """Write spans as one tag a word.

    Args:
        spans: in any order, without overlap.
        length: number of words.
        scheme: decides the prefixes.

    Raises:
        LabelError: spans overlap or lie outside; nested entities need `--task span`.
    """
    tags = [OUTSIDE] * length
    previous: Span | None = None
    for span in sorted(spans):
        start, end, label = span
        if previous and start < previous.end:
            raise LabelError(
                "spans of one tag sequence may not overlap. "
                f"Received: {tuple(previous)} and {tuple(span)}. "
                "Nested entities need `tfner train --task span`."
            )
        if not 0 <= start < end <= length:
            raise LabelError(f"span {tuple(span)} lies outside {length} words")
        if end - start == 1:
            tags[start] = f"{scheme.single}-{label}"
        else:
            tags[start] = f"{scheme.first}-{label}"
            tags[end - 1] = f"{scheme.last}-{label}"
            tags[start + 1 : end - 1] = [f"{scheme.inner}-{label}"] * (end - start - 2)
        if previous and scheme.border and previous[1:] == (start, label):
            at_border = start if scheme.border == "B" else start - 1
            tags[at_border] = f"{scheme.border}-{label}"
        previous = span
    return tags


def invalid_positions(tags: Sequence[str], scheme: Scheme) -> list[int]:
    """Positions whose transition from the tag before is not allowed.

    `len(tags)` stands for the transition to the end of the sentence.

    Example:
        >>> invalid_positions(["B-PER", "I-LOC", "O"], SCHEMES["IOB2"])
        [1]
    """
    transitions = map(scheme.remembered, [OUTSIDE, *tags], [*tags, OUTSIDE])
    return [position for position, allowed in enumerate(transitions) if not allowed]


def possible_schemes(tags: Iterable[str]) -> list[Scheme]:
    """The schemes that a model's tags may be of; several where the tags leave it open.

    They have all prefixes, and write a span of one word with the tags of most labels:
    `I-PER` without a `B-PER` is no IOB2.

    Example:
        >>> [scheme.name for scheme in possible_schemes(["O", "B-PER", "I-PER"])]
        ['IOB2', 'IOB1']
        >>> [scheme.name for scheme in possible_schemes(["O", "B-PER", "I-PER", "I-X"])]
        ['IOB1']
    """
    parts = {split_tag(tag) for tag in tags if tag != OUTSIDE}
    prefixes, labels = {prefix for prefix, _ in parts}, {label for _, label in parts}
    found = [s for s in SCHEMES.values() if prefixes <= {*s.prefixes}]
    found = found or [SCHEMES["IOB2"]]
    alone = [sum((s.single, label) in parts for label in labels) for s in found]
    best = [s for s, n in zip(found, alone, strict=True) if n == max(alone)]
    return [s for s in best if s.border in ("", *prefixes)] or best[:1]


class LabelSet:
    """Ordered labels under a scheme: the tags a model predicts, and their ids.

    Ids follow the given order and never that of a set, so that a digest identifies
    them for good.

    Args:
        labels: entity types in order, without duplicates; at least one.
        scheme: a scheme's name or alias.
        tags: the tags in order of their ids where an external model fixes them; the
            default is O, then each label with the scheme's prefixes.

    Raises:
        LabelError: unknown scheme, no label, an empty or repeated one, or `tags` that
            do not belong to `labels`.
        TypeError: `labels` or `tags` is a set, whose order is another in each process,
            or a string.

    Example:
        >>> LabelSet(["PER", "LOC"]).tags
        ('O', 'B-PER', 'I-PER', 'B-LOC', 'I-LOC')
    """

    def __init__(
        self,
        labels: Sequence[str],
        *,
        scheme: str = "IOB2",
        tags: Sequence[str] | None = None,
    ) -> None:
        if isinstance(labels, UNORDERED) or isinstance(tags, UNORDERED):
            raise TypeError("labels and tags need an order: give a list")
        self.labels = tuple(labels)
        self.scheme = find_scheme(scheme)
        if not self.labels or not all(self.labels):
            raise LabelError(
                "a label set needs at least one label, none empty. "
                f"Received: {listed(map(repr, self.labels)) or 'none'}"
            )
        if len(set(self.labels)) != len(self.labels):
            raise LabelError(f"labels repeat. Received: {listed(self.labels)}")
        if tags is None:
            prefixes = self.scheme.prefixes
            tags = [OUTSIDE, *(f"{p}-{name}" for name in self.labels for p in prefixes)]
        self.tags = tuple(tags)
        if len(set(self.tags)) != len(self.tags):
            raise LabelError(f"tags repeat. Received: {listed(self.tags)}")
        known = {*self.labels}
        strangers = [
            tag
            for tag in self.tags
            if tag != OUTSIDE and not (is_tag(tag) and split_tag(tag)[1] in known)
        ]
        if strangers or OUTSIDE not in self.tags:
            raise LabelError(
                "tags must be O and prefix-label pairs of the labels. "
                f"Received: {listed(strangers or self.tags)} with {listed(self.labels)}"
            )

    @classmethod
    def from_tags(cls, tags: Sequence[str], *, scheme: str | None = None) -> LabelSet:
        """The label set whose ids are the positions of `tags`.

        The scheme, if not given, is the first of `possible_schemes`.
        """
        names = [split_tag(tag)[1] for tag in tags if tag != OUTSIDE]
        if scheme is None:
            scheme = possible_schemes(tags)[0].name
        return cls(list(dict.fromkeys(names)), scheme=scheme, tags=tags)

    @cached_property
    def label2id(self) -> dict[str, int]:
        """Tag -> id, the name that Hugging Face configs use."""
        return {tag: number for number, tag in enumerate(self.tags)}

    @cached_property
    def id2label(self) -> dict[int, str]:
        """Id -> tag, the name that Hugging Face configs use."""
        return dict(enumerate(self.tags))

    @cached_property
    def transitions(self) -> list[list[bool]]:
        """Allowed transitions (T, T): True where the column may follow the row."""
        return [[self.scheme.allows(a, b) for b in self.tags] for a in self.tags]

    @property
    def outside_id(self) -> int:
        """Id of O."""
        return self.label2id[OUTSIDE]

    def encode(self, spans: Iterable[Span], length: int) -> list[int]:
        """Write spans as one tag id a word.

        Args:
            spans: in any order, without overlap.
            length: number of words.

        Raises:
            LabelError: a label is not in the set, or spans overlap.
        """
        tags = encode_spans(spans, length, self.scheme)
        strangers = sorted({t for t in tags if t not in self.label2id})
        if strangers:
            raise LabelError(
                f"labels unknown to the model: {listed(strangers)}. "
                f"Known: {listed(self.labels)}."
            )
        return [self.label2id[tag] for tag in tags]

    def decode(self, ids: Sequence[int]) -> list[Span]:
        """Spans of a sequence of tag ids."""
        return decode_tags([self.tags[i] for i in ids])

    def to_json(self) -> dict[str, Any]:
        """The content of `labels.json`."""
        return {
            "labels": list(self.labels),
            "scheme": self.scheme.name,
            "tags": list(self.tags),
            "digest": self.digest,
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> LabelSet:
        """The label set of a `labels.json`.

        Raises:
            LabelError: the digest does not fit the tags, or the record is not one.
        """
        found = read_label_record(record)
        labels = cls(found.labels, scheme=found.scheme, tags=found.tags)
        if found.digest not in (None, labels.digest):
            raise LabelError(
                "labels.json was changed: its digest is "
                f"{shorten(found.digest)}, that of its tags {labels.digest}. "
                "Restore the file that was saved with the model."
            )
        return labels

    @cached_property
    def digest(self) -> str:
        """SHA-256 of scheme and ordered tags: equal digests mean equal ids."""
        content = json.dumps([self.scheme.name, self.tags], ensure_ascii=False)
        return hashlib.sha256(content.encode()).hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LabelSet) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"LabelSet({list(self.labels)}, scheme={self.scheme.name!r})"
