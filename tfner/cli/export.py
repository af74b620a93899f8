"""`tfner export`: write a trained model for servers and other libraries."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from tfner.cli.options import CorpusOptions, Json, Model, ModelOptions, with_groups
from tfner.cli.output import print_json
from tfner.config import limits
from tfner.corpus.corpora import texts_format
from tfner.document import Document
from tfner.errors import ConfigError
from tfner.storage.output import OutputPolicy
from tfner.storage.remote import address, import_tensorflow
from tfner_export.formats import EXPORT, FORMATS, find_format

if TYPE_CHECKING:
    from tfner.inference.bundle import Bundle
    from tfner_export.exporter import Serving
    from tfner_export.publish import ExportResult
    from tfner_export.trial import Trial
    from tfner_export.trimming import Comparison

logger = logging.getLogger(__name__)

READERS = ", ".join(f"{name} (for {f.readers})" for name, f in FORMATS.items())


@dataclass(frozen=True)
class ServingOptions:
    """Options for what TensorFlow Serving reads beside a SavedModel."""

    heading: ClassVar = "TensorFlow Serving"

    max_rows: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=limits.BATCH,
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

    def apply(
        self, bundle: Bundle, reading: CorpusOptions, dev: Sequence[Document]
    ) -> tuple[Bundle, Comparison | None]:
        """The model that is to be exported, and what it answers beside the whole one.

        Args:
            bundle: the whole model.
            reading: how the file of the option is read.
            dev: texts on which the answers are compared; the first of the file if none.

        Raises:
            TfnerError: the vocabulary cannot be trimmed so.
        """
        if self.trim_vocabulary is None:
            return bundle, None
        from tfner_export.trimming import trim_vocabulary

        if self.trim_vocabulary.isdecimal():
            count = int(self.trim_vocabulary)
            return trim_vocabulary(bundle, count=count, dev=dev or None)
        texts = read_texts(self.trim_vocabulary, reading)
        return trim_vocabulary(bundle, texts=texts, dev=dev or None)


@dataclass(frozen=True)
class PrecisionOptions:
    """Options for graphs of fewer digits."""

    heading: ClassVar = "Digits"

    precision: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Number format of the graph's products. "
            "[float32 | bfloat16 (SavedModel, OpenVINO) | int8 (others)]",
        ),
    ] = "float32"
    calibrate: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Texts like those that are to come, of which --precision int8 learns "
            "once and for all how large the numbers are; the first 256 count.",
        ),
    ] = None


@dataclass(frozen=True)
class TrialOptions:
    """Options for a trial of the export."""

    heading: ClassVar = "Scores"

    dev: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Corpus on which the model and its export are scored. With "
            "--trim-vocabulary their answers are compared, too, for which lines of "
            "text are enough; the first texts of that file if not set.",
        ),
    ] = None
    max_f1_loss: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=100.0,
            metavar="POINTS",
            help="Most points of 100 that the F1 of the export on --dev may be lower "
            "than the model's; if it is more, nothing is published.",
        ),
    ] = None

    def trial(self, dev: Sequence[Document]) -> Trial | None:
        """The trial that is asked for; None if no entity can be scored.

        Args:
            dev: the documents of --dev.

        Raises:
            ConfigError: there is a limit, and no corpus with entities.
        """
        from tfner_export.trial import Trial

        scored = any(document.entities for document in dev)
        if not scored and self.max_f1_loss is None:
            return None
        return Trial(dev if scored else (), self.max_f1_loss)


def read_texts(file: str | None, reading: CorpusOptions) -> Iterator[Document]:
    """The documents of a corpus, or of lines of text; none without a file.

    Args:
        file: to read.
        reading: how it is read.
    """
    if file is not None:
        yield from reading.read(file, format=texts_format(file), tags="optional")


MaxLength = Annotated[
    int,
    typer.Option(
        min=1,
        max=limits.LENGTH,
        help="Pieces of a row in a SavedModel's signature.",
    ),
]


@with_groups
def command(
    model: Model,
    export_dir: Annotated[Path, typer.Argument(help="Directory of the export.")],
    reading: CorpusOptions,
    given: ModelOptions,
    vocabulary: VocabularyOptions,
    server: ServingOptions,
    graph: PrecisionOptions,
    scores: TrialOptions,
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
    max_length: MaxLength = 512,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite", help="Replace EXPORT_DIR; a SavedModel replaces nothing."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Write a model for TensorFlow Serving, transformers, ONNX Runtime and others.

    Every export is read back and compared with the model before it is published. A
    SavedModel becomes a new version EXPORT_DIR/TASK_NAME/UNIX_SECONDS; every other
    format is EXPORT_DIR itself. `tfner predict` and `tfner evaluate` open all of them.
    EXPORT_DIR/models.config and the files beside it are what TensorFlow Serving reads;
    what you change in them stays.
    """
    replaces = None
    if not find_format(export_format).versioned:
        replaces = OutputPolicy(export_dir, overwrite).check(EXPORT)
    dev = tuple(read_texts(scores.dev, reading))
    import_tensorflow()
    from tfner.inference.loading import open_bundle
    from tfner_export.formats.graphs import CALIBRATED
    from tfner_export.publish import export

    trial = scores.trial(dev)
    if scores.dev and trial is None and vocabulary.trim_vocabulary is None:
        raise ConfigError(f"{scores.dev} holds no entities, by which --dev scores.")
    texts = tuple(islice(read_texts(graph.calibrate, reading), CALIBRATED))
    whole = open_bundle(model, **given.settings(reading))
    bundle, comparison = vocabulary.apply(whole, reading, dev)
    if trial and comparison:
        trial = replace(trial, f1_before=comparison.f1_before)
    result = export(
        bundle,
        export_dir,
        format=export_format,
        serving=_serving(task_name, max_length, server, graph, texts),
        canary=server.canary,
        replaces=replaces,
        trial=trial,
    )
    _tell(result, comparison)
    if as_json:
        trimmed = {"vocabulary": comparison.to_json()} if comparison else {}
        print_json({**result.to_json(), **trimmed})


def _serving(
    task_name: str,
    max_length: int,
    server: ServingOptions,
    graph: PrecisionOptions,
    texts: Sequence[Document],
) -> Serving:
    from tfner_export.exporter import Serving

    return Serving(
        task_name,
        max_length,
        max_rows=server.max_rows,
        serving_text=server.serving_text,
        for_server=server.for_server,
        precision=graph.precision,
        calibrate=texts,
    )


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
    details = result.details
    if "milliseconds" in details:
        size, time = details["mebibytes"], details["milliseconds"]
        logger.info("%.1f MiB; one text takes %.1f ms", size, time)
    if "f1_after" in details:
        before, after = (100 * details[f"f1_{when}"] for when in ("before", "after"))
        logger.info("F1 on the dev corpus %.2f, of the model %.2f", after, before)
