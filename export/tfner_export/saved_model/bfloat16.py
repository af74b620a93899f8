"""Taggers whose encoder computes in bfloat16, as a SavedModel may hold them.

Their weights are stored in bfloat16, too, so that no call has to convert them. The head
stays in float32: a CRF adds up many small numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from tfner.errors import ExportError
from tfner.inference.native_bundle import build
from tfner.models.encoders import ENCODERS
from tfner.tasks.token_classification import TokenClassification
from tfner.training.precision import precision
from tfner_export.exporter import Source

if TYPE_CHECKING:
    import keras

POLICY = "bfloat16"
TRIED = "2.21"
"""The only release of TensorFlow whose kernels for bfloat16 were tried."""


@dataclass(frozen=True)
class Halved(Source):
    """A source whose model has an encoder of bfloat16.

    Args:
        whole: the same in float32.
    """

    whole: Source

    @cached_property
    def model(self) -> keras.Model:
        """A new Keras model with the weights of the whole one, rounded."""
        whole = self.whole.model
        settings = {**whole.encoder.get_config(), "dtype": POLICY}
        with precision(POLICY):
            encoder = type(whole.encoder).from_config(settings)
        model = self.bundle.task.build(encoder)
        build(model)
        model.set_weights(whole.get_weights())
        return model


def halved(source: Source) -> Source:
    """The source in the precision of its export."""
    if source.serving.precision != POLICY:
        return source
    return Halved(source.bundle, source.serving, source)


def check_halved(source: Source) -> None:
    """Refuse models that cannot be halved, and checks that need every digit.

    Raises:
        ExportError: the model finds spans, has an encoder that tfner has not, or is to
            take raw text.
    """
    if source.serving.precision != POLICY:
        return
    if source.bundle.task.outputs != TokenClassification.outputs:
        raise ExportError(
            f"{source.bundle.directory} is a model of task {source.bundle.task.name}; "
            "SavedModels in bfloat16 are made of taggers. Use --format openvino."
        )
    if type(source.model.encoder) not in ENCODERS.values():
        raise ExportError(
            f"{source.bundle.directory} has an encoder that tfner has not, of which no "
            "SavedModel in bfloat16 is made. Leave out --precision."
        )
    if source.serving.serving_text:
        raise ExportError(
            "the entities of --serving-text are compared one by one, for which "
            "bfloat16 has too few digits. Leave out --serving-text or --precision."
        )
