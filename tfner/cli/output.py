"""What commands print: results on stdout, everything else on stderr."""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from tfner.errors import ConfigError
from tfner.storage.remote import address, exists, is_remote


def print_text(text: str) -> None:
    """A result for people, on stdout."""
    sys.stdout.write(text if text.endswith("\n") else f"{text}\n")


def print_json(record: Any) -> None:
    """A result for programs: one JSON document on stdout."""
    print_text(as_json(record))


def as_json(record: Any) -> str:
    """JSON for people too."""
    return json.dumps(record, ensure_ascii=False, indent=2)


def import_tensorflow() -> None:
    """Import TensorFlow without what its C++ side writes to stderr meanwhile.

    Those lines (drivers not found, instruction sets in use) come before its own log
    level counts. Python's exceptions still get through.
    """
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        importlib.import_module("tensorflow")
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def refuse_existing(path: Path, *, overwrite: bool) -> None:
    """Stop before anything is overwritten.

    Raises:
        ConfigError: `path` is a file, or a directory that is not empty. Devices and
            pipes hold nothing to lose.
    """
    if is_remote(path):
        taken = exists(path, ConfigError)
    else:
        taken = any(path.iterdir()) if path.is_dir() else path.is_file()
    if taken and not overwrite:
        raise ConfigError(
            f"{address(path)} exists. Choose another place or add --overwrite."
        )
