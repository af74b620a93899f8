"""The command line: `tfner COMMAND`.

Nothing heavy is imported before a command runs: `tfner --help` answers at once.
"""

from __future__ import annotations

import errno
import logging
import os
import sys
import traceback
from typing import Annotated

import typer

import tfner
from tfner.cli import (
    compare,
    corpus,
    demo,
    distill,
    encoders,
    evaluate,
    export,
    find_lr,
    predict,
    pretrain,
    pretrain_data,
    serve,
    train,
    tune,
    vocab,
)
from tfner.cli.help import Group, add_command
from tfner.cli.process import ended_by_signals, occupy_closed_streams
from tfner.errors import TfnerError, lacks_memory
from tfner.storage.progress import show_progress

logger = logging.getLogger(__name__)

app = typer.Typer(
    name="tfner",
    cls=Group,
    help="Named-entity recognition in TensorFlow, from corpus to served model.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(corpus.app, name="corpus")
for name, module in {
    "demo": demo,
    "encoders": encoders,
    "train": train,
    "distill": distill,
    "pretrain": pretrain,
    "find-lr": find_lr,
    "tune": tune,
    "evaluate": evaluate,
    "compare": compare,
    "predict": predict,
    "export": export,
    "serve": serve,
    "vocab": vocab,
    "pretrain-data": pretrain_data,
}.items():
    add_command(app, module.command, name)

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells know it."""

OUT_OF_MEMORY = (
    "out of memory. Close other programs; training takes less where "
    "`tfner train --batch-size` or --max-length are smaller."
)

_shown = {"traceback": False}


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tfner {tfner.__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Print the version."
        ),
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Only results and errors.")
    ] = False,
    show_traceback: Annotated[
        bool, typer.Option("--traceback", help="Show where an error comes from.")
    ] = False,
) -> None:
    """Named-entity recognition in TensorFlow, from corpus to served model."""
    _shown["traceback"] = show_traceback
    # Else the first library that logs to the root gives it a handler of its own, and
    # every note is told twice.
    logging.getLogger().addHandler(logging.NullHandler())
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("tfner")
    logger.handlers = [handler]
    logger.setLevel(logging.WARNING if quiet else logging.INFO)
    show_progress(not quiet)


def main() -> None:
    """Run a command; what the user can put right ends in one sentence and exit 1."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    occupy_closed_streams()
    try:
        with ended_by_signals():
            try:
                app()
            finally:
                _flush()
    except BrokenPipeError:
        sys.exit(1)  # The reader of our output has left; there is nobody to tell.
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:
        message = _sentence(error)
        if message is None:
            raise
        _fail(message)


def _sentence(error: Exception) -> str | None:
    """What a user can put right; None for a mistake of the program."""
    if lacks_memory(error):
        return OUT_OF_MEMORY
    match error:
        case TfnerError():
            return str(error)
        case OSError(errno=errno.EBADF, filename=None):
            return "a standard stream is closed. Open it, or name a file."
        case OSError():
            place = f"{error.filename}: " if error.filename else ""
            return f"{place}{error.strerror or error}."
        case UnicodeEncodeError():
            code = ord(error.object[error.start])
            encoding = error.encoding
            return f"U+{code:04X} cannot be written as {encoding}. Correct the text."
    return None


def _flush() -> None:
    """Write what standard output still holds, while errors can be told."""
    try:
        sys.stdout.flush()
    except OSError:
        # Python would try again when it ends, and print the error its own way.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


def _fail(message: str) -> None:
    if _shown["traceback"]:
        traceback.print_exc()
    sys.stderr.write(f"error: {message}\n")
    sys.exit(1)


if __name__ == "__main__":
    main()
