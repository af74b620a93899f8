"""What a head asks of an encoder, and what to say to one that does not give it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from tfner.errors import ConfigError

INPUTS = ("input_ids", "attention_mask", "token_type_ids")
"""What an encoder is given."""
SHOWN_REASON = 200


def output_shape(encoder: keras.Model) -> tuple[int | None, ...]:
    """The shape (B, S, H) of what an encoder gives; builds it by a symbolic call.

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


def first_cause(error: BaseException) -> str:
    """What was raised first; Keras wraps it into longer and longer messages."""
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
    """What a functional model takes instead, and what to do about it."""
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
