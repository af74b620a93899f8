"""Files of tokenizers that anybody may have written, checked before they are used.

The `tokenizers` library believes what a `tokenizer.json` says: it counts up to the
largest id, and its normalizers may make a book of a letter.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from tfner.errors import StorageError, TfnerError, TokenizerError, joined, shorten
from tfner.storage.schema import Range, check_values
from tfner.tokenization.word_marks import Definition

MOST_PIECES = 1 << 22
MOST_STEPS = 64
"""Normalizers, or other steps, of one pipeline."""
MOST_GROWTH = 1 << 12
"""Times that the steps of a normalizer may lengthen a text, one upon the other."""

Id = Annotated[int, Range(0, (1 << 24) - 1)]
Token = str | dict[str, Any]

CONFIG_KEYS: dict[str, Any] = {
    "model_type": str,
    "tokenizer_class": str,
    "do_lower_case": bool,
    "strip_accents": bool,
    "tokenize_chinese_chars": bool,
    "split_by_punct": bool,
    "do_word_tokenize": bool,
    "do_subword_tokenize": bool,
    "word_tokenizer_type": str,
    "subword_tokenizer_type": str,
    "mecab_kwargs": dict[str, Any],
    "never_split": list[str],
    "added_tokens_decoder": dict[str, dict[str, Any]],
    "extra_special_tokens": list[Token] | dict[str, Any],
    "additional_special_tokens": list[Token] | dict[str, Any],
    **{
        f"{role}_token": Token
        for role in ("cls", "sep", "pad", "unk", "mask", "bos", "eos")
    },
}
"""Of the keys of a `tokenizer_config.json` and its like, where they are not null."""
MECAB_SETTINGS: dict[str, Any] = {
    "mecab_dic": str | None,
    "mecab_option": str | None,
    "normalize_text": bool,
}
ADDED_KEYS: dict[str, Any] = {"id": Id, "content": str}
FLAGS = ("lstrip", "rstrip", "single_word", "normalized", "special")


@dataclass(frozen=True)
class SettingsRecord:
    """The content of a `tokenizer_settings.json` of any version."""

    kind: str
    splitter: str
    lower_case: bool
    notes: list[str]
    prefix_ids: list[Id] | None = None
    suffix_ids: list[Id] | None = None
    pad_id: Id | None = None
    marks_start: bool = True
    added: list[str] | None = None
    mecab_kwargs: dict[str, Any] | None = None


@contextlib.contextmanager
def reading_tokenizer(place: object) -> Iterator[None]:
    """Put whatever is raised within about a tokenizer's files into one sentence.

    The library in Rust may panic, which Python takes for no ordinary error.

    Raises:
        TokenizerError: instead of anything but tfner's own errors.
    """
    try:
        yield
    except (TfnerError, OSError, ImportError, MemoryError):
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != PANIC:
            raise
        raise TokenizerError(
            f"{place}: the files of the tokenizer are damaged, or not of one and the "
            f"same ({type(error).__name__}: {shorten(str(error))}). Fetch them again."
        ) from error


PANIC = "PanicException"
"""Of a program in Rust; its class cannot be imported."""


def check_keys(
    record: Mapping[str, Any], hints: Mapping[str, Any], place: Path
) -> None:
    """Check the known keys of a file that may hold others; null stands for none.

    Args:
        record: content of the file.
        hints: the type of each known key, as a field of a schema has it.
        place: of the file, for messages.

    Raises:
        StorageError: names all that is wrong with them.
    """
    given = {key: value for key, value in record.items() if value is not None}
    problems = check_values(given, hints)
    if problems:
        raise StorageError(joined(problems), path=place)


def check_definition(definition: Definition, place: Path) -> None:
    """Check the content of a `tokenizer.json`.

    Args:
        definition: the content.
        place: of the file, for messages.

    Raises:
        TokenizerError: it holds no pieces or too many, or asks for ids, steps or growth
            beyond all measure.
    """
    problems = _vocabulary_problems(definition)
    problems += [
        f"`added_tokens`: {problem}"
        for token in _tokens(definition)
        for problem in (
            check_values(token, {**ADDED_KEYS, **dict.fromkeys(FLAGS, bool)})
            if isinstance(token, dict) and {"id", "content"} <= token.keys()
            else ["an entry lacks `id` or `content`"]
        )
    ]
    for part in ("normalizer", "pre_tokenizer", "post_processor"):
        problems += _step_problems(part, definition.get(part))
    if problems:
        raise TokenizerError(f"{place}: {joined(problems)}")


def check_ids(ids: Sequence[Any], place: Path) -> None:
    """Check the ids of the pieces around a sequence, which a post-processor names.

    Raises:
        TokenizerError: they are none.
    """
    problems = check_values({"ids": list(ids)}, {"ids": list[Id]})
    if problems:
        raise TokenizerError(
            f"{place}: the pieces around a sequence have no ids: {joined(problems)}"
        )


def _tokens(definition: Definition) -> list[Any]:
    added = definition.get("added_tokens")
    return added if isinstance(added, list) else [] if added is None else [added]


def _vocabulary_problems(definition: Definition) -> list[str]:
    model = definition.get("model")
    model = model if isinstance(model, dict) else {}
    vocab, kind = model.get("vocab"), model.get("type", "")
    if not isinstance(vocab, dict | list) or not isinstance(kind, str):
        return ["damaged; it holds no model with a vocabulary"]
    if not vocab:
        return ["the vocabulary is empty"]
    if len(vocab) > MOST_PIECES:
        return [
            f"a vocabulary has at most {MOST_PIECES:,} pieces, this one {len(vocab):,}"
        ]
    if isinstance(vocab, dict):
        return _id_problems(vocab)
    scored = all(
        isinstance(entry, list)
        and len(entry) == 2
        and isinstance(entry[0], str)
        and isinstance(entry[1], int | float)
        for entry in vocab
    )
    return [] if scored else ["the vocabulary must hold pairs of a piece and a number"]


def _id_problems(vocab: Mapping[str, Any]) -> list[str]:
    """Ids that are none, or that no vocabulary of this size could have."""
    if not all(type(number) is int for number in vocab.values()):
        return ["the vocabulary must map pieces to integers"]
    low, high = min(vocab.values()), max(vocab.values())
    if low < 0 or high >= 1 << 24:
        return [f"ids of pieces are from 0 to 16,777,215. Received: {low} to {high}"]
    return []


def _step_problems(part: str, step: Any) -> list[str]:
    """What is wrong with the steps of a normalizer, splitter or post-processor."""
    if step is None:
        return []
    steps = list(_steps(step))
    if not all(isinstance(s, dict) and isinstance(s.get("type"), str) for s in steps):
        return [f"`{part}` must be an object with a `type`, or a sequence of such"]
    if len(steps) > MOST_STEPS:
        return [f"`{part}` has {len(steps)} steps; at most {MOST_STEPS} are run"]
    growth = 1
    for each in steps:
        content = each.get("content", each.get("prepend"))
        growth *= max(1, len(content)) if isinstance(content, str) else 1
    if growth > MOST_GROWTH:
        return [f"`{part}` may make a text {growth:,} times as long"]
    return []


def _steps(step: Any) -> Iterator[Any]:
    """A step and those within it; the reader of JSON has bounded how deep they are."""
    yield step
    if isinstance(step, dict):
        for key in ("normalizers", "pretokenizers", "processors"):
            inner = step.get(key)
            for each in inner if isinstance(inner, list) else ():
                yield from _steps(each)
