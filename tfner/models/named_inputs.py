"""The base of models that take a dict of inputs, which Keras then exports by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras

INPUTS = ("input_ids", "attention_mask", "token_type_ids")
"""Names of an encoder's inputs, (B, S) int32 each."""


class NamedInputsModel(keras.Model):
    """A Keras model of a dict of (B, N) integers, `INPUTS` if it names no others."""

    @property
    def input_keys(self) -> tuple[str, ...]:
        """The names of the inputs outside training."""
        return INPUTS

    def export(
        self,
        filepath: str | Path,
        format: str = "tf_saved_model",
        verbose: bool | None = None,
        input_signature: Any = None,
        **settings: Any,
    ) -> None:
        """Export as `keras.Model.export` does, with an input of each name by default.

        Keras knows the inputs of its functional models alone: it asks others to be
        called before, and takes the shapes and names of that call.

        Args:
            filepath: of the export.
            format: of Keras.
            verbose: whether to print the signature.
            input_signature: in place of one int32 input of any shape (B, N) a name.
            **settings: of the format.
        """
        if input_signature is None:
            spec = {"shape": (None, None), "dtype": "int32"}
            inputs = {n: keras.InputSpec(**spec, name=n) for n in self.input_keys}
            input_signature = [inputs]
        super().export(
            filepath, format, verbose, input_signature=input_signature, **settings
        )
