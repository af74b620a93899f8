"""The strict reading of tags: only what a scheme writes correctly counts.

seqeval's `mode="strict"` decides step by step, from the prefixes of two neighbouring
tags and whether their labels agree, where an entity starts, goes on, and ends; one that
starts but does not end correctly is dropped. The tables below are those decisions, its
peculiarities included, so that figures can be compared with published ones:

    IOB1   `I-PER B-LOC`: the second tag starts nothing, as B needs its own label before
    IOE1   an entity of one word that is written E right after O is dropped

It serves this one figure. Everything else reads tags with `tfner.schemes.decode_tags`.

Source: seqeval 1.2.2, seqeval/scheme.py (patterns of Token's subclasses, Tokens).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import NamedTuple

from tfner.schemes import OUTSIDE, Scheme, Span, split_tag

PREFIXES = "OBIELSU"

# By scheme: starts, goes on, ends. "OI" is the step from O to I whatever the labels;
# "=" asks for equal labels, "!" for different ones; "*" is any prefix.
_STEPS = {
    "IOB1": ("OI II! BI IB= BB=", "BI= II=", "II! IO IB BO BI! BB="),
    "IOE1": ("OI II! EI EE=", "II= IE=", "II! IO IE! EI= EE="),
    "IOB2": ("*B", "BI= II=", "IO II! IB BO BI! BB"),
    "IOE2": ("OI OE EI EE II! IE!", "IE= II=", "E*"),
    "BIOES": ("*B *S", "BI= BE= II= IE=", "S* E*"),
    "BILOU": ("*B *U", "BI= BL= II= IL=", "U* L*"),
}

Steps = frozenset[tuple[str, str, bool]]


class _Automaton(NamedTuple):
    starts: Steps
    goes_on: Steps
    ends: Steps


def _expand(patterns: str) -> Steps:
    steps = set()
    for pattern in patterns.split():
        befores = PREFIXES if pattern[0] == "*" else pattern[0]
        nows = PREFIXES if pattern[1] == "*" else pattern[1]
        sames = {"=": (True,), "!": (False,)}.get(pattern[2:], (True, False))
        steps |= {(b, n, same) for b in befores for n in nows for same in sames}
    return frozenset(steps)


@cache
def _automaton(name: str) -> _Automaton:
    return _Automaton(*map(_expand, _STEPS[name]))


def decode_strict(tags: Sequence[str], scheme: Scheme) -> list[Span]:
    """Read the spans that `scheme` writes correctly; foreign tags open and end nothing.

    Example:
        >>> from tfner.schemes import find_scheme
        >>> decode_strict(["B-PER", "I-LOC", "O"], find_scheme("IOB2"))
        [Span(start=0, end=1, label='PER')]
    """
    automaton = _automaton(scheme.name)
    read = [split_tag(tag) for tag in (OUTSIDE, *tags, OUTSIDE)]
    steps = [
        (before, now, label_before == label)
        for (before, label_before), (now, label) in pairwise(read)
    ]
    spans: list[Span] = []
    position = 0
    while position < len(tags):
        start = position
        position += 1
        if steps[start] not in automaton.starts:
            continue
        while steps[position] in automaton.goes_on:
            position += 1
        if steps[position] in automaton.ends:
            spans.append(Span(start, position, read[start + 1][1]))
    return spans
