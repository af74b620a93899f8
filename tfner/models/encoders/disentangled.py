"""A transformer layer that tells what pieces say from how far apart they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tfner.models.dropout import Dropout
from tfner.models.encoders.activations import activation_named
from tfner.models.encoders.layer import Seeds
from tfner.models.encoders.transformer import TransformerLayer
from tfner.models.encoders.windows import neighbours, pairs_of_distances


@keras.saving.register_keras_serializable(package="tfner")
class DisentangledLayer(TransformerLayer):
    """A transformer layer with disentangled attention.

    Args:
        terms: of "c2p" (what a piece says against how far the other is) and "p2c".
        shared: whether distances are projected by the weights for pieces.
        **kwargs: those of `TransformerLayer`.

    Source: He et al. 2021, "DeBERTa", section 3.1; the sharing is that of "DeBERTaV3".
    """

    def __init__(self, *, terms: Sequence[str], shared: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        width = self.settings["hidden_size"]
        self.terms, self.shared = tuple(terms), shared
        self.settings |= {"terms": list(terms), "shared": shared}
        self.position_key = self.position_query = None
        if "c2p" in terms and not shared:
            self.position_key = self._dense(width, "position_key")
        if "p2c" in terms and not shared:
            self.position_query = self._dense(width, "position_query")
        self.positions_dropout = Dropout(
            self.settings["hidden_dropout"], dtype=self.dtype_policy
        )

    def build(self, input_shape: Any = None) -> None:
        """Create the weights; no shape is needed."""
        super().build()
        for dense in (self.position_key, self.position_query):
            if dense is not None:
                dense.build((None, self.settings["hidden_size"]))

    def draw(self) -> Seeds:
        """Draw the seeds of one call's dropouts, with which it can be made again."""
        return (*super().draw(), self.positions_dropout.draw())

    def call(
        self,
        rows: Any,
        bias: Any,
        learnt: Any = None,
        fixed: Any = None,
        training: Any = None,
        seeds: Seeds = (None, None, None, None),
    ) -> Any:
        """Attend and feed forward.

        Args:
            rows: (B * S, H).
            bias: (B, 1, S, S) float32, added to the attention scores.
            learnt: (R, H) vectors of the buckets of distances.
            fixed: (2 S - 1,) buckets of the distances -(S - 1) to S - 1 from a key to
                a query.
            training: whether dropout is on.
            seeds: from `draw`; drawn here where they are None.

        Returns:
            (B * S, H).
        """
        *others, seed = seeds
        learnt = self.positions_dropout(learnt, training=training, seed=seed)
        return super().call(
            rows, bias, learnt, fixed, training=training, seeds=tuple(others)
        )

    def _scores(self, query: Any, key: Any, learnt: Any, fixed: Any) -> Any:
        scale = (self.head_size * (1 + len(self.terms))) ** -0.5
        query = query * scale
        scores = ops.cast(ops.matmul(query, ops.swapaxes(key, -1, -2)), "float32")
        position_query, position_key = self.projected(learnt)
        if position_key is not None:  # of the key's distance from the query
            near = ops.take(position_key, ops.flip(fixed), axis=1)  # (A, 2S - 1, H / A)
            paired = pairs_of_distances(ops.matmul(query, ops.swapaxes(near, 1, 2)))
            scores += ops.cast(paired, "float32")
        if position_query is not None:
            near = ops.take(position_query * scale, fixed, axis=1)
            paired = pairs_of_distances(ops.matmul(key, ops.swapaxes(near, 1, 2)))
            scores += ops.cast(ops.swapaxes(paired, -1, -2), "float32")
        return scores

    def projected(self, learnt: Any) -> tuple[Any, Any]:
        """Queries and keys (A, R, H / A) of distances; None for those not wanted."""
        if self.shared:
            query, key, _ = ops.split(self.query_key_value(learnt), 3, axis=-1)
            key = key if "c2p" in self.terms else None
            query = query if "p2c" in self.terms else None
        else:
            parts = (self.position_query, self.position_key)
            query, key = (None if part is None else part(learnt) for part in parts)
        return self._by_head(query), self._by_head(key)

    def _by_head(self, vectors: Any) -> Any:
        if vectors is None:
            return None
        split = ops.reshape(vectors, (-1, self.num_heads, self.head_size))
        return ops.transpose(split, (1, 0, 2))


@keras.saving.register_keras_serializable(package="tfner")
class ConvolutionLayer(keras.layers.Layer):
    """A convolution over the embeddings, added to the output of the first layer.

    Args:
        width: H.
        kernel_size: odd number of pieces that one sees.
        activation: of the convolution.
        epsilon: small number that the normalisation adds to the variance.
        dropout: rate, 0 to 1.
        initializer_range: standard deviation of new weights.

    Source: transformers models/deberta_v2, `ConvLayer`.
    """

    def __init__(
        self,
        *,
        width: int,
        kernel_size: int,
        activation: str,
        epsilon: float,
        dropout: float,
        initializer_range: float,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        self.settings: dict[str, Any] = {
            "width": width,
            "kernel_size": kernel_size,
            "activation": activation,
            "epsilon": epsilon,
            "dropout": dropout,
            "initializer_range": initializer_range,
        }
        self.activation = activation_named(activation)
        self.norm = keras.layers.LayerNormalization(
            epsilon=epsilon, dtype=self.dtype_policy, name="norm"
        )
        self.dropout = Dropout(dropout, dtype=self.dtype_policy)

    def build(self, input_shape: Any = None) -> None:
        """Create the weights; no shape is needed."""
        width, size = self.settings["width"], self.settings["kernel_size"]
        deviation = self.settings["initializer_range"]
        self.kernel = self.add_weight(
            shape=(size, width, width),
            initializer=keras.initializers.TruncatedNormal(stddev=deviation),
            name="kernel",
        )
        self.bias = self.add_weight(shape=(width,), initializer="zeros", name="bias")
        self.norm.build((None, width))

    def call(self, rows: Any, first: Any, mask: Any, training: Any = None) -> Any:
        """Add to the first layer's output what the embeddings around a piece say.

        Args:
            rows: (B * S, H) embeddings.
            first: (B * S, H), output of the first layer.
            mask: (B, S), as for `read_windows`.
            training: whether dropout is on.
        """
        width, size = self.settings["width"], self.settings["kernel_size"]
        kernel, bias = (
            ops.cast(weight, self.compute_dtype) for weight in (self.kernel, self.bias)
        )
        by_row = ops.reshape(rows, (*ops.shape(mask), width))
        around = ops.concatenate(neighbours(by_row, mask, size), axis=-1)
        flat = ops.reshape(around, (-1, size * width))
        found = ops.matmul(flat, ops.reshape(kernel, (size * width, width))) + bias
        found = self.activation(self.dropout(found, training=training))
        return self.norm(first + found)

    def compute_output_shape(self, input_shape: Any, *_: Any) -> Any:
        """Shape of the output: that of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), **self.settings}
