"""The base of encoders that are embeddings and a stack of layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import keras
from keras import ops

from tfner.models.encoders.transformer import Part, TransformerLayer
from tfner.models.encoders.windows import read_windows
from tfner.models.named_inputs import NamedInputsModel


class Around(NamedTuple):
    """The inputs of a layer beside its rows.

    Attributes:
        bias: (B, 1, S, S) float32, added to attention scores.
        learnt: what the layers share of the encoder's weights, through which gradients
            go; None if there is no such thing.
        fixed: what only depends on positions; None if there is no such thing.
    """

    bias: Any
    learnt: Any = None
    fixed: Any = None


UNEVEN = (
    "the layers of the teacher's encoder ({}) share weights or are not of one shape: "
    "none can be left out. Give --encoder in place of --layers."
)
"""Refusal to leave out layers; takes the encoder's family."""

LAYER_ARGUMENTS = (
    *("hidden_size", "num_heads", "intermediate_size", "activation"),
    *("hidden_dropout", "attention_dropout", "initializer_range"),
)
"""Arguments of an encoder that each of its layers has, too."""


class StackedEncoder(NamedInputsModel):
    """Embeddings and layers over flattened rows that may hold several windows.

    A subclass sets `embeddings`, `blocks` and every one of `arguments`; it overrides
    what it does otherwise.
    """

    packs = True
    arguments: ClassVar[tuple[str, ...]]
    """Names of the constructor's arguments, each of which is an attribute."""
    hidden_size: int
    layer_norm_epsilon: float
    embeddings: Any
    blocks: list[Any]
    embedding_projection: keras.layers.Dense | None = None
    _recomputes = False

    def _layer_settings(self, number: int) -> dict[str, Any]:
        """The arguments that every kind of layer takes of its encoder, and its name."""
        return {
            **{name: getattr(self, name) for name in LAYER_ARGUMENTS},
            "epsilon": self.layer_norm_epsilon,
            "dtype": self.dtype_policy,
            "name": f"block_{number}",
        }

    def build(self, input_shape: Any = None) -> None:
        """Create every weight, once; no shape and no data is needed."""
        if self.built:
            return
        if not self.embeddings.built:
            self.embeddings.build()
        if self.embedding_projection is not None:
            self.embedding_projection.build((None, self.embeddings.width))
        for block in self.blocks:
            block.build()

    def settings_of_layers(self, chosen: Sequence[int]) -> dict[str, Any]:
        """The arguments of an encoder of some of the layers, where they differ.

        Args:
            chosen: numbers of the layers, in their new order.

        Raises:
            ConfigError: none of them can be left out.
        """
        return {"num_layers": len(chosen)}

    def call(self, inputs: Mapping[str, Any], training: Any = None) -> Any:
        """Encode pieces as vectors (B, S, H)."""
        batch, length = ops.shape(inputs["input_ids"])
        positions, bias = read_windows(inputs["attention_mask"])  # (B, S), (B, 1, S, S)
        rows = self._embed(inputs, positions, training=training)
        rows = self._transform(rows, inputs, positions, bias, training=training)
        return ops.reshape(rows, (batch, length, self.hidden_size))

    def _embed(self, inputs: Mapping[str, Any], positions: Any, training: Any) -> Any:
        """Vectors (B * S, H) of pieces, positions and segments."""
        types = inputs.get("token_type_ids")
        rows = self.embeddings(  # (B * S, E)
            ops.reshape(inputs["input_ids"], (-1,)),
            ops.reshape(positions, (-1,)),
            None if types is None else ops.reshape(types, (-1,)),
            training=training,
        )
        if self.embedding_projection is not None:
            rows = self.embedding_projection(rows)
        return rows

    def _transform(
        self,
        rows: Any,
        inputs: Mapping[str, Any],
        positions: Any,
        bias: Any,
        *,
        training: Any,
    ) -> Any:
        """Run the layers: (B * S, H) to (B * S, H).

        Args:
            rows: (B * S, H).
            inputs: as in `call`.
            positions: (B, S), within windows.
            bias: (B, 1, S, S).
            training: whether dropout is on.
        """
        around = self._around(inputs, positions, bias)
        for block in self.order():
            rows = self._run(block, rows, around, training=training)
        return rows

    def _around(self, inputs: Mapping[str, Any], positions: Any, bias: Any) -> Around:
        """What every layer is told beside its rows; arguments as in `_transform`."""
        return Around(bias)

    def order(self) -> Iterable[Any]:
        """The layers as they are run."""
        return self.blocks

    def _run(self, block: Any, rows: Any, around: Around, *, training: Any) -> Any:
        """Run one layer, which may keep nothing but its input for the gradient.

        Args:
            block: the layer.
            rows: (B * S, H).
            around: what it is told beside.
            training: whether dropout is on.
        """
        if not (self._recomputes and training):
            return block(rows, *around, training=training)
        seeds = block.draw()  # outside, so that both times the same units are dropped

        def run(rows: Any, *learnt: Any) -> Any:
            shared = learnt[0] if learnt else None
            return block(
                *(rows, around.bias, shared, around.fixed), training=True, seeds=seeds
            )

        learnt = () if around.learnt is None else (around.learnt,)
        return keras.remat(run)(rows, *learnt)

    def layer_groups(self) -> list[list[keras.layers.Layer]]:
        """The embeddings with their projection, then the layers one by one."""
        projection = self.embedding_projection
        embeddings = [self.embeddings, *([] if projection is None else [projection])]
        return [embeddings, *([block] for block in self.blocks)]

    def learn_pieces(self, ids: Any) -> None:
        """Let the vectors of some pieces learn, and those of no others.

        Args:
            ids: of the pieces that training meets.
        """
        self.embeddings.pieces.learn_only(ids)

    def compile_parts(
        self,
        compiled: Callable[[Part], Part],
        elementwise: Callable[[Callable[[Any], Any]], Part],
    ) -> bool:
        """Let training compute what lies between products by compiled functions.

        Args:
            compiled: compiles one.
            elementwise: compiles an activation.

        Returns:
            False, with nothing changed, where layers are of another kind than
            `TransformerLayer`, are recomputed, or do not learn as they are.
        """
        if self._recomputes or not all(map(_is_plain, self.blocks)):
            return False
        first = self.blocks[0]
        parts = {name: compiled(part) for name, part in first.parts().items()}
        parts["activate"] = elementwise(first.intermediate.activation)
        for block in self.blocks:
            block.compiled_parts = parts
        return True

    def recompute_layers(self) -> None:
        """Compute layers again for the gradient: less memory, more time."""
        self._recomputes = True

    def compute_output_shape(self, input_shape: Mapping[str, Any]) -> tuple[Any, ...]:
        """Shape of the vectors, (B, S, H)."""
        return (*input_shape["input_ids"], self.hidden_size)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": keras.dtype_policies.serialize(self.dtype_policy),
            **{name: getattr(self, name) for name in self.arguments},
        }

    def build_from_config(self, config: Any) -> None:
        """Build without the shapes that were stored; `build` needs none."""
        self.build()


def _is_plain(block: keras.layers.Layer) -> bool:
    """Tell whether a layer is the usual one, and learns as it is, without LoRA."""
    return (
        type(block) is TransformerLayer
        and block.compute_dtype != "float16"  # which few CPUs multiply
        and not block.query_key_value.lora_enabled
        and all(weight.trainable for weight in block.weights)
    )


def check_heads(hidden_size: int, num_heads: int) -> None:
    """Make sure that the heads divide the width.

    Raises:
        ValueError: they do not.
    """
    if hidden_size % num_heads:
        raise ValueError(
            "`hidden_size` must be a multiple of `num_heads`. "
            f"Received: hidden_size={hidden_size}, num_heads={num_heads}"
        )
