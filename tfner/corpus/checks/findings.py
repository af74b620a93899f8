"""Findings of `tfner corpus check`, and the report that collects those of a file."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tfner.corpus.joining import text_key
from tfner.errors import CorpusError, StorageError

SEVERITIES = ("error", "warning", "note")
"""error: tfner cannot read the file. warning: it reads it, as the finding says, but the
corpus is probably wrong. note: unusual, and read as it should be."""

UNUSUAL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\ufeff]")

Location = tuple[str, int | None]
"""A file, and the line in it, or None for the file as a whole."""


class Finding(NamedTuple):
    """One problem or oddity in a file.

    Attributes:
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
        return self._asdict()


@dataclass
class FileReport:
    """The findings in one corpus, and what is needed to compare it with others.

    Args:
        path: a file, or a directory of files.
        format: a key of `FORMATS`.
        scheme: scheme of the tags, once it is known.
        keep: number of findings of each kind that are kept; None keeps all.
        documents: how many were read.
        findings: in the order in which they were found.
        severities: number of all findings, kept or not, of each severity.
        kinds: number of all findings of each kind.
        texts: location of the first document with a text, by the text's hash.
        labels: location at which each label occurs first.
        repeated: number of documents whose text an earlier one has.
        nested: number of entities inside or across others.
        reading: the file being read: `path`, or one in the directory.
    """

    path: str
    format: str
    scheme: str | None = None
    keep: int | None = None
    documents: int = 0
    findings: list[Finding] = field(default_factory=list)
    severities: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    texts: dict[int, Location | int] = field(default_factory=dict)
    labels: dict[str, Location] = field(default_factory=dict)
    repeated: int = 0
    nested: int = 0
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
        self.severities[severity] += 1
        self.kinds[kind] += 1
        if self.keep is None or self.kinds[kind] <= self.keep:
            finding = Finding(path or self.reading, line, severity, kind, message)
            self.findings.append(finding)

    def left_out(self) -> dict[str, int]:
        """The number of findings of each kind that are counted and not kept."""
        kept = Counter(finding.kind for finding in self.findings)
        return {
            kind: n - kept[kind] for kind, n in self.kinds.items() if n > kept[kind]
        }

    def count_severities(self) -> dict[str, int]:
        """The number of findings of each severity, also of those without any."""
        return {severity: self.severities[severity] for severity in SEVERITIES}

    def add_error(self, error: CorpusError | StorageError) -> None:
        """Add the error that stops the corpus from being read."""
        path = self.reading if error.path is None else str(error.path)
        line = getattr(error, "line", None)
        place = f"{path}:" + (f"{line}:" if line else "")
        message = str(error).removeprefix(f"{place} ")
        self.add(line, "error", "unreadable", message, path=path)

    def check_characters(
        self, line: int | None, text: str, known: Container[str] = ()
    ) -> None:
        """Report control characters and other invisible ones.

        Args:
            line: 1-based line of the text, if it has one.
            text: a document or a word.
            known: characters that are reported otherwise.
        """
        if UNUSUAL.search(text) is None:
            return
        characters = sorted({c for c in UNUSUAL.findall(text) if c not in known})
        if characters:
            what = "the whole token is" if len(text) == 1 else "holds"
            message = f"{what} {', '.join(map(name_character, characters))}"
            self.add(line, "note", "unusual-character", message)

    def see(self, text: str, labels: Iterable[str], line: int | None) -> None:
        """Count one document and remember its text and labels.

        Args:
            text: two documents of equal text, white space aside, are repetitions.
            labels: those that occur in it.
            line: 1-based line of the document, if it has one.
        """
        self.documents += 1
        key = hash(text_key(text))
        if key in self.texts:
            self.repeated += 1
        else:
            self.texts[key] = self.pack(line)
        for label in labels:
            self.labels.setdefault(label, (self.reading, line))

    def pack(self, line: int | None) -> Location | int:
        """A location in the file being read: its line alone where that says enough.

        There may be millions, and a tuple takes three times the memory.
        """
        if line is not None and self.reading == self.path:
            return line
        return (self.reading, line)

    def unpack(self, place: Location | int) -> Location:
        """A location of which `pack` kept the line alone."""
        return (self.path, place) if isinstance(place, int) else place


def show_location(location: Location) -> str:
    """A location as messages name it.

    Example:
        >>> show_location(("train.bio", 3))
        'train.bio:3'
    """
    path, line = location
    return path if line is None else f"{path}:{line}"


def name_character(character: str) -> str:
    """A character that nobody sees as messages name it.

    Example:
        >>> name_character(chr(0x200E))
        'U+200E LEFT-TO-RIGHT MARK'
    """
    name = unicodedata.name(character, "")
    return f"U+{ord(character):04X} {name}".rstrip()
