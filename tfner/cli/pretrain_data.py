"""`tfner pretrain-data`: make the records of pretraining of raw text."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, get_args

import typer

from tfner.cli.options import Json, Overwrite, RawText, with_groups
from tfner.cli.output import print_json, print_text
from tfner.cli.process import resumable
from tfner.config import limits
from tfner.config.choices import TokenizerSplitter

if TYPE_CHECKING:
    from tfner.pretraining.dataset.manifest import Manifest
    from tfner.tokenization.ids import LoadedTokenizer

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class BareOptions:
    """Options for the settings that a bare vocabulary leaves open."""

    heading: ClassVar = "Tokenizers of a vocabulary alone"

    lower_case: Annotated[
        bool | None,
        typer.Option(
            "--lower-case/--no-lower-case",
            help="Lower-case the text, or keep its case. Default: as the tokenizer's "
            "files say, or a guess.",
        ),
    ] = None
    word_splitter: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Word splitter. Default: as the tokenizer's files say, or a guess. "
            f"[{' | '.join(get_args(TokenizerSplitter))}]",
        ),
    ] = None

    def load(self, tokenizer: str) -> LoadedTokenizer:
        """Load the tokenizer of a directory; log what was guessed."""
        from tfner.tokenization import load_tokenizer

        loaded = load_tokenizer(
            tokenizer,
            lower_case=self.lower_case,
            word_splitter=self.word_splitter,
        )
        for note in loaded.notes:
            logger.info("note: %s", note)
        return loaded


MaxLength = Annotated[
    int,
    typer.Option(min=8, max=512, help="Pieces of a record, special ones included."),
]
Processes = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=limits.PROCESSES,
        help="Number of processes. Default: one per core.",
    ),
]
Shards = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=1_000_000,
        help="Number of record files. Default: by the size of the text.",
    ),
]
Overflow = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="Pieces of a sentence that do not fit into its record: cut them off, as "
        "ELECTRA does, or carry them into the next record.",
    ),
]


@with_groups
def command(
    input: RawText,
    tokenizer: Annotated[
        str,
        typer.Option(
            metavar="DIR",
            help="Tokenizer: a directory, a hub id, or a name of `tfner encoders`.",
        ),
    ],
    bare: BareOptions,
    output: Annotated[
        Path, typer.Option(metavar="DIR", help="New directory for the records.")
    ],
    max_length: MaxLength = 128,
    processes: Processes = None,
    shards: Shards = None,
    seed: Annotated[
        int,
        typer.Option(
            min=0,
            max=limits.SEED,
            help="Number that decides the random lengths of segments.",
        ),
    ] = 0,
    overflow: Overflow = "cut",
    resume: Annotated[
        bool, typer.Option("--resume", help="Keep the shards of an interrupted run.")
    ] = False,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Pack raw text into ELECTRA's segments, and write them as NumPy shards.

    A blank line ends an article; no record holds text of two articles. The same text
    and settings give the same files, whatever the number of processes.
    """
    from tfner.pretraining.dataset.build import build_pretraining_data

    loaded = bare.load(tokenizer)
    with resumable("keeps the finished shards", overwrite=overwrite):
        manifest = build_pretraining_data(
            *(input, loaded, output),
            max_length=max_length,
            seed=seed,
            overflow=overflow,
            shards=shards,
            processes=processes,
            resume=resume,
            overwrite=overwrite,
        )
    if json:
        print_json({"data": str(output), **manifest.to_json()})
    else:
        print_text(render_manifest(manifest, output))


def render_manifest(manifest: Manifest, directory: Path) -> str:
    """Render the counts of a data set as text."""
    counts = manifest.counts
    room = counts["records"] * manifest.max_length
    text = counts["pieces"] + counts["cut_pieces"]
    return "\n".join(
        [
            f"data: {directory}",
            f"articles          {counts['articles']:,}",
            f"records           {counts['records']:,} in {len(manifest.shards)} shards",
            f"pieces            {counts['pieces']:,} ({counts['pieces'] / room:.1%} of "
            f"records of {manifest.max_length})",
            f"cut               {counts['cut_pieces']:,} "
            f"({counts['cut_pieces'] / text:.1%}"
            + ("; --overflow carry keeps them)" if manifest.overflow == "cut" else ")"),
            f"unknown           {counts['unknown_pieces']:,} "
            f"({counts['unknown_pieces'] / counts['pieces']:.2%})",
            f"two segments      {counts['two_segments']:,}",
        ]
    )
