"""Messages: the rule, what was received, where, and what to do."""

from __future__ import annotations

import pytest
import tensorflow as tf

from tfner import errors


def test_everything_a_user_can_cause_is_one_kind_of_error() -> None:
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, Exception)
    ]
    assert len(kinds) == 11
    assert all(issubclass(kind, errors.TfnerError) for kind in kinds)


@pytest.mark.parametrize(
    ("path", "line", "message"),
    [
        ("train.conll", 7, "train.conll:7: expected 2 columns"),
        ("train.conll", None, "train.conll: expected 2 columns"),
        (None, None, "expected 2 columns"),
    ],
)
def test_a_corpus_error_starts_with_its_place(
    path: str | None, line: int | None, message: str
) -> None:
    error = errors.CorpusError("expected 2 columns", path=path, line=line)
    assert str(error) == message
    assert (error.path, error.line) == (path, line)


def test_an_unknown_name_lists_the_known_and_the_nearest() -> None:
    message = errors.unknown("format", "conl", ["jsonl", "conll"])
    assert (
        message == "unknown format 'conl'; did you mean 'conll'? Known: conll, jsonl."
    )
    assert "did you mean" not in errors.unknown("format", "zzz", ["jsonl", "conll"])


def test_problems_are_reported_together_the_first_twenty_with_the_total() -> None:
    assert errors.joined(["only one"]) == "only one"
    message = errors.joined([f"line {n}" for n in range(1, 31)])
    lines = message.splitlines()
    assert lines[0] == "30 problems:"
    assert lines[1] == "  line 1"
    assert lines[20:] == ["  line 20", "  … and 10 more"]
    assert errors.joined(["a", "b"], what="settings") == "2 settings:\n  a\n  b"


@pytest.mark.parametrize("length", [0, 39, 40, 41, 1000])
def test_user_text_is_quoted_and_never_longer_than_forty_characters(
    length: int,
) -> None:
    shown = errors.shorten("x" * length)
    assert len(shown) == min(length, 40) + 2
    assert ("…" in shown) == (length > 40)


def exhausted(message: str) -> Exception:
    return tf.errors.ResourceExhaustedError(None, None, message)


def raised_from(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "lacks"),
    [
        (MemoryError(), True),
        (OSError(12, "Cannot allocate memory"), True),
        (RuntimeError("OOM when allocating tensor with shape[2,3]"), True),
        (RuntimeError("Out of memory while trying to allocate 9 bytes."), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("Failed to allocate memory for requested buffer"), True),
        (RuntimeError("Attempting to allocate 2G. That was not possible."), True),
        (ImportError("libx.so: failed to map segment from shared object"), True),
        (raised_from(errors.BundleError("damaged"), MemoryError()), True),
        (raised_from(errors.BundleError("damaged"), ValueError("/OOM/x")), False),
        (raised_from(errors.ServingError("no"), RuntimeError("OOM when")), False),
        (errors.CorpusError("the label OOM is unknown"), False),
        (exhausted("OOM"), True),
        (exhausted("/disk/variables; No space left on device"), False),
        (OSError(28, "No space left on device"), False),
    ],
)
def test_lacking_memory_is_told_from_other_causes(
    error: Exception, lacks: bool
) -> None:
    assert errors.lacks_memory(error) is lacks
