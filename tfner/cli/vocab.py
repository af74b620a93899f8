"""`tfner vocab`: make a tokenizer of raw text."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from tfner.cli.options import Json, Overwrite, RawText
from tfner.cli.output import print_json, print_text
from tfner.config.choices import TokenizerSplitter
from tfner.errors import ConfigError, unknown
from tfner.storage.output import Kind, OutputPolicy

if TYPE_CHECKING:
    from tfner.tokenization.training import TokenizerCoverage

logger = logging.getLogger(__name__)

MODELS = ("wordpiece", "unigram")
GUESSED_FROM = 10_000


Splitter = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Word splitter; pieces is for --model unigram, mecab for wordpiece. "
        "Default: mecab for WordPiece of text with kana, else punctuation. "
        f"[{' | '.join(get_args(TokenizerSplitter))}]",
    ),
]
Coverage = Annotated[
    float,
    typer.Option(
        min=0.9, max=1.0, help="Share of the text's characters that pieces can spell."
    ),
]


def command(
    input: RawText,
    size: Annotated[
        int,
        typer.Option(
            min=10, max=1_000_000, help="Number of pieces, special ones included."
        ),
    ],
    output: Annotated[
        Path, typer.Option(metavar="DIR", help="New directory for the tokenizer.")
    ],
    word_splitter: Splitter = None,
    lower_case: Annotated[
        bool,
        typer.Option("--lower-case/--no-lower-case", help="Lower-case the text."),
    ] = False,
    model: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Kind of pieces: wordpiece, or unigram (SentencePiece).",
        ),
    ] = "wordpiece",
    character_coverage: Coverage = 0.9995,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Make a WordPiece vocabulary or a SentencePiece model of raw text.

    Writes a tokenizer directory, and prints how well it fits the text.
    """
    if model not in MODELS:
        raise ConfigError(unknown("model", model, MODELS))
    from tfner.tokenization.files import SETTINGS_FILE

    ours = Kind("tokenizer", {SETTINGS_FILE: b'"kind"'})
    replaces = OutputPolicy(output, overwrite).check(ours)
    from tfner.pretraining.text.articles import check_streams, find_files
    from tfner.storage.atomic import whole_directory

    check_streams(input)
    files = find_files(input)
    make = _wordpiece if model == "wordpiece" else _unigram
    with whole_directory(output, replaces=replaces) as stage:
        coverage = make(
            *(files, stage),
            size=size,
            splitter=word_splitter,
            lower_case=lower_case,
            character_coverage=character_coverage,
        )
    if coverage.vocabulary_size < size:
        logger.info(
            f"note: the text gives {coverage.vocabulary_size:,} pieces, not {size:,}"
        )
    if json:
        print_json({"tokenizer": str(output), **coverage.to_json()})
    else:
        print_text(render_coverage(coverage, output))


def _wordpiece(
    files: Sequence[str],
    stage: Path,
    *,
    size: int,
    splitter: str | None,
    lower_case: bool,
    character_coverage: float,
) -> TokenizerCoverage:
    from tfner.tokenization import training
    from tfner.tokenization.words.splitters import SPLITTERS

    if splitter is None:
        japanese = training.looks_japanese(islice(_lines(files), GUESSED_FROM))
        splitter = "mecab" if japanese else "punctuation"
        logger.info(
            f"words: {splitter}" + (", as the text holds kana" if japanese else "")
        )
    if splitter not in SPLITTERS:
        raise ConfigError(unknown("word splitter", splitter, SPLITTERS))
    lines = _lines(files)
    if splitter == "icu":
        lines = _spaced(lines)
    counts = training.count_words(
        lines, mecab=splitter == "mecab", lower_case=lower_case
    )
    pieces = training.train_wordpiece(
        counts, size=size, character_coverage=character_coverage
    )
    tokenizer = training.save_wordpiece(
        pieces, stage, splitter=splitter, lower_case=lower_case
    )
    return training.measure_coverage(tokenizer, counts)


def _unigram(
    files: Sequence[str],
    stage: Path,
    *,
    size: int,
    splitter: str | None,
    lower_case: bool,
    character_coverage: float,
) -> TokenizerCoverage:
    from tfner.tokenization import training

    known = tuple(name for name in get_args(TokenizerSplitter) if name != "mecab")
    if splitter not in (None, *known):
        raise ConfigError(
            "a unigram model finds its pieces in whole text: "
            + unknown("word splitter", str(splitter), known)
        )
    lines = _lines(files)
    model = training.train_unigram(
        (line.lower() for line in lines) if lower_case else lines,
        size=size,
        character_coverage=character_coverage,
    )
    tokenizer = training.save_unigram(
        model, stage, splitter=splitter, lower_case=lower_case
    )
    counts: Counter[str] = Counter()
    for line in _lines(files):
        counts.update(tokenizer.surfaces(line))
    return training.measure_coverage(tokenizer, counts)


def _spaced(lines: Iterable[str]) -> Iterator[str]:
    """Lines with a blank between ICU's words, for scripts that have none there."""
    from tfner.tokenization.words.splitters import find_splitter

    split = find_splitter("icu")
    for line in lines:
        yield " ".join(line[start:end] for start, end in split(line))


def _lines(files: Sequence[str]) -> Iterator[str]:
    from tfner.pretraining.text.articles import read_articles

    for file in files:
        for article in read_articles(file):
            yield from article


def render_coverage(coverage: TokenizerCoverage, directory: Path) -> str:
    """Render the figures of coverage as text."""
    return "\n".join(
        [
            f"tokenizer: {directory}",
            f"pieces            {coverage.vocabulary_size:,}",
            f"words             {coverage.words:,} ({coverage.distinct_words:,} "
            "different)",
            f"unknown words     {coverage.unknown_words:.3%}",
            f"unknown chars     {coverage.unknown_characters:.3%}",
            f"whole words       {coverage.whole_words:.2%}",
            f"pieces per word   {coverage.pieces_per_word:.3f}",
        ]
    )
