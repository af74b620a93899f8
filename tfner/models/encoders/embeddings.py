"""Embeddings: pieces with their positions and segments as vectors."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from tfner.models.dropout import Dropout
from tfner.models.encoders.norms import new_norm


@keras.saving.register_keras_serializable(package="tfner")
class Embeddings(keras.layers.Layer):
    """Sum of piece, position and segment vectors, normalised.

    Works on flattened rows, so that every later product is a plain matrix product.

    Args:
        vocab_size: pieces.
        width: E, numbers of a vector.
        num_positions: rows of the position table, unused ones included; 0 for a model
            whose layers know positions by themselves.
        type_vocab_size: segments; 0 for a model without them.
        epsilon: small number that the normalisation adds to the variance.
        dropout: rate, 0 to 1.
        initializer_range: standard deviation of new weights.
        norm: kind of the normalisation; see `new_norm`.
    """

    def __init__(
        self,
        *,
        vocab_size: int,
        width: int,
        num_positions: int,
        type_vocab_size: int,
        epsilon: float,
        dropout: float,
        initializer_range: float,
        norm: str = "layer",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.settings = {
            "vocab_size": vocab_size,
            "width": width,
            "num_positions": num_positions,
            "type_vocab_size": type_vocab_size,
            "epsilon": epsilon,
            "dropout": dropout,
            "initializer_range": initializer_range,
            "norm": norm,
        }

        def table(size: int, name: str) -> keras.layers.Embedding:
            init = keras.initializers.TruncatedNormal(stddev=initializer_range)
            return keras.layers.Embedding(
                size,
                width,
                embeddings_initializer=init,
                dtype=self.dtype_policy,
                name=name,
            )

        self.width = width
        self.pieces = table(vocab_size, "pieces")
        self.positions = table(num_positions, "positions") if num_positions else None
        self.types = table(type_vocab_size, "types") if type_vocab_size else None
        self.norm = new_norm(
            norm, epsilon=epsilon, dtype=self.dtype_policy, name="norm"
        )
        self.dropout = Dropout(dropout, dtype=self.dtype_policy)

    def build(self, input_shape: Any = None) -> None:
        """Create the tables; no shape is needed."""
        self.pieces.build()
        if self.positions is not None:
            self.positions.build()
        if self.types is not None:
            self.types.build()
        if self.norm is not None:
            self.norm.build((None, self.settings["width"]))

    def call(
        self, ids: Any, positions: Any, types: Any = None, training: Any = None
    ) -> Any:
        """Look up the vectors (N, E) of flattened ids, positions and segments.

        Args:
            ids: (N,), N = B * S.
            positions: (N,).
            types: (N,) segments; None for those of a single one.
            training: whether dropout is on.
        """
        vectors = self.pieces(ids)  # (N, E)
        if self.positions is not None:
            vectors = vectors + self.positions(positions)
        if self.types is not None:
            if types is None or self.settings["type_vocab_size"] == 1:
                types = ops.zeros((1,), dtype="int32")  # one vector for all
            vectors = vectors + self.types(types)
        if self.norm is not None:
            vectors = self.norm(vectors)
        return self.dropout(vectors, training=training)

    def compute_output_shape(self, input_shape: Any, *_: Any) -> tuple[Any, ...]:
        """Shape of the vectors, (N, E)."""
        return (*input_shape, self.settings["width"])

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), **self.settings}


def sinusoids(length: int, width: int) -> np.ndarray:
    """Sinusoidal vectors of positions, in which near positions are alike.

    Sines, then cosines, of wave lengths from 2 pi to 20,000 pi; the mean square of
    every vector is 1.

    Args:
        length: positions.
        width: numbers of a vector; of an odd number the last one is 0.

    Returns:
        (length, width) float64.

    Source: Vaswani et al. 2017, section 3.5.
    """
    half = max(1, width // 2)
    rates = 10_000.0 ** (-np.arange(half) / half)
    angles = np.arange(length)[:, None] * rates  # (length, width / 2)
    waves = np.concatenate([np.sin(angles), np.cos(angles)], axis=1)
    waves = np.pad(waves, [(0, 0), (0, width % 2)])[:, :width]
    scaled: np.ndarray = waves * np.sqrt(width / half)
    return scaled
