"""The encoder of BERT, ELECTRA, DistilBERT, RoBERTa, XLM-R and CamemBERT."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from tfner.models.encoders.embeddings import Embeddings
from tfner.models.encoders.transformer import TransformerLayer

# Added to masked scores: exp of it is 0, yet a row of nothing else stays finite.
MASKED = -1e9


@keras.saving.register_keras_serializable(package="tfner")
class Encoder(keras.Model):
    """A transformer encoder whose rows may hold several windows (are packed).

    `attention_mask` holds 0 for padding and 1, 2, … for the window within its row:
    pieces attend within their window, and positions restart there. An ordinary 0/1
    mask is the case of one window a row. Rows of padding alone stay finite.

    The name of the class stays: Keras writes it into files of models that hold one.

    Args:
        vocab_size: V, pieces.
        hidden_size: H, a multiple of `num_heads`.
        num_layers: transformer layers.
        num_heads: attention heads.
        intermediate_size: width of the feed-forward halves.
        embedding_size: width of the embeddings, projected to H (ELECTRA); H if None.
        max_positions: pieces a window may have.
        position_offset: unused rows at the start of the position table (RoBERTa: 2).
        type_vocab_size: segments; 0 for a model without them (DistilBERT).
        activation: "gelu" is the exact one (erf).
        layer_norm_epsilon: epsilon of every normalisation.
        hidden_dropout: rate on the output of every half layer, 0 to 1.
        attention_dropout: rate on attention probabilities, 0 to 1.
        initializer_range: standard deviation of new weights.
        family: `model_type` of the Hugging Face format the model is written as.
        embeddings: those of another encoder, to share them (ELECTRA's generator); new
            ones if None.

    Input shape:
        A dict of `input_ids`, `attention_mask` and, optional, `token_type_ids`:
        (B, S) integers each.

    Output shape:
        (B, S, H).

    Raises:
        ValueError: `hidden_size` is no multiple of `num_heads`.
    """

    packs = True

    def __init__(
        self,
        *,
        vocab_size: int,
        hidden_size: int,
        num_layers: int,
        num_heads: int,
        intermediate_size: int,
        embedding_size: int | None = None,
        max_positions: int = 512,
        position_offset: int = 0,
        type_vocab_size: int = 2,
        activation: str = "gelu",
        layer_norm_epsilon: float = 1e-12,
        hidden_dropout: float = 0.1,
        attention_dropout: float = 0.1,
        initializer_range: float = 0.02,
        family: str = "bert",
        embeddings: Embeddings | None = None,
        **kwargs: Any,
    ) -> None:
        if hidden_size % num_heads:
            raise ValueError(
                "`hidden_size` must be a multiple of `num_heads`. "
                f"Received: hidden_size={hidden_size}, num_heads={num_heads}"
            )
        super().__init__(**kwargs)
        self.vocab_size, self.hidden_size = vocab_size, hidden_size
        self.num_layers, self.num_heads = num_layers, num_heads
        self.intermediate_size = intermediate_size
        self.embedding_size = embedding_size or hidden_size
        self.max_positions, self.position_offset = max_positions, position_offset
        self.type_vocab_size, self.activation = type_vocab_size, activation
        self.layer_norm_epsilon = layer_norm_epsilon
        self.hidden_dropout = hidden_dropout
        self.attention_dropout = attention_dropout
        self.initializer_range, self.family = initializer_range, family
        self.embeddings = embeddings or self._new_embeddings()
        self.embedding_projection = self._new_projection()
        self.blocks = [self._new_block(number) for number in range(num_layers)]
        self._recomputes = False

    def _new_embeddings(self) -> Embeddings:
        return Embeddings(
            vocab_size=self.vocab_size,
            width=self.embedding_size,
            num_positions=self.max_positions + self.position_offset,
            type_vocab_size=self.type_vocab_size,
            epsilon=self.layer_norm_epsilon,
            dropout=self.hidden_dropout,
            initializer_range=self.initializer_range,
            dtype=self.dtype_policy,
            name="embeddings",
        )

    def _new_projection(self) -> keras.layers.Dense | None:
        if self.embedding_size == self.hidden_size:
            return None
        init = keras.initializers.TruncatedNormal(stddev=self.initializer_range)
        return keras.layers.Dense(
            self.hidden_size,
            kernel_initializer=init,
            dtype=self.dtype_policy,
            name="embedding_projection",
        )

    def _new_block(self, number: int) -> TransformerLayer:
        return TransformerLayer(
            hidden_size=self.hidden_size,
            num_heads=self.num_heads,
            intermediate_size=self.intermediate_size,
            activation=self.activation,
            epsilon=self.layer_norm_epsilon,
            hidden_dropout=self.hidden_dropout,
            attention_dropout=self.attention_dropout,
            initializer_range=self.initializer_range,
            dtype=self.dtype_policy,
            name=f"block_{number}",
        )

    def build(self, input_shape: Any = None) -> None:
        """Create every weight, once; no shape and no data is needed."""
        if self.built:
            return
        if not self.embeddings.built:
            self.embeddings.build()
        if self.embedding_projection is not None:
            self.embedding_projection.build((None, self.embedding_size))
        for block in self.blocks:
            block.build()

    def call(self, inputs: Mapping[str, Any], training: Any = None) -> Any:
        """Encode pieces as vectors (B, S, H)."""
        ids, mask = inputs["input_ids"], inputs["attention_mask"]
        types = inputs.get("token_type_ids")
        batch, length = ops.shape(ids)
        positions, bias = read_windows(mask)  # (B, S), (B, 1, S, S)
        rows = self.embeddings(  # (B * S, E)
            ops.reshape(ids, (-1,)),
            ops.reshape(positions + self.position_offset, (-1,)),
            None if types is None else ops.reshape(types, (-1,)),
            training=training,
        )
        if self.embedding_projection is not None:
            rows = self.embedding_projection(rows)  # (B * S, H)
        for block in self.blocks:
            if self._recomputes and training:
                rows = _recomputed(block, rows, bias)
            else:
                rows = block(rows, bias, training=training)
        return ops.reshape(rows, (batch, length, self.hidden_size))

    def layer_groups(self) -> list[list[keras.layers.Layer]]:
        """The embeddings with their projection, then the layers one by one."""
        projection = self.embedding_projection
        embeddings = [self.embeddings, *([] if projection is None else [projection])]
        return [embeddings, *([block] for block in self.blocks)]

    def recompute_layers(self) -> None:
        """Compute layers again for the gradient: less memory, more time."""
        self._recomputes = True

    def compute_output_shape(self, input_shape: Mapping[str, Any]) -> tuple[Any, ...]:
        """Shape of the vectors, (B, S, H)."""
        return (*input_shape["input_ids"], self.hidden_size)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        names = (
            "vocab_size",
            "hidden_size",
            "num_layers",
            "num_heads",
            "intermediate_size",
            "embedding_size",
            "max_positions",
            "position_offset",
            "type_vocab_size",
            "activation",
            "layer_norm_epsilon",
            "hidden_dropout",
            "attention_dropout",
            "initializer_range",
            "family",
        )
        base = {"name": self.name, "trainable": self.trainable}
        policy = keras.dtype_policies.serialize(self.dtype_policy)
        return {
            **base,
            "dtype": policy,
            **{name: getattr(self, name) for name in names},
        }

    def build_from_config(self, config: Any) -> None:
        """Build without the shapes that were stored; `build` needs none."""
        self.build()


def _recomputed(block: TransformerLayer, rows: Any, bias: Any) -> Any:
    """Run a layer in training, keeping nothing but its input for the gradient."""
    seeds = block.draw()  # outside, so that both times the same units are dropped

    def run(rows: Any) -> Any:
        return block(rows, bias, training=True, seeds=seeds)

    return keras.remat(run)(rows)


def read_windows(mask: Any) -> tuple[Any, Any]:
    """Positions within windows, and the bias that confines attention to them.

    Args:
        mask: (B, S) integers: 0 padding, 1, 2, … the window; windows are contiguous.

    Returns:
        Positions (B, S), 0 in padding; the bias (B, 1, S, S) float32, which is added to
        attention scores: 0 within the window, very low elsewhere.
    """
    mask = ops.cast(mask, "int32")
    length = ops.shape(mask)[1]
    index = ops.arange(length, dtype="int32")  # (S,)
    real = mask > 0  # (B, S)
    same = ops.expand_dims(mask, 2) == ops.expand_dims(mask, 1)  # (B, S, S)
    first = ops.min(ops.where(same, index, length), axis=-1)  # (B, S) of its window
    positions = ops.where(real, index - first, 0)
    allowed = ops.logical_and(same, ops.expand_dims(real, 1))
    bias = ops.where(allowed, 0.0, MASKED)
    return positions, ops.expand_dims(ops.cast(bias, "float32"), 1)
