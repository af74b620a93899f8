"""The pretraining step, which makes an update of a batch."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfner.models.pretraining.electra import BINS, FIGURES, Electra, MaskedLanguageModel
from tfner.pretraining.model import DRAWS
from tfner.training.step import TrainStepModel


class Sums(keras.metrics.Metric):
    """The sums of all batches since the last reset, and the number of steps."""

    def __init__(self, name: str = "loss", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        size = len(FIGURES) + 2 * BINS
        self.sums = self.add_variable((size,), "zeros", name="sums")
        self.losses = self.add_variable((2,), "zeros", name="losses")

    def update_state(self, sums: Any, loss: Any) -> None:
        """Add those of one step, of the batch of all replicas."""
        self.sums.assign_add(sums)
        self.losses.assign_add([loss, 1.0])

    def result(self) -> Any:
        """The mean loss."""
        return self.losses[0] / tf.maximum(self.losses[1], 1.0)


class PretrainingModel(TrainStepModel):
    """A pretraining model inside what `fit` needs to train it.

    Every loss is divided by what the whole batch counts, all parts and replicas
    together, before its gradient is taken.

    Args:
        model: built.
        settings: of `TrainStepModel`; the seed also decides what is hidden and drawn.
    """

    def __init__(self, model: Electra | MaskedLanguageModel, **settings: Any) -> None:
        super().__init__(model, **settings)
        self.sums = Sums()

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The sums, which are reset when they were reported."""
        return [self.sums]

    def train_step(self, data: Any) -> dict[str, Any]:
        """One update; returns the mean loss since the last report."""
        replica = tf.distribute.get_replica_context()
        replicas = replica.num_replicas_in_sync
        counts = self.model.counts(data)
        if replicas > 1:
            counts = replica.all_reduce(tf.distribute.ReduceOp.SUM, counts)
        found = self._sums(data, self._draw(replica), counts)
        if replicas > 1:
            found = replica.all_reduce(tf.distribute.ReduceOp.SUM, found)
        gradients, sums = found
        # The optimizer sums what the replicas give it, though it is all the same.
        self._update(gradients, 1.0, share=1 / replicas)
        self.sums.update_state(sums, self.model.batch_loss(sums, counts))
        return {self.sums.name: self.sums.result()}

    def _no_sums(self) -> tuple[Any, ...]:
        return (tf.zeros(self.sums.sums.shape),)

    def _part_sums(self, data: Any, draw: Any, *more: Any) -> Any:
        """Gradients of the loss, and what the model sums."""
        (counts,) = more
        self._seed(draw * DRAWS)
        weights = self.model.trainable_variables
        with tf.GradientTape() as tape:
            sums = self.model(data, training=True)
            scaled = self.optimizer.scale_loss(self.model.batch_loss(sums, counts))
        found = tape.gradient(scaled, weights, unconnected_gradients="zero")
        return [tf.convert_to_tensor(gradient) for gradient in found], sums
