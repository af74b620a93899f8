"""Vocabularies made from raw text: WordPiece and SentencePiece unigram models.

Equal text and settings give equal files, whatever the machine.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import tokenizers
from tokenizers import models, normalizers, pre_tokenizers, trainers

from tfner.errors import TokenizerError
from tfner.tokenization.directories import KANA, KANA_SHARE, load_tokenizer
from tfner.tokenization.ids import LoadedTokenizer
from tfner.tokenization.specials import special_ids
from tfner.tokenization.subwords import SENTENCEPIECE_FILE
from tfner.tokenization.vocabularies import BERT_SPECIALS
from tfner.tokenization.words.mecab import default_mecab

CHARACTER_COVERAGE = 0.9995
"""Share of the text's characters that the alphabet holds; SentencePiece's default."""
MIN_FREQUENCY = 2
NO_WORDS = "a vocabulary needs words, and the text holds none"
REPEATED_AT_ONCE = 1000


@dataclass(frozen=True)
class TokenizerCoverage:
    """Figures of how well a tokenizer fits a text.

    Args:
        vocabulary_size: number of pieces, special ones included.
        words: number of words of the text.
        distinct_words: number of different words.
        unknown_words: share of the words with an unknown piece.
        unknown_characters: share of the characters in unknown pieces.
        whole_words: share of the words that are one known piece.
        pieces_per_word: mean.
    """

    vocabulary_size: int
    words: int
    distinct_words: int
    unknown_words: float
    unknown_characters: float
    whole_words: float
    pieces_per_word: float

    def to_json(self) -> dict[str, Any]:
        """The figures as `tfner vocab --json` prints them."""
        return asdict(self)


def looks_japanese(lines: Iterable[str]) -> bool:
    """True if more than a few of the characters are kana."""
    characters = kana = 0
    for line in lines:
        characters += len(line)
        kana += len(KANA.findall(line))
    return kana > KANA_SHARE * characters


def count_words(lines: Iterable[str], *, mecab: bool, lower_case: bool) -> Counter[str]:
    """Count the words of a text, as WordPiece gets to see them.

    Args:
        lines: of the text.
        mecab: take MeCab's words of the text in NFKC; else BERT's.
        lower_case: lower-case them; BERT's lose their accents too.
    """
    words = _mecab_words(lower_case) if mecab else _bert_words(lower_case)
    counts: Counter[str] = Counter()
    for line in lines:
        counts.update(words(line))
    return counts


def _mecab_words(lower_case: bool) -> Callable[[str], list[str]]:
    mecab = default_mecab()

    def words(line: str) -> list[str]:
        surfaces = mecab.surfaces(mecab.normalize(line).text)
        return [word.lower() for word in surfaces] if lower_case else surfaces

    return words


def _bert_words(lower_case: bool) -> Callable[[str], list[str]]:
    normalizer = normalizers.BertNormalizer(lowercase=lower_case)
    cutter = pre_tokenizers.BertPreTokenizer()

    def words(line: str) -> list[str]:
        cut = cutter.pre_tokenize_str(normalizer.normalize_str(line))
        return [word for word, _ in cut]

    return words


def train_wordpiece(
    counts: Counter[str], *, size: int, character_coverage: float = CHARACTER_COVERAGE
) -> list[str]:
    """Make the pieces of a WordPiece vocabulary, in order of their ids.

    First come the special ones, then the alphabet, then parts that words share. Words
    with a character beyond the alphabet take no part: they will be `[UNK]`.

    Args:
        counts: the words of the text.
        size: most pieces altogether; there are fewer where the text has no more.
        character_coverage: share of the characters that the alphabet holds.

    Raises:
        TokenizerError: there are no words, or the alphabet alone exceeds the size.
    """
    if not counts:
        raise TokenizerError(NO_WORDS)
    characters = _alphabet(counts, character_coverage)
    known = {w: n for w, n in sorted(counts.items()) if characters.issuperset(w)}
    inside = {f"##{character}" for word in known for character in word[1:]}
    # The trainer numbers pieces inside words as its hash table has them, differently
    # every time, and breaks ties by these numbers: as special pieces they are fixed.
    fixed = [*BERT_SPECIALS, *sorted(characters), *sorted(inside)]
    if len(fixed) > size:
        raise TokenizerError(
            f"the alphabet alone is {len(fixed):,} pieces: {len(characters):,} "
            f"characters, {len(inside):,} of them inside words too, and the special "
            f"pieces. Received: size={size}. Raise --size or lower "
            f"--character-coverage={character_coverage}"
        )
    tokenizer = tokenizers.Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.WordPieceTrainer(
        vocab_size=size,
        min_frequency=MIN_FREQUENCY,
        special_tokens=fixed,
        show_progress=False,
    )
    tokenizer.train_from_iterator(_repeated(known), trainer)
    vocabulary: dict[str, int] = tokenizer.get_vocab()
    return sorted(vocabulary, key=vocabulary.__getitem__)


def _alphabet(counts: Counter[str], coverage: float) -> set[str]:
    """The fewest of the most frequent characters that cover a share of the text."""
    characters: Counter[str] = Counter()
    for word, count in counts.items():
        for character in word:
            characters[character] += count
    room = coverage * characters.total()
    chosen: set[str] = set()
    for character, count in sorted(characters.items(), key=lambda c: (-c[1], c[0])):
        if room <= 0:
            break
        chosen.add(character)
        room -= count
    return chosen


def _repeated(counts: dict[str, int]) -> Iterator[str]:
    """Each word as often as it occurs: the trainer takes texts and counts again."""
    for word, count in counts.items():
        for start in range(0, count, REPEATED_AT_ONCE):
            yield " ".join([word] * min(REPEATED_AT_ONCE, count - start))


def train_unigram(
    lines: Iterable[str], *, size: int, character_coverage: float = CHARACTER_COVERAGE
) -> bytes:
    """Train a SentencePiece model with BERT's special pieces.

    Args:
        lines: of the text, lower-cased if the tokenizer will do that.
        size: most pieces altogether.
        character_coverage: share of the characters that the alphabet holds.

    Raises:
        TokenizerError: there is no text, or the alphabet alone exceeds the size.
    """
    import sentencepiece

    failures: list[Exception] = []
    rest = _watched(lines, failures)
    first = next(rest, None)
    if first is None:
        raise TokenizerError(NO_WORDS)
    pad, unknown, start, end, mask = BERT_SPECIALS
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=chain([first], rest),
            model_writer=model,
            model_type="unigram",
            vocab_size=size,
            hard_vocab_limit=False,
            character_coverage=character_coverage,
            pad_id=0,
            unk_id=1,
            bos_id=2,
            eos_id=3,
            pad_piece=pad,
            unk_piece=unknown,
            bos_piece=start,
            eos_piece=end,
            control_symbols=[mask],
            num_threads=1,  # with more, rounding depends on who is first
            minloglevel=2,
        )
    except (RuntimeError, OSError) as error:
        if failures:
            raise failures[0] from None
        raise TokenizerError(
            f"SentencePiece makes no model of {size} pieces of this text: "
            f"{_reason(str(error))}. Raise --size, lower --character-coverage or give "
            "more text"
        ) from error
    return model.getvalue()


def _watched(lines: Iterable[str], failures: list[Exception]) -> Iterator[str]:
    """The lines; an error is kept, because SentencePiece raises one of another type."""
    try:
        yield from lines
    except Exception as error:
        failures.append(error)
        raise


def _reason(message: str) -> str:
    """The end of SentencePiece's message, after file, line and condition."""
    return message.rpartition("] ")[2].strip().rstrip(".") or "no reason is given"


