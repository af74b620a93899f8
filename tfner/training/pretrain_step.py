"""The pretraining step: what a batch has to find out becomes an update."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfner.models.electra import BINS, FIGURES, Electra, MaskedLanguageModel
from tfner.training.train_step import Trainee

DRAWS = 4
"""Numbers between two steps' seeds: a layer that two encoders share draws twice."""


class Sums(keras.metrics.Metric):
    """The sums of all batches since the last reset, and the number of steps."""

    def __init__(self, name: str = "loss", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        size = len(FIGURES) + 2 * BINS
        self.sums = self.add_variable((size,), "zeros", name="sums")
        self.losses = self.add_variable((2,), "zeros", name="losses")

    def update_state(self, sums: Any, loss: Any) -> None:
        """Add those of one step."""
        self.sums.assign_add(sums)
        self.losses.assign_add([loss, 1.0])

    def result(self) -> Any:
        """The mean loss."""
        return self.losses[0] / tf.maximum(self.losses[1], 1.0)


class Pretrainee(Trainee):
    """A pretraining model inside what `fit` needs to train it.

    Every loss is divided by what the whole batch counts, all parts and replicas
    together, before its gradient is taken.

    Args:
        model: built.
        clip_norm: see `Trainee`.
        seed: see `Trainee`; also of what is hidden and drawn.
        accumulate: see `Trainee`.
        jit_gradient: see `Trainee`.
    """

    def __init__(self, model: Electra | MaskedLanguageModel, **settings: Any) -> None:
        super().__init__(model, None, **settings)  # type: ignore[arg-type]
        self.sums = Sums()

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """What is reset when it was reported."""
        return [self.sums]

    def train_step(self, data: Any) -> dict[str, Any]:
        """One update; returns the mean loss since the last report."""
        replica = tf.distribute.get_replica_context()
        replicas = replica.num_replicas_in_sync
        counts = self.model.counts(data)
        if replicas > 1:
            counts = replica.all_reduce(tf.distribute.ReduceOp.SUM, counts)
        step = tf.cast(self.optimizer.iterations, tf.int32)
        draw = step * replicas + replica.replica_id_in_sync_group
        found = self._sums(data, draw, counts)
        if replicas > 1:
            found = replica.all_reduce(tf.distribute.ReduceOp.SUM, found)
        gradients, sums = found
        # The optimizer sums what the replicas give it, though it is all the same.
        self._update(gradients, share=1 / replicas)
        self.sums.update_state(sums, self.model.batch_loss(sums, counts))
        return {self.sums.name: self.sums.result()}

    def _batch_sums(  # type: ignore[override]
        self, data: Any, draw: Any, counts: Any
    ) -> tuple[list[Any], Any]:
        """Gradients and sums of the batch."""
        parts = self.accumulate
        if parts == 1:
            return self._part_sums(data, draw, counts)
        weights = self.model.trainable_variables
        nothing = (
            [tf.zeros(weight.shape) for weight in weights],
            tf.zeros(self.sums.sums.shape),
        )
        stacked = tf.nest.map_structure(lambda t: tf.stack(tf.split(t, parts)), data)
        draws = draw * parts + tf.range(parts, dtype=draw.dtype)

        def add(found: Any, part: Any) -> Any:
            features, part_draw = part
            new = self._part_sums(features, part_draw, counts)
            return tf.nest.map_structure(tf.add, found, new)

        gradients, sums = tf.foldl(
            add, (stacked, draws), nothing, parallel_iterations=1
        )
        return gradients, sums

    def _part_sums(  # type: ignore[override]
        self, features: Any, draw: Any, counts: Any
    ) -> tuple[list[Any], Any]:
        self._seed(draw * DRAWS)
        weights = self.model.trainable_variables
        with tf.GradientTape() as tape:
            sums = self.model(features, training=True)
            loss = self.model.batch_loss(sums, counts)
            scaled = self.optimizer.scale_loss(loss)
        found = tape.gradient(scaled, weights, unconnected_gradients="zero")
        return [tf.convert_to_tensor(gradient) for gradient in found], sums
