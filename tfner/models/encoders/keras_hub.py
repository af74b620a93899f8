"""KerasHub's backbones as encoders, under the names of inputs that tfner uses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from tfner.models.named_inputs import NamedInputsModel

NAMES = {
    "token_ids": "input_ids",
    "padding_mask": "attention_mask",
    "segment_ids": "token_type_ids",
}
"""KerasHub's name of an input -> tfner's."""


@keras.saving.register_keras_serializable(package="tfner")
class KerasHubEncoder(NamedInputsModel):
    """A KerasHub backbone as an encoder; its rows hold one window each.

    Args:
        backbone: such as `keras_hub.models.BertBackbone`, or any functional Keras model
            with inputs of these names: `token_ids` and, if it wants them,
            `padding_mask` and `segment_ids`. Of several outputs `sequence_output` is
            taken; layers that only the others need are no longer trained.

    Attributes:
        max_positions: pieces a window may have; None if the backbone does not say.
        vocab_size: pieces it knows; absent if the backbone does not say.

    Input shape:
        A dict of `input_ids`, `attention_mask` and `token_type_ids`: (B, S) integers
        each.

    Output shape:
        (B, S, H).
    """

    def __init__(self, backbone: keras.Model, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.backbone = backbone
        self.max_positions = getattr(backbone, "max_sequence_length", None)
        for name in ("vocabulary_size", "vocab_size"):
            if hasattr(backbone, name):
                self.vocab_size = getattr(backbone, name)
        # What only a pooled output needs gets no gradient, of which Keras would warn.
        needed = keras.Model(backbone.input, _sequence(backbone.output)).layers
        for layer in backbone.layers:
            if layer not in needed:
                layer.trainable = False

    def build(self, input_shape: Any = None) -> None:
        """Do nothing: a backbone is made with its weights."""

    def call(self, inputs: Mapping[str, Any], training: Any = None) -> Any:
        """Encode pieces as vectors (B, S, H)."""
        taken = self.backbone.input
        named = {
            theirs: inputs[ours] for theirs, ours in NAMES.items() if theirs in taken
        }
        return _sequence(self.backbone(named, training=training))

    def compute_output_shape(self, input_shape: Mapping[str, Any]) -> tuple[Any, ...]:
        """Shape of the vectors, (B, S, H)."""
        return (*input_shape["input_ids"], _sequence(self.backbone.output).shape[-1])

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": keras.dtype_policies.serialize(self.dtype_policy),
            "backbone": keras.saving.serialize_keras_object(self.backbone),
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Any = None
    ) -> KerasHubEncoder:
        """Make the encoder again, its backbone included."""
        backbone = keras.saving.deserialize_keras_object(
            config["backbone"], custom_objects=custom_objects
        )
        return cls(**{**config, "backbone": backbone})


def _sequence(outputs: Any) -> Any:
    """The vectors of all pieces among the outputs of a backbone."""
    return outputs["sequence_output"] if isinstance(outputs, Mapping) else outputs
