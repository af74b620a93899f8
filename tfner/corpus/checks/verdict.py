"""The verdict of `tfner corpus check`: whether training can start with these files."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from tfner.corpus.checks.findings import FileReport
from tfner.errors import counted

SHOWN_LABELS = 5


class Verdict(NamedTuple):
    """A judgement: training can start, or why it cannot.

    Attributes:
        can_train: `tfner train` takes these files as they are.
        reason: what it starts with, or what keeps it from starting.
    """

    can_train: bool
    reason: str

    def __str__(self) -> str:
        return f"training {'can' if self.can_train else 'cannot'} start: {self.reason}"


def judge(reports: Sequence[FileReport]) -> Verdict:
    """Judge files as `tfner train` will: the first is the training part.

    Args:
        reports: of all files, at least one.
    """
    first, *others = reports
    problems = [
        f"{report.path} has {counted(report.severities['error'], 'error')}"
        for report in reports
        if report.severities["error"]
    ]
    if not problems:
        problems = [*_lacks_entities(first), *_lacks_labels(first, others)]
        problems += _same_texts(others)
    if problems:
        return Verdict(False, "; ".join(problems))
    files, labels = counted(len(reports), "file"), counted(len(first.labels), "label")
    is_nested = any(report.nested for report in reports)
    return Verdict(
        True,
        f"{files}, {labels}"
        + (
            "; entities lie inside others: `tfner train --task span`"
            if is_nested
            else ""
        ),
    )


def _lacks_entities(first: FileReport) -> list[str]:
    if first.labels:
        return []
    remedy = "check the tag column (--tag-column) and the format (--from)"
    return [f"{first.path} holds no entity: {remedy}"]


def _lacks_labels(first: FileReport, others: Sequence[FileReport]) -> list[str]:
    """Labels that training cannot know, as it says itself."""
    problems = []
    for report in others if first.labels else ():
        new = sorted(report.labels.keys() - first.labels.keys())
        if new:
            more = f" and {len(new) - SHOWN_LABELS} more" if new[SHOWN_LABELS:] else ""
            names = ", ".join(new[:SHOWN_LABELS]) + more
            problems.append(
                f"{report.path} holds labels that {first.path} lacks, {names}: mend "
                "them, or let `tfner train --labels` name all"
            )
    return problems


def _same_texts(others: Sequence[FileReport]) -> list[str]:
    """Dev and test of equal texts, which training refuses."""
    return [
        f"{left.path} and {right.path} hold the same texts: give two different files"
        for left, right in pairwise(others)
        if left.documents == right.documents and left.texts.keys() == right.texts.keys()
    ]
