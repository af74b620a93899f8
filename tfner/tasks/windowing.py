"""Documents to words, pieces and piece ranges, with which every task begins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, get_args

from tfner.config.choices import Overflow, Words
from tfner.data.overflow import piece_ranges
from tfner.data.windows import Window, cores
from tfner.document import Document, Word
from tfner.errors import unknown
from tfner.schemes import Span
from tfner.tasks.serving_words import choose_words
from tfner.tokenization import Encoding, Tokenizer
from tfner.tokenization.align import POLICIES, align

if TYPE_CHECKING:
    from tfner.config.train import TaskConfig

Range = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Windowing:
    """Settings by which documents are cut into words and windows.

    Args:
        max_length: pieces of a window, special pieces included.
        overlap: pieces of a document that neighbouring windows share; a quarter of the
            room that a window has for them if None.
        words: "gold" takes a document's words where it has some, "own" always those
            of the tokenizer.
        misaligned: what training does with entities that begin or end inside a word:
            "split" the word, "expand" the entity, or "drop" it. It is counted.
        on_overflow: "window" cuts long documents into windows, "error" refuses them,
            "truncate" reads their beginning alone.
    """

    max_length: int = 512
    overlap: int | None = None
    words: str = "gold"
    misaligned: str = "split"
    on_overflow: str = "window"

    @classmethod
    def settings_of(
        cls,
        settings: TaskConfig,
        tokenizer: Tokenizer,
        documents: Sequence[Document],
    ) -> dict[str, Any]:
        """Read the arguments from settings.

        Args:
            settings: those of the task.
            tokenizer: decides with the documents whose words are learned, if that is
                left open.
            documents: of the training corpus.
        """
        found = {field.name: getattr(settings, field.name) for field in fields(cls)}
        words = settings.words or choose_words(tokenizer, documents)
        return {**found, "words": words}

    def problems(self, *, occupied: int, by: str) -> list[str]:
        """List what makes no sense, in sentences.

        Args:
            occupied: pieces of a window that are none of the document's.
            by: who takes them, for the message: "the special pieces take".
        """
        choices = {
            "words": get_args(Words),
            "misaligned": POLICIES,
            "on_overflow": get_args(Overflow),
        }
        problems = [
            unknown(f"`{name}`", str(getattr(self, name)), known)
            for name, known in choices.items()
            if getattr(self, name) not in known
        ]
        overlap = self.overlap or 0
        if not 0 <= overlap < self.max_length - occupied:
            problems.append(
                "`max_length` must leave room for the text, more than `overlap`, which "
                f"is at least 0. Received: overlap={self.overlap}, "
                f"max_length={self.max_length}, and {by} {occupied} pieces."
            )
        return problems

    def encode(self, tokenizer: Tokenizer, document: Document) -> Encoding:
        """Encode a document within the words that prediction knows."""
        words = document.words if self.words == "gold" else None
        return tokenizer.encode(document.text, words)

    def words_of(
        self, tokenizer: Tokenizer, document: Document, windows: Sequence[Window]
    ) -> tuple[Word, ...]:
        """Find the words that predictions speak of, also where no window was made.

        Args:
            tokenizer: encodes again where there is no window to look at.
            document: what was encoded.
            windows: what became of it.
        """
        if windows:
            return windows[0].words
        return self.encode(tokenizer, document).words

    def align(
        self,
        tokenizer: Tokenizer,
        document: Document,
        encoding: Encoding,
        *,
        nested: bool = False,
    ) -> tuple[Encoding, list[Span], Counter[str]]:
        """Find the words of the gold entities, for training.

        Args:
            tokenizer: encodes again where words are split.
            document: has the entities.
            encoding: of the document.
            nested: take entities that nest or overlap.

        Returns:
            The encoding, of words that may be split; the spans of the entities; and
            counts of what did not fall on the boundaries of words.

        Raises:
            LabelError: entities nest or overlap and are not `nested`.
        """
        words, spans, counts = align(
            encoding.words, document.entities, policy=self.misaligned, nested=nested
        )
        if words != encoding.words:
            encoding = tokenizer.encode(document.text, words)
        return encoding, spans, Counter(counts)

    def overlap_of(self, room: int) -> int:
        """The pieces that neighbouring windows share at least.

        Args:
            room: most pieces of a window, special ones not counted.
        """
        return room // 4 if self.overlap is None else self.overlap

    def cut(
        self, document: Document, encoding: Encoding, *, room: int
    ) -> tuple[list[tuple[Range, Range]], int]:
        """Cut the pieces of a document into ranges that fit into windows.

        Args:
            document: named where it is refused.
            encoding: of the document.
            room: most pieces of a range.

        Returns:
            Of every window its pieces and its core, both half-open; and the number of
            words that are cut off.

        Raises:
            CorpusError: the document is too long and `on_overflow` is "error".
        """
        ranges, words_cut_off = piece_ranges(
            document.id,
            len(encoding.word_index),
            encoding.word_starts,
            room=room,
            overlap=self.overlap_of(room),
            on_overflow=self.on_overflow,
        )
        owned: Sequence[Range] = cores(ranges, word_starts=encoding.word_starts)
        return list(zip(ranges, owned, strict=True)), words_cut_off
