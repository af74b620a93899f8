"""What `check` finds, and how it is shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

SEVERITIES = ("error", "warning", "note")
"""error: tfner cannot read the file. warning: it reads it, as the finding says, but the
corpus is probably wrong. note: unusual, and read as it should be."""


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
        place = self.path if self.line is None else f"{self.path}:{self.line}"
        return f"{place}: {self.severity}: {self.message}"

    def to_json(self) -> dict[str, Any]:
        """The finding as a JSON object."""
        return asdict(self)


def count_severities(findings: Iterable[Finding]) -> dict[str, int]:
    """How many findings of each severity, all three named."""
    counts = Counter(finding.severity for finding in findings)
    return {severity: counts[severity] for severity in SEVERITIES}
