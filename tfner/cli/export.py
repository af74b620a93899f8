"""`tfner export`: a trained model for TensorFlow Serving, or for transformers."""

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


def command(
    model: Annotated[
        str, typer.Argument(help="Bundle, or Hugging Face token classifier.")
    ],
    export_dir: Annotated[Path, typer.Argument(help="Where the export goes.")],
    export_format: Annotated[
        Format, typer.Option("--format", help="What is written.")
    ] = Format.SAVED_MODEL,
    task_name: Annotated[
        str, typer.Option(help="Prefix of the outputs, name of the served model.")
    ] = "chunk",
    max_length: Annotated[
        int, typer.Option(min=1, help="Pieces of a row in the signature.")
    ] = 512,
    overwrite: Annotated[
        bool, typer.Option(help="Replace a Hugging Face directory.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as JSON.")
    ] = False,
) -> None:
    """Write a model for TensorFlow Serving, or as a Hugging Face directory.

    A SavedModel is a new version EXPORT_DIR/TASK_NAME/UNIX_SECONDS, published only
    after it was loaded and found equal to the model. A Hugging Face directory is
    EXPORT_DIR itself.
    """
    if export_format is Format.HUGGINGFACE:
        refuse_existing(export_dir, overwrite=overwrite)
    import_tensorflow()
    if export_format is Format.HUGGINGFACE:
        _export_huggingface(model, export_dir, as_json=as_json)
    else:
        _export_saved_model(
            model,
            export_dir,
            task_name=task_name,
            max_length=max_length,
            as_json=as_json,
        )


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


def _export_huggingface(model: str, export_dir: Path, *, as_json: bool) -> None:
    from tfner.inference.loading import open_bundle
    from tfner_export.formats import export_huggingface

    directory = export_huggingface(open_bundle(model), export_dir)
    if as_json:
        print_json({"huggingface": str(directory)})
    else:
        say(f"written {directory}")
