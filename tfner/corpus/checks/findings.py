"""What `check` finds, and how it is shown."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from tfner.corpus.joining import text_key
from tfner.errors import CorpusError

SEVERITIES = ("error", "warning", "note")
"""error: tfner cannot read the file. warning: it reads it, as the finding says, but the
corpus is probably wrong. note: unusual, and read as it should be."""

UNUSUAL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\ufeff]")


Place = tuple[str, int | None]
"""A file, and a line in it where one is to blame."""


@dataclass(frozen=True)
class Finding:
    """One thing found in a file.

    Args:
        path: the file.
        line: 1-based line, or None for the file as a whole.
        severity: one of `SEVERITIES`.
        kind: stable name, such as `invalid-transition`.
        message: what, and what it means or what to do.
    """

    path: str
    line: int | None
    severity: str
    kind: str
    message: str

    def __str__(self) -> str:
        return f"{show((self.path, self.line))}: {self.severity}: {self.message}"

    def to_json(self) -> dict[str, Any]:
        """The finding as a JSON object."""
        return asdict(self)


@dataclass
class FileReport:
    """What was found in one corpus.

    Args:
        path: a file, or a directory of files.
        format: its format.
        scheme: that of its tags, once it is known.
        texts: place of the first document with a text, by the text's hash.
        labels: where each label stands first.
        reading: the file that findings are about: `path`, or one in the directory.
    """

    path: str
    format: str
    scheme: str | None = None
    documents: int = 0
    findings: list[Finding] = field(default_factory=list)
    texts: dict[int, Place] = field(default_factory=dict)
    labels: dict[str, Place] = field(default_factory=dict)
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
        """Note one finding in the file being read, or in another."""
        finding = Finding(path or self.reading, line, severity, kind, message)
        self.findings.append(finding)

    def add_error(self, error: CorpusError) -> None:
        """Note what stops the corpus from being read."""
        path = self.reading if error.path is None else str(error.path)
        place = f"{path}:" + (f"{error.line}:" if error.line else "")
        message = str(error).removeprefix(f"{place} ")
        self.add(error.line, "error", "unreadable", message, path=path)

    def check_characters(self, line: int | None, text: str) -> None:
        """Note control and other invisible characters."""
        found = sorted({f"U+{ord(c):04X}" for c in UNUSUAL.findall(text)})
        if found:
            what = "the whole token is" if len(text) == 1 else "holds"
            message = f"{what} {', '.join(found)}"
            self.add(line, "note", "unusual-character", message)

    def see(self, text: str, labels: Iterable[str], line: int | None) -> None:
        """Count one document and remember its text and labels."""
        self.documents += 1
        place = (self.reading, line)
        key = hash(text_key(text))
        if key in self.texts:
            self.repeated[key] += 1
        self.texts.setdefault(key, place)
        for label in labels:
            self.labels.setdefault(label, place)


def show(place: Place) -> str:
    """A place as messages name it.

    Example:
        >>> show(("train.bio", 3))
        'train.bio:3'
    """
    path, line = place
    return path if line is None else f"{path}:{line}"


def count_severities(findings: Iterable[Finding]) -> dict[str, int]:
    """How many findings of each severity, all three named."""
    counts = Counter(finding.severity for finding in findings)
    return {severity: counts[severity] for severity in SEVERITIES}
