"""`tfner export`: write a trained model for servers and other libraries."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from tfner.cli.options import Json, Model, ModelOptions, with_groups
from tfner.cli.output import print_json
from tfner.corpus.corpora import read_corpus, texts_format
from tfner.document import Document
from tfner.errors import ConfigError
from tfner.storage.output import OutputPolicy
from tfner.storage.remote import address, import_tensorflow
from tfner_export.formats import EXPORT, FORMATS, find_format

if TYPE_CHECKING:
    from tfner.inference.bundle import Bundle
    from tfner_export.publish import ExportResult
    from tfner_export.trimming import Comparison

logger = logging.getLogger(__name__)

READERS = ", ".join(f"{name} (for {f.readers})" for name, f in FORMATS.items())
Label = Annotated[
    str | None,
    typer.Option(
        metavar="LABEL",
        help="Label of a model of another program whose tags are B, I and O alone.",
    ),
]


@dataclass(frozen=True)
class ServingOptions:
    """Options for what TensorFlow Serving reads beside a SavedModel."""

    heading: ClassVar = "TensorFlow Serving"

    max_rows: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Most rows of a request to TensorFlow Serving, and of the batches it "
            "makes; as many full rows as 1 GiB holds, at most 64, if not set.",
        ),
    ] = None
    canary: Annotated[
        bool,
        typer.Option(
            "--canary",
            help="Leave the label stable in models.config where it is, and give the "
            "new version the label canary alone.",
        ),
    ] = False
    serving_text: Annotated[
        bool,
        typer.Option(
            "--serving-text",
            help="Add the signature serving_text to a SavedModel: raw text in, "
            "entities out; for BERT's WordPiece.",
        ),
    ] = False
    for_server: Annotated[
        str | None,
        typer.Option(
            metavar="VERSION",
            help="Oldest TensorFlow Serving that is to run the SavedModel, such as "
            "2.6; without it the export says which that is.",
        ),
    ] = None


@dataclass(frozen=True)
class VocabularyOptions:
    """Options for a vocabulary that is smaller than the model's."""

    heading: ClassVar = "Vocabulary"

    trim_vocabulary: Annotated[
        str | None,
        typer.Option(
            metavar="FILE.OR.N",
            help="Keep the pieces that occur in a corpus or in lines of text (.txt), "
            "or so many of the most useful, with single characters and what the "
            "tokenizer needs. Texts of kept pieces get the same answers.",
        ),
    ] = None
    dev: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="With --trim-vocabulary, a corpus on which the answers are compared "
            "with those of the whole model; the first texts of the former if not set.",
        ),
    ] = None

    def check(self) -> None:
        """Refuse what would be passed over in silence, before anything is loaded.

        Raises:
            ConfigError: a corpus to compare on, and nothing to compare.
        """
        if self.dev is not None and self.trim_vocabulary is None:
            raise ConfigError(
                "--dev compares a model with a smaller vocabulary with the whole one. "
                "Give --trim-vocabulary, too, or leave out --dev."
            )

    def apply(self, bundle: Bundle) -> tuple[Bundle, Comparison | None]:
        """The model that is to be exported, and what it answers beside the whole one.

        Raises:
            TfnerError: the vocabulary cannot be trimmed so.
        """
        if self.trim_vocabulary is None:
            return bundle, None
        from tfner_export.trimming import trim_vocabulary

        dev = None if self.dev is None else list(_texts(self.dev))
        if self.trim_vocabulary.isdecimal():
            count = int(self.trim_vocabulary)
            return trim_vocabulary(bundle, count=count, dev=dev)
        return trim_vocabulary(bundle, texts=_texts(self.trim_vocabulary), dev=dev)


def _texts(path: str) -> Iterator[Document]:
    """The documents of a corpus, or of a file of plain text."""
    return read_corpus(path, format=texts_format(path), tags="optional")


@with_groups
def command(
    model: Model,
    export_dir: Annotated[Path, typer.Argument(help="Directory of the export.")],
    given: ModelOptions,
    vocabulary: VocabularyOptions,
    server: ServingOptions,
    export_format: Annotated[
        str,
        typer.Option(
            "--format", metavar="FORMAT", help=f"Format of the export: {READERS}."
        ),
    ] = "saved-model",
    task_name: Annotated[
        str,
        typer.Option(help="Name of the served model, and prefix of its outputs."),
    ] = "chunk",
    max_length: Annotated[
        int, typer.Option(min=1, help="Pieces of a row in a SavedModel's signature.")
    ] = 512,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite", help="Replace EXPORT_DIR; a SavedModel replaces nothing."
        ),
    ] = False,
    label: Label = None,
    as_json: Json = False,
) -> None:
    """Write a model for TensorFlow Serving, transformers or google-research/electra.

    Every export is read back and compared with the model before it is published. A
    SavedModel becomes a new version EXPORT_DIR/TASK_NAME/UNIX_SECONDS; a Hugging Face
    directory, and the TensorFlow 1 checkpoint of --format google, is EXPORT_DIR itself.
    EXPORT_DIR/models.config and the files beside it are what TensorFlow Serving reads;
    what you change in them stays.
    """
    vocabulary.check()
    replaces = None
    if not find_format(export_format).versioned:
        replaces = OutputPolicy(export_dir, overwrite).check(EXPORT)
    import_tensorflow()
    from tfner.inference.loading import open_bundle
    from tfner_export.exporter import Serving
    from tfner_export.publish import export

    serving = Serving(
        task_name,
        max_length,
        max_rows=server.max_rows,
        serving_text=server.serving_text,
        for_server=server.for_server,
    )
    bundle = open_bundle(model, label=label, **given.extras())
    bundle, comparison = vocabulary.apply(bundle)
    result = export(
        bundle,
        export_dir,
        format=export_format,
        serving=serving,
        canary=server.canary,
        replaces=replaces,
    )
    _tell(result, comparison)
    if as_json:
        trimmed = {"vocabulary": comparison.to_json()} if comparison else {}
        print_json({**result.to_json(), **trimmed})


def _tell(result: ExportResult, comparison: Comparison | None) -> None:
    """Say what was published, and what runs it."""
    for sentence in comparison.tell() if comparison else ():
        logger.info(sentence)
    logger.info("published %s", address(result.directory))
    if "signatures" in result.details:
        logger.info("signatures %s", ", ".join(result.signatures))
        oldest = result.details["oldest_server"]
        logger.info("runs on TensorFlow Serving %s and newer", oldest)
    logger.info("largest difference from the model %.2g", result.max_abs_difference)
