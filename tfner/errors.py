"""The errors a user can cause, and how their messages are put together.

    TfnerError
    ├── ConfigError        settings that contradict each other or do not exist
    ├── StorageError       a file or directory that cannot be read or written (path)
    ├── CorpusError        a file whose content is no corpus (path, line)
    ├── LabelError         labels or tags that do not fit the model or scheme
    ├── TokenizerError     a tokenizer directory that cannot be used
    ├── CheckpointError    encoder weights that are missing or do not fit
    ├── BundleError        a model directory that is damaged or not one
    ├── TrainingError      a run that cannot go on (NaN loss, nothing to learn)
    ├── ExportError        a SavedModel that may not be published
    └── ServingError       a server that does not answer as it should

A message says the rule that was broken, what was received, where, and what to do.
Wrong arguments in Python stay `ValueError` and `TypeError`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

SHOWN_PROBLEMS = 20
SHOWN_CHARACTERS, SHOWN_NAME = 40, 200
LACKS_MEMORY = re.compile(
    r"MemoryError|OOM when|out of memory|not enough memory|bad.alloc|"
    r"(cannot|can't|could not|unable to|failed to|attempting to) allocate|"
    r"failed to map segment|can't start new|cannot create thread|"
    # Of TensorFlow, to which a disk or a table of files that is full is exhausted, too.
    r"ResourceExhaustedError(?!.*(No space left|quota|Too many open files))",
    re.IGNORECASE | re.DOTALL,
)
"""What Python and libraries say where no memory is left, each in its own way."""


class TfnerError(Exception):
    """Base of everything tfner raises for something a user can put right."""


class ConfigError(TfnerError):
    """Settings that contradict each other, are out of range, or do not exist."""


class StorageError(TfnerError):
    """A file or directory, here or remote, that cannot be read, written or replaced.

    Args:
        message: what failed and why, and what to do.
        path: the file or directory.
    """

    def __init__(self, message: str, *, path: object = None) -> None:
        self.message, self.path = message, path
        super().__init__(message if path is None else f"{path}: {message}")


class CorpusError(TfnerError):
    """A file that cannot be read as the corpus it is said to be.

    Args:
        message: the rule broken, what was received, what to do.
        path: the file, if there is one.
        line: 1-based line in the file, if one is to blame.
    """

    def __init__(
        self, message: str, *, path: object = None, line: int | None = None
    ) -> None:
        self.path, self.line = path, line
        place = "" if path is None else f"{path}:" + (f"{line}:" if line else "")
        super().__init__(f"{place} {message}" if place else message)


class LabelError(TfnerError):
    """Labels or tags that do not fit the label set or its scheme."""


class TokenizerError(TfnerError):
    """A tokenizer directory that is missing, damaged, or does not fit the encoder."""


class CheckpointError(TfnerError):
    """Encoder weights that are missing, damaged, or of the wrong shape."""


class BundleError(TfnerError):
    """A model directory that is damaged, of another version, or not a model."""


class TrainingError(TfnerError):
    """A training run that cannot start or cannot go on."""


class ExportError(TfnerError):
    """A SavedModel that could not be written or does not equal its model."""


class ServingError(TfnerError):
    """A model server that cannot be reached or answers with something else."""


def lacks_memory(error: BaseException | None) -> bool:
    """Tell whether an error, or one that it was raised from, says that memory ran out.

    A file that cannot be read for want of memory is not damaged, whatever its reader
    takes the error for. The memory of a server is not ours.

    Example:
        >>> lacks_memory(RuntimeError("std::bad_alloc"))
        True
        >>> lacks_memory(ConfigError("MemoryError, as the user wrote it"))
        False
    """
    while error is not None and not isinstance(error, ServingError):
        said = f"{type(error).__name__}: {error}"
        if not isinstance(error, TfnerError) and LACKS_MEMORY.search(said):
            return True
        error = error.__cause__
    return False


def shorten(text: str) -> str:
    """At most 40 characters of user text, quoted, for a message.

    Example:
        >>> shorten("a" * 50)
        "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…'"
    """
    if len(text) > SHOWN_CHARACTERS:
        text = text[: SHOWN_CHARACTERS - 1] + "…"
    return repr(text)


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun.

    Args:
        number: decides between singular and plural.
        noun: in the singular.
        plural: the noun with an s if not given.

    Example:
        >>> counted(1, "tag"), counted(1200, "entity", "entities")
        ('1 tag', '1,200 entities')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def listed(names: Iterable[str]) -> str:
    """Names for a message, of many the first ones and how many there are besides.

    Example:
        >>> listed(["PER", "LOC"])
        'PER, LOC'
        >>> listed(map(str, range(1000)))[-19:]
        '18, 19 and 980 more'
    """
    names = list(names)
    more = len(names) - SHOWN_PROBLEMS
    shown = ", ".join(name[:SHOWN_NAME] for name in names[:SHOWN_PROBLEMS])
    return f"{shown} and {more:,} more" if more > 0 else shown


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """One sentence for a name that does not exist: the nearest and the known ones.

    Many known ones are left out where one is near.

    Args:
        kind: of the names, such as "format".
        name: the one that does not exist.
        known: those that do.

    Example:
        >>> unknown("format", "conl", ["conll", "jsonl"])
        "unknown format 'conl'; did you mean 'conll'? Known: conll, jsonl."
        >>> unknown("format", "word", ["conll", "jsonl"])
        "unknown format 'word'. Known: conll, jsonl."
    """
    names = sorted(known)
    near = nearest(name, names)
    hint = f"; did you mean {near!r}?" if near else "."
    if near and len(names) > SHOWN_PROBLEMS:
        return f"unknown {kind} {name!r}{hint}"
    return f"unknown {kind} {name!r}{hint} Known: {listed(names)}."


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that a misspelt one is most like; None if none is like it.

    Example:
        >>> nearest("conl", ["conll", "jsonl"])
        'conll'
    """
    return next(iter(difflib.get_close_matches(name, sorted(known), n=1)), None)


def joined(problems: Sequence[str], *, what: str = "problems") -> str:
    """Join problems to one message: a single one alone, else a list with the total."""
    if len(problems) == 1:
        return problems[0]
    shown = [f"  {problem}" for problem in problems[:SHOWN_PROBLEMS]]
    if len(problems) > SHOWN_PROBLEMS:
        shown.append(f"  … and {len(problems) - SHOWN_PROBLEMS} more")
    return "\n".join([f"{len(problems)} {what}:", *shown])
