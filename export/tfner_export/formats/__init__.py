"""The formats that a model can be exported in.

A new format is one module with the functions of `tfner_export.exporter.Exporter`, and
one line in `FORMATS`.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from tfner.errors import ConfigError, unknown
from tfner.storage.output import Kind

if TYPE_CHECKING:
    from tfner_export.exporter import Exporter


@dataclass(frozen=True, slots=True)
class Format:
    """One line of the table, which is read without loading TensorFlow.

    Args:
        module: name of the module that writes it.
        readers: the programs that read it, for help texts.
        versioned: each export is a new directory OUTPUT/TASK_NAME/UNIX_SECONDS, beside
            earlier ones; otherwise it is OUTPUT itself and replaces what is there.
        settings: of an export, those that make a difference to it.
        precisions: number formats that its products may have.
        extra: of tfner, that installs what the module needs beside; None if nothing.
    """

    module: str
    readers: str
    versioned: bool = False
    settings: tuple[str, ...] = ()
    precisions: tuple[str, ...] = ("float32",)
    extra: str | None = None

    def load(self) -> Exporter:
        """The module, imported.

        Raises:
            ConfigError: it needs an extra that is not installed.
        """
        try:
            return cast("Exporter", importlib.import_module(self.module))
        except ModuleNotFoundError as error:
            if self.extra is None:
                raise
            raise ConfigError(
                f"exports for {self.readers} need {error.name}: "
                f"pip install 'tfner[{self.extra}]'"
            ) from None


OF_GRAPHS = (
    "max_length",
    "trimmed",
    "max_rows",
    "serving_text",
    "for_server",
    "canary",
)
FORMATS = {
    "saved-model": Format(
        f"{__name__}.saved_model",
        "TensorFlow Serving",
        versioned=True,
        settings=("task_name", "precision", *OF_GRAPHS),
        precisions=("float32", "bfloat16"),
    ),
    "huggingface": Format(f"{__name__}.huggingface", "transformers"),
    "google": Format(
        f"{__name__}.google", "google-research/electra", settings=("task_name",)
    ),
    "onnx": Format(
        f"{__name__}.onnx",
        "ONNX Runtime",
        settings=("precision", "calibrate"),
        precisions=("float32", "int8"),
        extra="onnxruntime",
    ),
    "openvino": Format(
        f"{__name__}.openvino",
        "OpenVINO",
        settings=("precision", "calibrate"),
        precisions=("float32", "bfloat16", "int8"),
        extra="openvino",
    ),
    "litert": Format(
        f"{__name__}.litert",
        "LiteRT",
        settings=("precision",),
        precisions=("float32", "int8"),
        extra="litert",
    ),
}


EXPORT = Kind(
    "export",
    {
        "config.json": b'"tfner_labels"',
        "labels.json": b'"scheme"',
        "assets/config.json": b'"tfner_schema"',
    },
    others={"config.json": b'"tfner_schema"'},
)
"""What `--overwrite` may replace, whichever format it has; a bundle has labels too."""


def find_format(name: str) -> Format:
    """The format of a name.

    Raises:
        ConfigError: there is none; the message lists those there are.
    """
    if name not in FORMATS:
        raise ConfigError(unknown("format", name, FORMATS))
    return FORMATS[name]
