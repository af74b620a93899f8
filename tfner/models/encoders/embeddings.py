"""Embeddings: pieces with their positions and segments as vectors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from tfner.models.dropout import Dropout
from tfner.models.encoders.norms import new_norm
from tfner.models.keras_internals import open_to_weights

PART = 8_192
"""Rows of a large table that are read at once."""


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

        def table(size: int, name: str, kind: Any = keras.layers.Embedding) -> Any:
            init = keras.initializers.TruncatedNormal(stddev=initializer_range)
            return kind(
                size,
                width,
                embeddings_initializer=init,
                dtype=self.dtype_policy,
                name=name,
            )

        self.width = width
        self.pieces = table(vocab_size, "pieces", PieceTable)
        self.positions = table(num_positions, "positions") if num_positions else None
        self.types = table(type_vocab_size, "types") if type_vocab_size else None
        self.norm = new_norm(
            norm, epsilon=epsilon, dtype=self.dtype_policy, name="norm"
        )
        self.dropout = Dropout(dropout, dtype=self.dtype_policy)

    def build(self, input_shape: Any = None) -> None:
        """Create the tables; no shape is needed."""
        if not self.pieces.built:
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


@keras.saving.register_keras_serializable(package="tfner")
class PieceTable(keras.layers.Embedding):
    """A table of vectors (V, E), of which training may learn some rows alone.

    A corpus has some thousand pieces, a multilingual vocabulary 250,000. The rows of
    the others have no gradient: all that training does to them is to scale all alike,
    by weight decay, and by an average of what that has left. So the optimizer gets the
    rows that learn and one number, the scale of all others, in place of the table; it
    decays and averages that number as it would each of them.

    It is saved and loaded as a whole table, whichever rows learn.
    """

    learned: Any = None
    """(K, E) rows that learn, and count in place of those of the table."""
    scale: Any = None
    """() factor of all other rows, 1 at first; its gradient is 0."""

    def learn_only(self, ids: Any) -> None:
        """Let the rows of some pieces learn, and no others.

        Args:
            ids: of the pieces, in any order, also several times; K different ones.
        """
        self._ids = np.unique(ids)
        self._slots = np.full(self.input_dim, -1, np.int32)
        self._slots[self._ids] = np.arange(len(self._ids))
        self._embeddings.trainable = False
        rows = self.rows_of(self._embeddings)
        with open_to_weights(self):
            self.learned = self.add_weight(
                rows.shape, initializer=lambda *_, **__: rows, name="learned"
            )
            self.scale = self.add_weight(
                (), initializer="ones", name="scale", autocast=False
            )

    @property
    def fixed(self) -> Any:
        """The table (V, E) as training began; None where it learns as a whole."""
        return None if self.learned is None else self._embeddings

    def begin_from(self, table: Any) -> None:
        """Take a whole table (V, E), as if nothing had been learned since."""
        self._embeddings.assign(table)
        self.learned.assign(self.rows_of(self._embeddings))
        self.scale.assign(1.0)

    def rows_of(self, table: Any) -> Any:
        """The rows (K, E) that learn, of a table (V, E)."""
        return ops.take(table, self._ids, axis=0)

    def scale_of(self, table: Any) -> Any:
        """The factor () by which rows that do not learn differ in another table."""
        others = (self._slots < 0)[:, None]
        product, square = (
            np.sum(self._embeddings * rows, where=others)
            for rows in (table, self._embeddings)
        )
        return np.float32(product / max(square, 1e-30))

    @property
    def embeddings(self) -> Any:
        """The whole table (V, E), with what was learned."""
        if self.learned is None:
            return super().embeddings
        rows = self._ids[:, None]
        return ops.scatter_update(self._embeddings * self.scale, rows, self.learned)

    def call(self, inputs: Any) -> Any:
        """Look up the vectors (…, E) of pieces (…)."""
        if self.learned is None:
            return super().call(inputs)
        slots = ops.take(self._slots, inputs)
        learns = slots >= 0
        learned = ops.take(self.learned, ops.maximum(slots, 0), axis=0)
        # Rows that learn are not looked up twice: the whole table need not be at hand.
        others = ops.take(self._embeddings, ops.where(learns, 0, inputs), axis=0)
        # A gradient of 0 and not none: tapes fail on Keras' variables without any.
        scale = ops.stop_gradient(self.scale) + 0.0 * self.scale
        others = others * ops.cast(scale, others.dtype)
        vectors = ops.where(learns[..., None], learned, others)
        return ops.cast(vectors, self.compute_dtype)

    def __dir__(self) -> list[str]:
        """All names but `embeddings`: Keras reads what is listed whenever it saves."""
        return [name for name in super().__dir__() if name != "embeddings"]

    def some_fixed(self) -> Any:
        """Some hundred rows of `fixed`, by which two tables are told apart."""
        step = max(1, self.input_dim // 256)
        return ops.convert_to_numpy(self._embeddings[::step])

    def save_own_variables(self, store: Any) -> None:
        """Write the whole table, with what was learned."""
        if self.learned is None:
            super().save_own_variables(store)
            return
        store["0"] = _MadeOnce(self._whole)

    def _whole(self) -> np.ndarray:
        table = np.empty(self._embeddings.shape, self._embeddings.dtype)
        scale = ops.convert_to_numpy(self.scale)
        for start in range(0, self.input_dim, PART):
            rows = ops.convert_to_numpy(self._embeddings[start : start + PART])
            np.multiply(rows, scale, out=table[start : start + PART])
        table[self._ids] = ops.convert_to_numpy(self.learned)
        return table

    def load_own_variables(self, store: Any) -> None:
        """Read a whole table; the rows that learn begin from it."""
        if self.learned is None:
            super().load_own_variables(store)
        else:
            self.begin_from(store["0"])


class _MadeOnce:
    """An array that is made when Keras copies it, which so needs no second one.

    Args:
        make: makes the array.
    """

    def __init__(self, make: Callable[[], np.ndarray]) -> None:
        self.make = make

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        """Make it, as numpy asks for it; it is nobody else's."""
        return self.make()


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
