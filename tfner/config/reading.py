"""Settings of reading corpora, which every command that reads one has."""

from __future__ import annotations

from dataclasses import dataclass

from tfner.config import limits
from tfner.config.choices import Discontinuous, Join
from tfner.config.sections import Section, documented, setting


@documented
@dataclass(frozen=True, kw_only=True)
class ReadingConfig(Section):
    """The settings by which the files of corpora are read."""

    heading = "Corpus files"

    from_format: str | None = setting(None, metavar="FORMAT", flag="from")
    """Format of the corpora; recognised by what is in them if not set. `tfner corpus
    formats` lists all."""
    from_scheme: str | None = setting(None, metavar="SCHEME")
    """Tag scheme of the corpora, also IO, BMES or BMEWO; detected if not set."""
    join: Join = "auto"
    """How the words of column files make a text: with spaces, without, or as the words
    of the file tell."""
    word_column: int | None = setting(None, low=-limits.COLUMNS, high=limits.COLUMNS)
    """Column of the words in column files, from 0; negative numbers count from the end.
    If not set, the first one, or the second where the first numbers the words."""
    tag_column: str | int | None = setting(None, metavar="COLUMNS")
    """Column of the tags in column files, counted likewise, or several with commas
    whose entities nest. If not set, the one that a header names, else the last one;
    where the words are numbered, the last two if both hold tags."""
    comments: bool | None = None
    """Take lines that start with # at the head of a sentence for comments; where the
    file shows that it has such lines if not set."""
    language_prefix: bool = setting(False, switch=True)
    """Take a language and a colon off each word of column files (de:Berlin)."""
    label: str | None = setting(None, metavar="LABEL")
    """Label of entities whose tags name none: B, I and O alone."""
    tag_names: str | None = setting(None, metavar="TAGS")
    """Names of integer tags in the order of their numbers: O,B-PER,… or a file: one a
    line, a JSON list, or JSON with label2id or id2label."""
    tokens_key: str | None = setting(None, metavar="KEY")
    """Key or column of the words in records and tables; found if not set."""
    tags_key: str | None = setting(None, metavar="KEY")
    """Key or column of the tags in records and tables; found if not set."""
    discontinuous: Discontinuous = "error"
    """What becomes of an entity in several pieces: one from the first to the last, an
    entity each, none, or an error."""
