"""`tfner export`: a trained model for TensorFlow Serving and other libraries."""

from __future__ import annotations

import logging
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tfner.cli.options import Model, ModelOptions, with_groups
from tfner.cli.output import import_tensorflow, print_json, refuse_existing
from tfner.storage.remote import address

if TYPE_CHECKING:
    from tfner.inference.bundle import Bundle
    from tfner.inference.external import ForeignBundle

logger = logging.getLogger(__name__)


class Format(StrEnum):
    """What a model can be exported as."""

    SAVED_MODEL = "saved-model"
    HUGGINGFACE = "huggingface"
    GOOGLE = "google"


@with_groups
def command(
    model: Model,
    export_dir: Annotated[Path, typer.Argument(help="Where the export goes.")],
    given: ModelOptions,
    export_format: Annotated[
        Format, typer.Option("--format", help="What is written.")
    ] = Format.SAVED_MODEL,
    task_name: Annotated[
        str, typer.Option(help="Prefix of the outputs, name of the model or task.")
    ] = "chunk",
    max_length: Annotated[
        int, typer.Option(min=1, help="Pieces of a row in the signature.")
    ] = 512,
    overwrite: Annotated[
        bool, typer.Option(help="Replace a Hugging Face or google directory.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as JSON.")
    ] = False,
) -> None:
    """Write a model for TensorFlow Serving, transformers or google-research/electra.

    A SavedModel is a new version EXPORT_DIR/TASK_NAME/UNIX_SECONDS, published only
    after it was loaded and found equal to the model. A Hugging Face directory, and
    the TensorFlow 1 checkpoint of --format google, is EXPORT_DIR itself.
    """
    if export_format is not Format.SAVED_MODEL:
        refuse_existing(export_dir, overwrite=overwrite)
    import_tensorflow()
    from tfner.inference.loading import open_bundle

    bundle = open_bundle(model, given.supplied())
    if export_format is Format.SAVED_MODEL:
        record = _export_saved_model(bundle, export_dir, task_name, max_length)
    else:
        record = _export_directory(bundle, export_dir, export_format, task_name)
    if as_json:
        print_json(record)


def _export_saved_model(
    bundle: Bundle | ForeignBundle, export_dir: Path, task_name: str, max_length: int
) -> dict[str, Any]:
    from tfner_export.saved_model.publish import export_saved_model

    result = export_saved_model(
        bundle, export_dir, task_name=task_name, max_length=max_length
    )
    logger.info("published %s", address(result.saved_model))
    logger.info(
        "signatures %s; largest difference from the model %.2g",
        ", ".join(result.signatures),
        result.max_abs_difference,
    )
    return result.to_json()


def _export_directory(
    bundle: Bundle | ForeignBundle,
    export_dir: Path,
    export_format: Format,
    task_name: str,
) -> dict[str, Any]:
    from tfner_export.formats.checkpoints import export_google, export_huggingface

    if export_format is Format.GOOGLE:
        directory = export_google(bundle, export_dir, task_name=task_name)
    else:
        directory = export_huggingface(bundle, export_dir)
    logger.info("written %s", address(directory))
    return {export_format.value: address(directory)}
