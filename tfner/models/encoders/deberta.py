"""The encoder of DeBERTa-v2, DeBERTa-v3 and mDeBERTa."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from tfner.models.encoders.disentangled import ConvolutionLayer, DisentangledLayer
from tfner.models.encoders.embeddings import Embeddings
from tfner.models.encoders.stack import Around, StackedEncoder, check_heads
from tfner.models.encoders.windows import by_distance

TERMS = ("c2p", "p2c")


@keras.saving.register_keras_serializable(package="tfner")
class DebertaEncoder(StackedEncoder):
    """A transformer encoder with disentangled attention, whose rows may be packed.

    Args:
        vocab_size: pieces.
        hidden_size: H, a multiple of `num_heads`.
        num_layers: transformer layers.
        num_heads: attention heads.
        intermediate_size: width of the feed-forward halves.
        max_positions: pieces a window may have.
        absolute_positions: whether embeddings know positions, too.
        type_vocab_size: segments; 0 for a model without them.
        farthest: distance from which on all distances are one.
        buckets: of distances to either side, the farther the coarser; 0 tells every
            distance up to `farthest`.
        terms: of attention scores, "c2p" and "p2c"; see `DisentangledLayer`.
        shared_projections: whether distances are projected by the weights for pieces.
        norm_distances: whether vectors of distances are normalised.
        convolution: pieces that a convolution beside the first layer sees; 0 for none.
        convolution_activation: its activation.
        activation: of the feed-forward halves; "gelu" is the exact one (erf).
        layer_norm_epsilon: epsilon of every normalisation.
        hidden_dropout: rate on the output of every half layer, 0 to 1.
        attention_dropout: rate on attention probabilities, 0 to 1.
        initializer_range: standard deviation of new weights.
        family: `model_type` of the Hugging Face format the model is written as.

    Input shape:
        A dict of `input_ids`, `attention_mask` and, optional, `token_type_ids`:
        (B, S) integers each; see `tfner.models.Encoder`.

    Output shape:
        (B, S, H).

    Raises:
        ValueError: `hidden_size` is no multiple of `num_heads`.

    Source: He et al. 2021, "DeBERTa"; He et al. 2023, "DeBERTaV3".
    """

    arguments = (
        *("vocab_size", "hidden_size", "num_layers", "num_heads", "intermediate_size"),
        *("max_positions", "absolute_positions", "type_vocab_size", "farthest"),
        *("buckets", "terms", "shared_projections", "norm_distances", "convolution"),
        *("convolution_activation", "activation", "layer_norm_epsilon"),
        *("hidden_dropout", "attention_dropout", "initializer_range", "family"),
    )

    def __init__(
        self,
        *,
        vocab_size: int,
        hidden_size: int,
        num_layers: int,
        num_heads: int,
        intermediate_size: int,
        max_positions: int = 512,
        absolute_positions: bool = False,
        type_vocab_size: int = 0,
        farthest: int = 512,
        buckets: int = 256,
        terms: Sequence[str] = TERMS,
        shared_projections: bool = True,
        norm_distances: bool = True,
        convolution: int = 0,
        convolution_activation: str = "tanh",
        activation: str = "gelu",
        layer_norm_epsilon: float = 1e-7,
        hidden_dropout: float = 0.1,
        attention_dropout: float = 0.1,
        initializer_range: float = 0.02,
        family: str = "deberta-v2",
        **kwargs: Any,
    ) -> None:
        check_heads(hidden_size, num_heads)
        super().__init__(**kwargs)
        self.vocab_size, self.hidden_size = vocab_size, hidden_size
        self.num_layers, self.num_heads = num_layers, num_heads
        self.intermediate_size, self.max_positions = intermediate_size, max_positions
        self.absolute_positions, self.type_vocab_size = (
            absolute_positions,
            type_vocab_size,
        )
        self.farthest, self.buckets, self.terms = farthest, buckets, tuple(terms)
        self.shared_projections = shared_projections
        self.norm_distances, self.convolution = norm_distances, convolution
        self.convolution_activation = convolution_activation
        self.activation, self.layer_norm_epsilon = activation, layer_norm_epsilon
        self.hidden_dropout = hidden_dropout
        self.attention_dropout = attention_dropout
        self.initializer_range, self.family = initializer_range, family
        self._table = distance_buckets(buckets, farthest)
        self.embeddings = self._new_embeddings()
        self.distances = self._new_distances()
        self.distances_norm = self._new_norm() if norm_distances else None
        self.blocks = [self._new_block(number) for number in range(num_layers)]
        self.first_convolution = self._new_convolution() if convolution else None

    def _new_embeddings(self) -> Embeddings:
        return Embeddings(
            vocab_size=self.vocab_size,
            width=self.hidden_size,
            num_positions=self.max_positions if self.absolute_positions else 0,
            type_vocab_size=self.type_vocab_size,
            epsilon=self.layer_norm_epsilon,
            dropout=self.hidden_dropout,
            initializer_range=self.initializer_range,
            dtype=self.dtype_policy,
            name="embeddings",
        )

    def _new_distances(self) -> keras.layers.Embedding:
        init = keras.initializers.TruncatedNormal(stddev=self.initializer_range)
        return keras.layers.Embedding(
            2 * (self.buckets or self.farthest),
            self.hidden_size,
            embeddings_initializer=init,
            dtype=self.dtype_policy,
            name="distances",
        )

    def _new_norm(self) -> keras.layers.LayerNormalization:
        return keras.layers.LayerNormalization(
            epsilon=self.layer_norm_epsilon,
            dtype=self.dtype_policy,
            name="distances_norm",
        )

    def _new_block(self, number: int) -> DisentangledLayer:
        return DisentangledLayer(
            terms=self.terms,
            shared=self.shared_projections,
            **self._layer_settings(number),
        )

    def _new_convolution(self) -> ConvolutionLayer:
        return ConvolutionLayer(
            width=self.hidden_size,
            kernel_size=self.convolution,
            activation=self.convolution_activation,
            epsilon=self.layer_norm_epsilon,
            dropout=self.hidden_dropout,
            initializer_range=self.initializer_range,
            dtype=self.dtype_policy,
            name="first_convolution",
        )

    def build(self, input_shape: Any = None) -> None:
        """Create every weight, once; no shape and no data is needed."""
        if self.built:
            return
        self.distances.build()
        if self.distances_norm is not None:
            self.distances_norm.build((None, self.hidden_size))
        if self.first_convolution is not None:
            self.first_convolution.build()
        super().build()

    def _transform(
        self,
        rows: Any,
        inputs: Mapping[str, Any],
        positions: Any,
        bias: Any,
        *,
        training: Any,
    ) -> Any:
        learnt = ops.cast(self.distances.embeddings, self.compute_dtype)
        if self.distances_norm is not None:
            learnt = self.distances_norm(learnt)
        buckets = by_distance(self._table, ops.shape(positions)[1])
        around, embedded = Around(bias, learnt, buckets), rows
        for number, block in enumerate(self.blocks):
            rows = self._run(block, rows, around, training=training)
            if number == 0 and self.first_convolution is not None:
                mask = ops.cast(inputs["attention_mask"], "int32")
                rows = self.first_convolution(embedded, rows, mask, training=training)
        return rows

    def layer_groups(self) -> list[list[keras.layers.Layer]]:
        """The embeddings with those of distances, then the layers one by one.

        The convolution is in the group of the first layer.
        """
        embeddings, *layers = super().layer_groups()
        embeddings = [*embeddings, self.distances]
        if self.distances_norm is not None:
            embeddings.append(self.distances_norm)
        if self.first_convolution is not None:
            layers[0].append(self.first_convolution)
        return [embeddings, *layers]


def distance_buckets(buckets: int, farthest: int) -> NDArray[np.int32]:
    """The row of the table of distances for each distance -farthest to farthest.

    Args:
        buckets: to either side; 0 tells every distance.
        farthest: distance from which on all are one.

    Source: transformers models/deberta_v2, `make_log_bucket_position`.
    """
    distances = np.arange(-farthest, farthest + 1)
    span = buckets or farthest
    if buckets:
        middle = buckets // 2
        size = np.maximum(np.abs(distances), middle).astype(np.float32)
        steps = np.log(size / np.float32(middle)) / np.float32(
            math.log((farthest - 1) / middle)
        )
        coarse = np.ceil(steps * np.float32(middle - 1)).astype(int) + middle
        far = np.abs(distances) > middle
        distances = np.where(far, np.sign(distances) * coarse, distances)
    rows: NDArray[np.int32] = np.clip(distances + span, 0, 2 * span - 1)
    return rows.astype(np.int32)
