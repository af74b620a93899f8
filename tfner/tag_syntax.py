"""The spellings of tags in files, and their reading as tags of one spelling.

    B-PER  I-PER  O        what every other part of tfner knows
    PER  PER  O            labels alone (IO): adjacent words of one label are one entity
    B  I  O                letters alone: the label is the user's
    B_PER  B:PER  B/PER  PER-B  PER_B  b-PER  M-PER  W-PER      other ways to write them

The spelling of a file is decided by all of them, never by one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from tfner.errors import LabelError, shorten, unknown
from tfner.schemes import ALIASES, OUTSIDE, SCHEMES, find_scheme, is_tag

READ_ONLY = {"IO": "IOB1", "BMES": "BIOES", "BMEWO": "BIOES"}
"""Schemes that files may have, and those in which their tags are passed on."""

OTHER_OUTSIDES = ("-", "_", "0", "o")
"""Spellings of O in files that have none."""

LETTERS = {**{letter: letter for letter in "BIELSU"}, "M": "I", "W": "S"}
"""The letters of all schemes, and those as which they are read."""

LABEL = re.compile(r"[^\W\d_][\w./&+ -]*")
MOST_LABELS = 300
"""Kinds of labels that a file may have; a column with more holds something else."""

A_TAG = "a tag is O or one of B I E L S U, a hyphen and a label"


@dataclass(frozen=True)
class TagSyntax:
    """The spelling of the tags of one file.

    Attributes:
        table: each spelling, and the tag that it stands for.
        strangers: spellings that stand for none.
        about: what to tell of the spelling; None where tags are written as in tfner.
        problem: what to say where nothing can be made of the tags as a whole.
        is_io: they are labels alone.
    """

    table: Mapping[str, str] = field(default_factory=dict)
    strangers: tuple[str, ...] = ()
    about: str | None = None
    problem: str | None = None
    is_io: bool = False

    def canonical(self, spelling: str) -> str:
        """The tag that a spelling stands for.

        Raises:
            ValueError: it stands for none.
        """
        tag = self.table.get(spelling)
        if tag is None:
            raise ValueError(f"{shorten(spelling)} is not a tag; {A_TAG}")
        return tag


def find_reading_scheme(name: str) -> str:
    """The name of a scheme that files may have, given in any case or by an alias.

    Raises:
        LabelError: no scheme has this name; the known ones are listed.
    """
    if name.upper() in READ_ONLY:
        return name.upper()
    try:
        return find_scheme(name).name
    except LabelError:
        known = [*SCHEMES, *ALIASES, *READ_ONLY]
        raise LabelError(unknown("tag scheme", name, known)) from None


def find_syntax(
    tags: Counter[str], *, scheme: str | None = None, label: str | None = None
) -> TagSyntax:
    """Find how tags are spelled.

    Args:
        tags: all of a file, counted; an empty one is O.
        scheme: name of the scheme, if it is known, also IO, BMES or BMEWO.
        label: of tags that are a letter alone.

    Example:
        >>> find_syntax(Counter(["PER-B", "PER-I", "-"])).canonical("PER-B")
        'B-PER'
    """
    outside = _outside(tags)
    marked = Counter({tag: n for tag, n in tags.items() if tag not in outside})
    if scheme == "IO" and not all(tag.startswith("I-") for tag in marked):
        return _labels_alone(marked, outside)
    if all(map(is_tag, marked)):
        return _syntax(marked, outside, {tag: tag for tag in marked}, None)
    if all(tag.upper() in LETTERS for tag in marked):
        return _letters_alone(marked, outside, label)
    form = _best_form(marked)
    if form is not None:
        example = next(t for t, tag in form.items() if t != tag or t == [*form][-1])
        about = f"tags such as {example}, read as {form[example]}"
        return _syntax(marked, outside, form, about)
    if any(map(is_tag, marked)):
        sound = {tag: tag for tag in marked if is_tag(tag)}
        return _syntax(marked, outside, sound, None)
    if scheme is None and _are_labels(marked, tags, outside):
        return _labels_alone(marked, outside)
    return TagSyntax(strangers=tuple(marked), problem=_no_tags(marked))


def _outside(tags: Iterable[str]) -> set[str]:
    """The spellings of O: those unlike O only where no O is."""
    present = set(tags)
    if OUTSIDE in present or present <= {"", *OTHER_OUTSIDES}:
        return {"", OUTSIDE} & present
    return {"", *OTHER_OUTSIDES} & present


def _syntax(
    marked: Iterable[str],
    outside: Iterable[str],
    form: Mapping[str, str],
    about: str | None,
) -> TagSyntax:
    table = {**dict.fromkeys(outside, OUTSIDE), **form}
    other = sorted(set(outside) - {"", OUTSIDE})
    if other:
        said = " and ".join(map(repr, other))
        about = f"{about}; " if about else "tags with "
        about += f"{said} for O"
    strangers = tuple(tag for tag in marked if tag not in form)
    return TagSyntax(table, strangers, about)


def _labels_alone(marked: Iterable[str], outside: Iterable[str]) -> TagSyntax:
    names = sorted(marked)
    shown = ", ".join(names[:10]) + (", …" if len(names) > 10 else "")
    about = f"labels without prefix, adjacent words of one being one entity: {shown}"
    syntax = _syntax(names, outside, {name: f"I-{name}" for name in names}, about)
    return replace(syntax, is_io=True)


def _letters_alone(
    marked: Mapping[str, int], outside: Iterable[str], label: str | None
) -> TagSyntax:
    if label is None:
        letters = ", ".join(sorted(marked))
        problem = f"tags without a label: {letters}. Name that of all: --label NAME"
        return TagSyntax(strangers=tuple(marked), problem=problem)
    form = {tag: f"{LETTERS[tag.upper()]}-{label}" for tag in marked}
    return _syntax(marked, outside, form, f"letters alone, all of the label {label}")


def _best_form(marked: Mapping[str, int]) -> dict[str, str] | None:
    """The form of letter and label that most tags have; None if fewer than half.

    The usual one, a letter, hyphen and label, wins where it explains as many.
    """
    forms = [_form(marked, s, first) for first in (True, False) for s in "-_:/."]
    best = max(forms, key=lambda form: sum(marked[tag] for tag in form))
    if 2 * sum(marked[tag] for tag in best) < sum(marked.values()):
        return None
    return best if any(tag != read for tag, read in best.items()) else None


def _form(marked: Iterable[str], separator: str, first: bool) -> dict[str, str]:
    """The tags that have a letter before or after their label."""
    parts = {}
    for tag in marked:
        left, middle, right = (
            tag.partition(separator) if first else tag.rpartition(separator)
        )
        letter, label = (left, right) if first else (right, left)
        if middle and label and len(letter) == 1 and letter.upper() in LETTERS:
            parts[tag] = (letter.upper(), label)
    letters = {letter for letter, _ in parts.values()}
    if "I" in letters or letters & {"L", "U"}:  # then M and W are no letters of these
        parts = {tag: part for tag, part in parts.items() if part[0] not in "MW"}
        letters -= {"M", "W"}
    if not (first and separator == "-") and not letters & {"B", "I"}:
        return {}
    return {tag: f"{LETTERS[letter]}-{label}" for tag, (letter, label) in parts.items()}


def _are_labels(
    marked: Mapping[str, int], tags: Counter[str], outside: Iterable[str]
) -> bool:
    """Whether a column with O or its like holds labels, and nothing else."""
    others = sum(tags[tag] for tag in outside if tag)  # an empty cell says nothing
    if not others or len(marked) > MOST_LABELS:
        return False
    if 2 * len(marked) > tags.total() > MOST_LABELS:
        return False
    # A dash or underscore also stands for "nothing here" in columns of anything else.
    usual = OUTSIDE in outside or others >= max(marked.values(), default=0)
    return usual and all(LABEL.fullmatch(tag) for tag in marked)


def _no_tags(marked: Iterable[str]) -> str:
    names = sorted(marked)
    shown = ", ".join(shorten(name) for name in names[:3])
    shown += f" and {len(names) - 3} others" if len(names) > 3 else ""
    remedy = "Labels without prefix are read with --from-scheme IO"
    return f"no tags: {shown}; {A_TAG}. {remedy}"
