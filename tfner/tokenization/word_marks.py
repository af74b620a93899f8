"""The mark of a word's start in definitions of the `tokenizers` library.

Byte-level BPE marks words by a space, SentencePiece by `▁`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

# Fed for `▁`, which SentencePiece's normalisation takes for a space and may then lose.
STAND_IN = "\ufdd0"

Definition = dict[str, Any]


def without_mark(definition: Definition) -> tuple[Definition, str, str]:
    """Take the mark of a word's start out of a definition.

    Returns:
        A changed copy; the mark to feed, `""` for a pipeline that has none; and the
        piece of a mark alone.
    """
    marks: list[str] = []
    normalizer = _unmark(definition.get("normalizer"), marks)
    bare = {
        **definition,
        "normalizer": normalizer,
        "pre_tokenizer": _unmark(definition.get("pre_tokenizer"), marks),
        # Special pieces are added elsewhere; this step could only move offsets.
        "post_processor": None,
    }
    if not marks:
        return bare, "", ""
    if marks[0] == " ":
        return bare, " ", "Ġ"  # byte-level vocabularies spell a space so
    restore = {
        "type": "Replace",
        "pattern": {"Regex": f"{STAND_IN}[ {marks[0]}]*"},
        "content": marks[0],
    }
    steps = [step for step in (normalizer, restore) if step is not None]
    bare["normalizer"] = {"type": "Sequence", "normalizers": steps}
    return bare, STAND_IN, marks[0]


def _unmark(part: Mapping[str, Any] | None, marks: list[str]) -> dict[str, Any] | None:
    if part is None:
        return None
    kind, changed = part["type"], dict(part)
    if kind == "Sequence":
        steps = "normalizers" if "normalizers" in part else "pretokenizers"
        kept = [_unmark(step, marks) for step in part[steps]]
        changed[steps] = [step for step in kept if step is not None]
    elif kind == "Prepend":
        marks.append(part["prepend"])
        return None
    elif kind == "Metaspace":
        marks.append(part["replacement"])
        changed.pop("add_prefix_space", None)  # as older files say it
        changed["prepend_scheme"] = "never"
    elif kind == "ByteLevel" and "add_prefix_space" in part:
        marks.append(" ")
        changed["add_prefix_space"] = False
    return changed


def marks_start(definition: Definition) -> bool:
    """Tell whether a pipeline marks the first word of a text; ModernBERT's does not."""
    return mark_scheme(definition) != "never"


def mark_scheme(definition: Definition) -> str:
    """Tell where a pipeline marks words that follow no space.

    Args:
        definition: the content of a `tokenizer.json`.

    Returns:
        `always`, `first` (at the start of a text) or `never`.
    """
    steps = [*_steps(definition.get("normalizer"))]
    steps += _steps(definition.get("pre_tokenizer"))
    for step in steps:
        if step["type"] in ("Metaspace", "ByteLevel"):
            marks = step.get("add_prefix_space", True)
            return str(step.get("prepend_scheme", "always")) if marks else "never"
    return "always"


def _steps(part: Mapping[str, Any] | None) -> Iterator[Mapping[str, Any]]:
    if part is None:
        return
    yield part
    for step in (*part.get("normalizers", ()), *part.get("pretokenizers", ())):
        yield from _steps(step)
