"""`tfner export`: a trained model for TensorFlow Serving and other libraries."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tfner.cli.output import import_tensorflow, print_json, refuse_existing, say


class Format(StrEnum):
    """What a model can be exported as."""

    SAVED_MODEL = "saved-model"
    HUGGINGFACE = "huggingface"
    GOOGLE = "google"


def command(
    model: Annotated[
        str, typer.Argument(help="Bundle, or Hugging Face token classifier.")
    ],
    export_dir: Annotated[Path, typer.Argument(help="Where the export goes.")],
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
    if export_format is Format.SAVED_MODEL:
        _export_saved_model(
            model,
            export_dir,
            task_name=task_name,
            max_length=max_length,
            as_json=as_json,
        )
        return
    directory = _export_directory(model, export_dir, export_format, task_name)
    if as_json:
        print_json({export_format.value: str(directory)})
    else:
        say(f"written {directory}")


def _export_saved_model(
    model: str, export_dir: Path, *, task_name: str, max_length: int, as_json: bool
) -> None:
    from tfner.inference.loading import open_bundle
    from tfner_export.saved_model import export_saved_model

    result = export_saved_model(
        open_bundle(model), export_dir, task_name=task_name, max_length=max_length
    )
    if as_json:
        print_json(result.to_json())
        return
    say(f"published {result.saved_model}")
    say(
        f"signatures {', '.join(result.signatures)}; largest difference from the "
        f"model {result.max_abs_difference:.2g}"
    )


def _export_directory(
    model: str, export_dir: Path, export_format: Format, task_name: str
) -> Path:
    from tfner.inference.loading import open_bundle
    from tfner_export.formats import export_google, export_huggingface

    bundle = open_bundle(model)
    if export_format is Format.GOOGLE:
        return export_google(bundle, export_dir, task_name=task_name)
    return export_huggingface(bundle, export_dir)
