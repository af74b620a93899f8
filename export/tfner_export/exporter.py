"""The source of an export, and the protocol of the modules that write a format."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from tfner.document import Document
from tfner.errors import ExportError

if TYPE_CHECKING:
    import keras

    from tfner.inference.bundle import Bundle

TASK_NAME = re.compile("[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Serving:
    """Settings of an exported model.

    Args:
        task_name: prefix of the outputs, and name of the served model; it becomes the
            name of a directory and of signature keys.
        max_length: pieces of a row in the signature.
        trimmed: compute no further than each batch's longest row; the outputs are the
            same without, which is there to be measured.
        max_rows: most rows of a request, or of a batch that the server makes; computed
            from the memory that a full row takes if None.
        serving_text: a SavedModel has a signature that takes raw text, too.
        for_server: oldest release of TensorFlow Serving that is to run the model, such
            as "2.6"; None if it does not matter.
        precision: number format of a graph's products.
        calibrate: texts like those that are to come, from which a graph of int8 learns
            how large its numbers are.

    Raises:
        ExportError: the task name has other characters than ASCII letters, digits and
            underscores, or begins with none of the letters.
    """

    task_name: str = "chunk"
    max_length: int = 512
    trimmed: bool = True
    max_rows: int | None = None
    serving_text: bool = False
    for_server: str | None = None
    precision: str = "float32"
    calibrate: Sequence[Document] = ()

    def __post_init__(self) -> None:
        if not TASK_NAME.fullmatch(self.task_name):
            raise ExportError(
                "a task name has ASCII letters, digits and _ and begins with a letter. "
                f"Received: task_name={self.task_name!r}"
            )


@dataclass(frozen=True)
class Source:
    """A trained model on its way into another format.

    Args:
        bundle: gives the task, its tokenizer and the self-test's texts.
        serving: settings of the export.
    """

    bundle: Bundle
    serving: Serving

    @property
    def exact(self) -> bool:
        """True if the export computes with all digits."""
        return self.serving.precision == "float32"

    @cached_property
    def model(self) -> keras.Model:
        """The Keras model, loaded when it is first asked for."""
        return self.bundle.load_model()


class Exporter(Protocol):
    """A module of `tfner_export.formats`: it checks, writes and compares.

    `tfner_export.publish.export` calls the three in this order.
    """

    def check(self, source: Source) -> None:
        """Refuse what the format cannot hold, before anything is written.

        Raises:
            TfnerError: the model or a setting does not fit.
        """
        ...

    def write(self, source: Source, stage: Path) -> dict[str, Any]:
        """Write all files into an empty directory, which is published afterwards.

        Returns:
            Entries of `tfner export --json` that the format adds.
        """
        ...

    def compare(self, source: Source, stage: Path) -> float:
        """Read the files as their users will, and run them beside the Keras model.

        Returns:
            Largest difference of the outputs; 0 for a format that cannot be run.

        Raises:
            TfnerError: it is too large to publish the files.
        """
        ...
