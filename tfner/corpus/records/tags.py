"""Words and their tags in JSON records, under whatever keys they stand."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeGuard

from tfner.corpus.formats.options import ReadOptions
from tfner.corpus.records.spans import is_integer, show_keys
from tfner.corpus.spacing import Spacing, spacing_of_file
from tfner.corpus.tagging import check_prefixes
from tfner.errors import counted, shorten
from tfner.tag_syntax import TagSyntax, find_syntax

logger = logging.getLogger(__name__)

TOKEN_KEYS = ("tokens", "words", "token", "tokenized_text", "text", "sentence")
"""Keys of words, in the order in which they are looked for."""
TAG_KEYS = (
    "tags",
    "ner_tags",
    "ner",
    "labels",
    "label",
    "ner_labels",
    "ner_tag",
    "tag",
    "bio",
    "iob",
    "bio_tags",
    "iob_tags",
)
"""Keys of tags, likewise."""
SURVEYED = 1_000
"""Records that decide how words become a text."""
AHEAD = 500
"""Records whose tags decide how those of a file are spelled."""


class RecordTags:
    """Finds and reads the words and tags of the records of one file.

    Args:
        path: of the file, for the log.
        options: settings of reading.
        upcoming: gives at most so many records that come next.
    """

    def __init__(
        self,
        path: str,
        options: ReadOptions,
        upcoming: Callable[[int], Iterable[Any]],
    ) -> None:
        self.path, self.options, self.upcoming = path, options, upcoming
        self._counts: Counter[str] = Counter()
        self._syntax: TagSyntax | None = None
        self._spacing: Spacing | None = None

    def tokens_key(self, record: Mapping[str, Any]) -> str | None:
        """The key of a list of words, or None.

        Raises:
            ValueError: the key that was named holds none.
        """
        given = self.options.tokens_key
        if given is not None:
            if not is_words(record.get(given)):
                raise ValueError(_no_list(given, "--tokens-key", "strings", record))
            return given
        return next((key for key in TOKEN_KEYS if is_words(record.get(key))), None)

    def spacing(self, tokens: Sequence[str]) -> Spacing:
        """Tell how the words of this file become texts; decided once, by those to come.

        Args:
            tokens: of the first record that has no text.
        """
        if self._spacing is None:
            lists = [tokens, *self._token_lists_ahead()]
            self._spacing = spacing_of_file(lists, self.options.join, path=self.path)
        return self._spacing

    def _token_lists_ahead(self) -> Iterable[Sequence[str]]:
        for record in self.upcoming(SURVEYED):
            if isinstance(record, dict) and not isinstance(record.get("text"), str):
                keys = (self.options.tokens_key, *TOKEN_KEYS)
                lists = (record[key] for key in keys if is_words(record.get(key)))
                yield next(lists, ())

    def tags_key(self, record: Mapping[str, Any], words: int) -> str | None:
        """The key of a list of tags, one of the number of words before others.

        Args:
            record: has tokens.
            words: the number of them.

        Raises:
            ValueError: the key that was named holds none.
        """
        given = self.options.tags_key
        if given is not None:
            if not _is_tags(record.get(given)):
                raise ValueError(_no_list(given, "--tags-key", "tags", record))
            return given
        found = [key for key in TAG_KEYS if _is_tags(record.get(key))]
        fitting = [key for key in found if len(record[key]) == words]
        return next(iter(fitting or found), None)

    def read(self, values: Sequence[Any], words: int) -> tuple[str, ...]:
        """The tags of a record, one a word.

        Raises:
            ValueError: their number is another, or one is no tag.
        """
        if len(values) != words:
            raise ValueError(
                f"{counted(words, 'word')} but {counted(len(values), 'tag')}"
            )
        names = [self._name(value) for value in values]
        tags = tuple([self._canonical(name, names) for name in names])
        check_prefixes(tags, self.options.tag_scheme)
        return tags

    def _name(self, value: object) -> str:
        if is_integer(value):
            labels = self.options.labels
            if labels is None:
                raise ValueError(
                    "integer tags need their names in order: --tag-names O,B-PER,… or "
                    "a file of them"
                )
            if not 0 <= value < len(labels):
                raise ValueError(
                    f"tag {value} lies outside the {len(labels)} labels given"
                )
            return labels[value]
        if not isinstance(value, str):
            raise ValueError(f"{shorten(str(value))} is not a tag, but no string")
        return value

    def _canonical(self, name: str, names: Iterable[str]) -> str:
        """The tag of a name; one that is new decides anew how tags are spelled."""
        if self._syntax is None or name not in self._counts:
            self._decide(names)
        if self._syntax is None:
            raise ValueError(f"{shorten(name)} is not a tag")
        if self._syntax.problem is not None:
            raise ValueError(self._syntax.problem)
        return self._syntax.canonical(name)

    def _decide(self, names: Iterable[str]) -> None:
        """Find the spelling by the tags so far, or by the next records at first.

        Raises:
            ValueError: a tag contradicts what was read before.
        """
        before = self._syntax
        counts = self._counts + Counter(names)
        if before is None:
            counts += Counter(self._names_ahead())
        syntax = find_syntax(
            counts, scheme=self.options.scheme, label=self.options.label
        )
        if before is not None and before.problem is None:
            changed = [
                t for t, tag in before.table.items() if syntax.table.get(t) != tag
            ]
            if changed:
                new = sorted(set(counts) - set(self._counts))
                raise ValueError(
                    f"the tag {shorten(new[0])} contradicts those before it, of which "
                    f"{shorten(changed[0])} was read as {before.table[changed[0]]}"
                )
        self._counts, self._syntax = counts, syntax
        if syntax.about is not None and (before is None or before.about is None):
            logger.info("%s: %s", self.path, syntax.about)

    def _names_ahead(self) -> Iterable[str]:
        for record in self.upcoming(AHEAD):
            if not isinstance(record, dict):
                continue
            try:
                key = self.tags_key(record, -1)
                yield from [self._name(value) for value in record[key]] if key else ()
            except ValueError:
                continue  # told when its turn comes


def is_words(value: object) -> TypeGuard[list[str]]:
    """True for a list of strings."""
    return isinstance(value, list) and all(isinstance(word, str) for word in value)


def _is_tags(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(tag, str) or is_integer(tag) for tag in value
    )


def _no_list(key: str, option: str, what: str, record: Mapping[str, Any]) -> str:
    keys = show_keys(tuple(map(str, record))) if record else "none"
    return f"`{key}`, named by {option}, holds no list of {what}; its keys are {keys}"
