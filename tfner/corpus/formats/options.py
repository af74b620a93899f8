"""Settings of the corpus readers, one record for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from tfner.config.choices import Discontinuous, Join
from tfner.errors import ConfigError, unknown
from tfner.tag_syntax import READ_ONLY, find_reading_scheme

CHOICES = {
    "join": get_args(Join),
    "tags": ("needed", "optional", "none"),
    "discontinuous": get_args(Discontinuous),
}


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """Settings of the readers; each reader uses those that concern its format.

    Args:
        scheme: tag scheme of the file. None takes the one that explains it with the
            fewest invalid transitions and logs it. Entities are the same in any case;
            a scheme that fits worse than another is an error. IO, BMES and BMEWO are
            for reading only.
        join: how words of column files and `tokens` become a text: `auto` goes by the
            script, Chinese and Japanese being written without spaces; `space`; `none`.
        word_column: column of the words; negative ones count from the end. None takes
            the first, or the second where the first numbers the words.
        tag_column: column of the tags, or several whose entities nest, also as text
            with commas. None takes the one that a header names, else the last one;
            where words are numbered, the last two if both hold tags.
        tags: `needed`; `optional` reads files without tags, or with others than can be
            read, as untagged, for prediction; `none` where no column holds tags.
        comments: lines that start with `#` at the head of a sentence are comments and
            kept as metadata; None looks whether the file has such lines.
        language_prefix: take a language and a colon off each word (`de:Berlin`).
        label: of entities whose tags name none (B, I and O alone).
        labels: tags in the order of their ids, for records with integer tags.
        tokens_key: key or column of the words in records and tables; None finds it.
        tags_key: key or column of the tags there; None finds it.
        discontinuous: what becomes of an entity in several pieces: `outer`, `parts`,
            `drop` or `error`.
        raw_text: a file with the sentences of a column file as text, one a line: their
            spaces are kept, and `join` is not used. Both files are held in memory.

    Raises:
        ConfigError: `join`, `tags`, `discontinuous` or `tag_column` is none.
        LabelError: an unknown scheme.
    """

    scheme: str | None = None
    join: str = "auto"
    word_column: int | None = None
    tag_column: int | str | Sequence[int] | None = None
    tags: str = "needed"
    comments: bool | None = None
    language_prefix: bool = False
    label: str | None = None
    labels: Sequence[str] | None = None
    tokens_key: str | None = None
    tags_key: str | None = None
    discontinuous: str = "error"
    raw_text: str | None = None

    def __post_init__(self) -> None:
        if self.scheme is not None:
            object.__setattr__(self, "scheme", find_reading_scheme(self.scheme))
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise ConfigError(unknown(name, getattr(self, name), known))
        object.__setattr__(self, "tag_column", _columns(self.tag_column))

    @property
    def tag_scheme(self) -> str | None:
        """The scheme of the tags once they are read: IO is IOB1, BMES is BIOES."""
        return None if self.scheme is None else READ_ONLY.get(self.scheme, self.scheme)

    @property
    def given_tag_column(self) -> int | None:
        """The column of the tags before a file is seen; None where none holds tags."""
        return None if self.tags == "none" else (self.tag_columns or (-1,))[0]

    @property
    def tag_columns(self) -> tuple[int, ...] | None:
        """The columns of the tags, or None where they are to be found."""
        columns = self.tag_column
        return columns if isinstance(columns, tuple) else None


def _columns(value: int | str | Sequence[int] | None) -> tuple[int, ...] | None:
    """Columns given as a number, as text with commas, or as numbers.

    Raises:
        ConfigError: not all of it are numbers.
    """
    if value is None:
        return None
    parts = value.split(",") if isinstance(value, str) else value
    try:
        columns = (parts,) if isinstance(parts, int) else tuple(map(int, parts))
    except (TypeError, ValueError):
        columns = ()
    if not columns:
        raise ConfigError(
            "--tag-column must be a column or several with commas, as 2,3. "
            f"Received: {value!r}."
        )
    return columns