def save_wordpiece(
    pieces: list[str], directory: Path, *, splitter: str, lower_case: bool
) -> LoadedTokenizer:
    """Write the WordPiece tokenizer of these pieces and load it.

    Args:
        pieces: in order of their ids.
        directory: must exist.
        splitter: name of the word splitter for raw text.
        lower_case: the tokenizer lower-cases.
    """
    content = "".join(f"{piece}\n" for piece in pieces)
    (directory / "vocab.txt").write_text(content, encoding="utf-8", newline="\n")
    return _save(directory, splitter, lower_case)


def save_unigram(
    model: bytes, directory: Path, *, splitter: str | None, lower_case: bool
) -> LoadedTokenizer:
    """Write the tokenizer of a SentencePiece model and load it.

    Args:
        model: content of the model's file.
        directory: must exist.
        splitter: name of the word splitter for raw text; None chooses by the pieces.
        lower_case: the tokenizer lower-cases.
    """
    (directory / SENTENCEPIECE_FILE).write_bytes(model)
    return _save(directory, splitter, lower_case)


def _save(directory: Path, splitter: str | None, lower_case: bool) -> LoadedTokenizer:
    tokenizer = load_tokenizer(directory, lower_case=lower_case, word_splitter=splitter)
    tokenizer.notes.clear()  # nothing was guessed, and this directory is temporary
    tokenizer.save(directory)
    return load_tokenizer(directory)


def measure_coverage(
    tokenizer: LoadedTokenizer, counts: Counter[str]
) -> TokenizerCoverage:
    """Measure how well a tokenizer fits the words of a text.

    Args:
        tokenizer: from `load_tokenizer`.
        counts: the strings it cuts (`surfaces`) with their frequencies in the text.
    """
    unk = special_ids(tokenizer).unk
    sums: Counter[str] = Counter()
    for word, count in counts.items():
        ids = tokenizer.surface_ids(word)
        sums["pieces"] += count * len(ids)
        sums["characters"] += count * len(word)
        if unk in ids:
            sums["unknown_words"] += count
            sums["unknown_characters"] += count * _unknown(tokenizer, word, unk)
        elif len(ids) == 1:
            sums["whole_words"] += count
    words = max(1, counts.total())
    return TokenizerCoverage(
        vocabulary_size=tokenizer.vocab_size,
        words=counts.total(),
        distinct_words=len(counts),
        unknown_words=sums["unknown_words"] / words,
        unknown_characters=sums["unknown_characters"] / max(1, sums["characters"]),
        whole_words=sums["whole_words"] / words,
        pieces_per_word=sums["pieces"] / words,
    )


def _unknown(tokenizer: LoadedTokenizer, word: str, unk: int) -> int:
    """Characters of a word that lie in unknown pieces."""
    encoding = tokenizer.encode(word, words=[(0, len(word))])
    starts, ends = encoding.offsets[encoding.ids == unk].T
    return int((ends - starts).sum())
