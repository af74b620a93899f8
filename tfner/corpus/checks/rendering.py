"""Rendering of what `tfner corpus check` found, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tfner.corpus.checks.findings import FileReport
from tfner.corpus.checks.verdict import Verdict
from tfner.errors import counted

SHOWN = 20
"""Findings of one kind in one file that are printed."""
MOST = 100_000
"""Findings of one kind in one file that `--all` and `--json` hold in memory."""


def render_checks(reports: Sequence[FileReport], verdict: Verdict) -> str:
    """The findings of all files, a summary of each, and the verdict, as lines.

    Args:
        reports: of all files.
        verdict: the last line.
    """
    lines: list[str] = []
    for report in reports:
        lines += [*map(str, report.findings), *_left_out(report)]
    for report in reports:
        lines += _summary(report)
    return "\n".join([*lines, str(verdict)])


def _left_out(report: FileReport) -> Iterator[str]:
    for kind, count in report.left_out().items():
        more = "" if report.keep == MOST else "; --all shows them"
        yield f"{report.path}: … and {count:,} more of the kind {kind}{more}"


def _summary(report: FileReport) -> Iterator[str]:
    counts = report.count_severities()
    parts = [counted(number, name) for name, number in counts.items()]
    scheme = f" {report.scheme}" if report.scheme else ""
    yield (
        f"{report.path}: {report.format}{scheme}, "
        f"{counted(report.documents, 'document')}: {', '.join(parts)}"
    )
    if report.kinds.total() > 1:
        kinds = (f"{count:,} {kind}" for kind, count in report.kinds.most_common())
        yield f"  {', '.join(kinds)}"


def checks_record(reports: Sequence[FileReport], verdict: Verdict) -> dict[str, Any]:
    """The findings of all files, and the verdict, as one JSON object.

    Args:
        reports: of all files.
        verdict: becomes `can_train` and `reason`.
    """
    return {
        "can_train": verdict.can_train,
        "reason": verdict.reason,
        "files": [_file_record(report) for report in reports],
        "findings": [f.to_json() for report in reports for f in report.findings],
    }


def _file_record(report: FileReport) -> dict[str, Any]:
    return {
        "path": report.path,
        "format": report.format,
        "scheme": report.scheme,
        "documents": report.documents,
        **report.count_severities(),
        "kinds": dict(sorted(report.kinds.items())),
        "left_out": report.left_out(),
    }
