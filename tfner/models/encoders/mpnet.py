"""The encoder of MPNet: a BERT whose layers share a bias of relative positions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from tfner.models.encoders.bert import Encoder
from tfner.models.encoders.stack import Around
from tfner.models.encoders.windows import by_distance, pairs_of_distances

BUCKETS, FARTHEST = 32, 128
"""Of relative positions, and the distance from which on all share a bucket."""


@keras.saving.register_keras_serializable(package="tfner")
class MPNetEncoder(Encoder):
    """A BERT that also adds to attention scores what it learns of distances.

    Args:
        **kwargs: those of `Encoder`.

    Source: Song et al. 2020, "MPNet"; the buckets are those of Raffel et al. 2020,
    "T5", section 2.1.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.relative_bias = keras.layers.Embedding(
            BUCKETS,
            self.num_heads,
            embeddings_initializer=keras.initializers.TruncatedNormal(
                stddev=self.initializer_range
            ),
            dtype=self.dtype_policy,
            name="relative_bias",
        )

    def build(self, input_shape: Any = None) -> None:
        """Create every weight, once; no shape and no data is needed."""
        if not self.built:
            self.relative_bias.build()
        super().build()

    def _around(self, inputs: Mapping[str, Any], positions: Any, bias: Any) -> Around:
        length = ops.shape(positions)[1]
        of_distances = self.relative_bias(by_distance(_BUCKET, length))  # (2S - 1, A)
        by_head = ops.expand_dims(ops.transpose(of_distances), 1)  # (A, 1, 2S - 1)
        shape = (self.num_heads, length, 2 * length - 1)
        learnt = pairs_of_distances(ops.broadcast_to(by_head, shape))  # (A, S, S)
        return Around(bias, learnt=ops.expand_dims(learnt, 0))

    def layer_groups(self) -> list[list[keras.layers.Layer]]:
        """The embeddings with the bias that all layers share, then the layers."""
        embeddings, *layers = super().layer_groups()
        return [[*embeddings, self.relative_bias], *layers]


def position_buckets() -> NDArray[np.int32]:
    """The bucket of every distance from -FARTHEST to FARTHEST."""
    distances = np.arange(-FARTHEST, FARTHEST + 1)
    half, exact = BUCKETS // 2, BUCKETS // 4
    far = np.maximum(np.abs(distances), 1).astype(np.float32) / np.float32(exact)
    steps = np.log(far) / np.float32(math.log(FARTHEST / exact)) * np.float32(exact)
    logarithmic = np.minimum(exact + steps.astype(np.int32), half - 1)
    near = np.abs(distances) < exact
    buckets = np.where(near, np.abs(distances), logarithmic)
    found: NDArray[np.int32] = (buckets + half * (distances > 0)).astype(np.int32)
    return found


_BUCKET = position_buckets()
