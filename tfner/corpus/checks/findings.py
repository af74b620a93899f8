"""Findings of `tfner corpus check`, and the report that collects those of a file."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from tfner.corpus.joining import text_key
from tfner.errors import CorpusError, StorageError

SEVERITIES = ("error", "warning", "note")
"""error: tfner cannot read the file. warning: it reads it, as the finding says, but the
corpus is probably wrong. note: unusual, and read as it should be."""

UNUSUAL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\ufeff]")

Location = tuple[str, int | None]
"""A file, and the line in it, or None for the file as a whole."""


@dataclass(frozen=True)
class Finding:
    """One problem or oddity in a file.

    Args:
        path: the file.
        line: 1-based line, or None for the file as a whole.
        severity: one of `SEVERITIES`.
        kind: stable name, such as `invalid-transition`.
        message: what was found, and what it means or what to do.
    """

    path: str
    line: int | None
    severity: str
    kind: str
    message: str

    def __str__(self) -> str:
        return (
            f"{show_location((self.path, self.line))}: {self.severity}: {self.message}"
        )

    def to_json(self) -> dict[str, Any]:
        """The finding as a JSON object."""
        return asdict(self)


@dataclass
class FileReport:
    """The findings in one corpus, and what is needed to compare it with others.

    Args:
        path: a file, or a directory of files.
        format: a key of `FORMATS`.
        scheme: scheme of the tags, once it is known.
        documents: how many were read.
        findings: in the order in which they were found.
        texts: location of the first document with a text, by the text's hash.
        labels: location at which each label occurs first.
        repeated: how often each text occurs again, by the text's hash.
        reading: the file being read: `path`, or one in the directory.
    """

    path: str
    format: str
    scheme: str | None = None
    documents: int = 0
    findings: list[Finding] = field(default_factory=list)
    texts: dict[int, Location] = field(default_factory=dict)
    labels: dict[str, Location] = field(default_factory=dict)
    repeated: Counter[int] = field(default_factory=Counter)
    reading: str = ""

    def __post_init__(self) -> None:
        self.reading = self.reading or self.path

    def add(
        self,
        line: int | None,
        severity: str,
        kind: str,
        message: str,
        *,
        path: str | None = None,
    ) -> None:
        """Add one finding.

        Args:
            line: 1-based line, or None for the file as a whole.
            severity: one of `SEVERITIES`.
            kind: stable name, such as `invalid-transition`.
            message: what was found, and what it means or what to do.
            path: the file; the one being read if None.
        """
        finding = Finding(path or self.reading, line, severity, kind, message)
        self.findings.append(finding)

    def add_error(self, error: CorpusError | StorageError) -> None:
        """Add the error that stops the corpus from being read."""
        path = self.reading if error.path is None else str(error.path)
        line = getattr(error, "line", None)
        place = f"{path}:" + (f"{line}:" if line else "")
        message = str(error).removeprefix(f"{place} ")
        self.add(line, "error", "unreadable", message, path=path)

    def check_characters(self, line: int | None, text: str) -> None:
        """Report control characters and other invisible ones."""
        characters = sorted({f"U+{ord(c):04X}" for c in UNUSUAL.findall(text)})
        if characters:
            what = "the whole token is" if len(text) == 1 else "holds"
            message = f"{what} {', '.join(characters)}"
            self.add(line, "note", "unusual-character", message)

    def see(self, text: str, labels: Iterable[str], line: int | None) -> None:
        """Count one document and remember its text and labels.

        Args:
            text: two documents of equal text, white space aside, are repetitions.
            labels: those that occur in it.
            line: 1-based line of the document, if it has one.
        """
        self.documents += 1
        location = (self.reading, line)
        key = hash(text_key(text))
        if key in self.texts:
            self.repeated[key] += 1
        self.texts.setdefault(key, location)
        for label in labels:
            self.labels.setdefault(label, location)


def show_location(location: Location) -> str:
    """A location as messages name it.

    Example:
        >>> show_location(("train.bio", 3))
        'train.bio:3'
    """
    path, line = location
    return path if line is None else f"{path}:{line}"


def count_severities(findings: Iterable[Finding]) -> dict[str, int]:
    """The number of findings of each severity, also of those without any."""
    counts = Counter(finding.severity for finding in findings)
    return {severity: counts[severity] for severity in SEVERITIES}
