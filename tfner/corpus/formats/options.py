"""Settings of the corpus readers, one record for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tfner.corpus.joining import JOINS
from tfner.errors import ConfigError, unknown
from tfner.schemes import find_scheme


@dataclass(frozen=True)
class ReadOptions:
    """Settings of the readers; each reader uses those that concern its format.

    Args:
        scheme: tag scheme of the file; None finds it.
        join: how words become a text: `auto`, `space` or `none`.
        word_column: column of the words; negative ones count from the end.
        tag_column: column of the tags; None where a file has none.
        comments: lines of column files that start with `# ` are comments.
        labels: tags in the order of their ids, for records with integer tags.
        raw_text: a file with the sentences of a column file as text; None joins words.

    Raises:
        ConfigError: `join` is unknown.
        LabelError: `scheme` is unknown.
    """

    scheme: str | None = None
    join: str = "auto"
    word_column: int = 0
    tag_column: int | None = -1
    comments: bool = False
    labels: Sequence[str] | None = None
    raw_text: str | None = None

    def __post_init__(self) -> None:
        if self.join not in JOINS:
            raise ConfigError(unknown("join", self.join, JOINS))
        if self.scheme is not None:
            object.__setattr__(self, "scheme", find_scheme(self.scheme).name)
