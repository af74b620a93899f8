"""The interface of an encoder, and a sentence for every way to miss it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import keras

from tfner.errors import ConfigError
from tfner.models.named_inputs import INPUTS

SHOWN_REASON = 200


class EncoderModel(Protocol):
    """A Keras model from `INPUTS` to (B, S, H) that tells what it is made of.

    Heads take any Keras model from `INPUTS` to (B, S, H). What an encoder has of the
    members below, it can do beyond that; a class of `tfner.models.encoders.ENCODERS`
    has them all.

    Attributes:
        family: `model_type` of the Hugging Face format that it is written in.
        hidden_size: H.
        vocab_size: pieces it knows.
        max_positions: pieces a window may have.
        new_head: makes the layer with which every tagger of the encoder begins, if
            there is one; `head_values` are the weights that it was pretrained with.
        packs: whether a row may hold several windows, which `attention_mask` numbers:
            0 for padding, then 1, 2, … . Without it rows hold one window each.
    """

    family: str
    hidden_size: int
    vocab_size: int
    max_positions: int
    packs: bool

    def layer_groups(self) -> Sequence[Sequence[keras.layers.Layer]]:
        """The parts with weights, from the input to the output.

        First the embeddings, then one group a layer; every weight is in a group. This
        is the order in which layers are frozen and learning rates fall.
        """

    def recompute_layers(self) -> None:
        """Compute layers again for the gradient: less memory, more time."""

    def learn_pieces(self, ids: Sequence[int]) -> None:
        """Let the vectors of these pieces learn, and those of no others."""

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> keras.Model:
        """A new encoder of these arguments."""


def output_shape(encoder: keras.Model) -> tuple[int | None, ...]:
    """The shape (B, S, H) of an encoder's output; builds it by a symbolic call.

    Raises:
        ConfigError: it does not take the three inputs by name, or gives anything else.
    """
    # Only functional models declare inputs; Keras warns at every call of others.
    declared = encoder.input if hasattr(encoder, "inputs") else dict.fromkeys(INPUTS)
    if not isinstance(declared, Mapping) or set(declared) != set(INPUTS):
        raise ConfigError(_refusal(encoder, *_misnamed(encoder, declared)))
    inputs = {
        name: keras.KerasTensor((None, None), dtype="int32", name=name)
        for name in INPUTS
    }
    try:
        output = encoder(inputs)
    except Exception as error:  # whatever a user's own code raises
        failure = f"which fails on them with {first_cause(error)}"
        raise ConfigError(_refusal(encoder, failure, "Mend it.")) from error
    match getattr(output, "shape", ()):
        case (_, None, int()) as shape:
            return tuple(shape)
    remedy = "Return the vectors of all pieces alone, neither pooled nor in a dict."
    raise ConfigError(_refusal(encoder, f"which gives {_described(output)}", remedy))


def layer_groups(
    encoder: keras.Model, *, setting: str
) -> Sequence[Sequence[keras.layers.Layer]]:
    """The groups of layers that an encoder names, from the lowest to the highest.

    Args:
        encoder: built.
        setting: what needs them, for messages.

    Raises:
        ConfigError: it names none, or leaves out some of its weights.
    """
    kind = type(encoder).__name__
    if not hasattr(encoder, "layer_groups"):
        raise ConfigError(
            f"{setting} needs an encoder that names its layers from the lowest to the "
            f"highest, by a method `layer_groups`. Received: encoder={kind}"
        )
    groups: Sequence[Sequence[keras.layers.Layer]] = encoder.layer_groups()
    named = {id(w) for group in groups for layer in group for w in layer.weights}
    for weight in encoder.weights:
        if id(weight) not in named:
            raise ConfigError(
                "`layer_groups` must name layers that hold all weights of the encoder. "
                f"Received: encoder={kind}, whose {weight.path} is in no group"
            )
    return groups


def freeze_layers(encoder: keras.Model, count: int) -> None:
    """Keep the embeddings and the lowest layers as they are.

    Args:
        encoder: built.
        count: layers above the embeddings.

    Raises:
        ConfigError: the encoder names no layers, or has fewer.
    """
    embeddings, *layers = layer_groups(encoder, setting="--freeze")
    if count > len(layers):
        raise ConfigError(f"`freeze` is {count}, the encoder has {len(layers)} layers.")
    for group in (embeddings, *layers[:count]):
        for layer in group:
            layer.trainable = False


def recompute_layers(encoder: keras.Model) -> None:
    """Let an encoder compute its layers again for the gradient.

    Raises:
        ConfigError: it cannot.
    """
    if not hasattr(encoder, "recompute_layers"):
        raise ConfigError(
            "--recompute needs an encoder that can compute its layers again, by a "
            f"method `recompute_layers`. Received: encoder={type(encoder).__name__}"
        )
    encoder.recompute_layers()


def first_cause(error: BaseException) -> str:
    """The error at the origin of a chain; Keras wraps it into ever longer messages."""
    while error.__context__ is not None:
        error = error.__context__
    text = str(error).strip().partition("\n")[0].rstrip(".")
    return f"{type(error).__name__}: {text[:SHOWN_REASON]}"


def _refusal(encoder: keras.Model, received: str, remedy: str) -> str:
    return (
        f"an encoder takes a dict of {', '.join(INPUTS)}, (B, S) each, and gives one "
        f"tensor (B, S, H). Received: {type(encoder).__name__} {encoder.name!r}, "
        f"{received}. {remedy}"
    )


def _misnamed(encoder: keras.Model, declared: Any) -> tuple[str, str]:
    """The inputs that a functional model declares instead, and a remedy."""
    by_name = isinstance(declared, Mapping)
    names = sorted(declared) if by_name else [tensor.name for tensor in encoder.inputs]
    kind = "a dict of" if by_name else "no dict but"
    received = f"which takes {kind} {', '.join(names)}"
    if "token_ids" in names:
        return received, (
            "It looks like a KerasHub backbone: give "
            "tfner.models.KerasHubEncoder(backbone)."
        )
    return received, "Declare all three by name; they need not all be used."


def _described(output: Any) -> str:
    if isinstance(output, Mapping):
        parts = ", ".join(f"{name} {_described(part)}" for name, part in output.items())
        return f"a dict of {parts}"
    if isinstance(output, list | tuple):
        return f"a list of {', '.join(map(_described, output))}"
    shape = getattr(output, "shape", None)
    if shape is None:
        return f"a {type(output).__name__}"
    return f"({', '.join('any' if size is None else str(size) for size in shape)})"
