"""The train step: the one place that knows how a loss becomes an update.

The loss of a step is summed over the words of all parts of the batch and of all
replicas, and divided by their number: it does not depend on how windows share rows,
parts and devices. The gradient is clipped as a whole, after it was summed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from tfner.models.keras_internals import all_layers
from tfner.tasks import Task


class TrainStepModel(keras.Model):
    """A model inside what `fit` needs to train it, whatever the loss is.

    A subclass makes an update of a batch in `train_step`, and in `_part_sums` the
    gradients of one part of it, followed by other sums over the parts.

    Args:
        model: holds the weights, knows nothing of training.
        clip_norm: largest global norm of the gradient; 0 does not clip.
        seed: dropout is a function of seed and step, so that a resumed run drops the
            same units as an uninterrupted one.
        accumulate: parts in which the rows of a batch are computed, one after the
            other; divides their number.
        jit_gradient: compile forward and backward pass with XLA where `fit` does not
            compile the whole step: it cannot under a strategy of several replicas, and
            need not on a CPU.
    """

    def __init__(
        self,
        model: keras.Model,
        *,
        clip_norm: float,
        seed: int,
        accumulate: int = 1,
        jit_gradient: bool = False,
    ) -> None:
        super().__init__()
        self.model = model
        self.clip_norm, self.seed, self.accumulate = clip_norm, seed, accumulate
        self.generators = [
            layer.seed_generator
            for layer in all_layers(model)
            if hasattr(layer, "seed_generator")
        ]
        self._sums = self._batch_sums
        if jit_gradient:
            self._sums = tf.function(
                self._batch_sums, jit_compile=True, reduce_retracing=True
            )

    def call(self, features: Any, training: bool | None = None) -> Any:
        """Run the model."""
        return self.model(features, training=training)

    def _part_sums(self, data: Any, draw: Any, *more: Any) -> Any:
        """Gradients and sums of one part of a batch."""
        raise NotImplementedError

    def _no_sums(self) -> tuple[Any, ...]:
        """Zeros of the shapes of the sums that `_part_sums` returns after gradients."""
        raise NotImplementedError

    def _draw(self, replica: Any) -> Any:
        """A number that no other step and no other replica has."""
        step = tf.cast(self.optimizer.iterations, tf.int32)
        replicas = replica.num_replicas_in_sync
        return step * replicas + replica.replica_id_in_sync_group

    def _batch_sums(self, data: Any, draw: Any, *more: Any) -> Any:
        """Gradients and sums of the batch; `more` is the same for all its parts."""
        parts = self.accumulate
        if parts == 1:
            return self._part_sums(data, draw, *more)
        weights = self.model.trainable_variables
        nothing = ([tf.zeros(weight.shape) for weight in weights], *self._no_sums())
        stacked = tf.nest.map_structure(lambda t: tf.stack(tf.split(t, parts)), data)
        draws = draw * parts + tf.range(parts, dtype=draw.dtype)

        def add(sums: Any, part: Any) -> Any:
            return tf.nest.map_structure(tf.add, sums, self._part_sums(*part, *more))

        # A loop, where one part's memory is free before the next one needs it.
        return tf.foldl(add, (stacked, draws), nothing, parallel_iterations=1)

    def _update(self, gradients: list[Any], count: Any, *, share: float) -> None:
        """Make a mean of summed gradients, clip it by its true size, and apply it.

        In float16 the loss is scaled and so are they; where one is no number, the norm
        is none either, and the optimizer passes over the step. All of it is one factor:
        the gradients are read twice and written once.

        Args:
            gradients: sums.
            count: of what they were summed over.
            share: of the mean that is applied.
        """
        scale = self.optimizer.scale_loss(1.0)
        factor = share / count
        if self.clip_norm:
            norm = tf.linalg.global_norm(gradients) / (count * scale)
            factor *= self.clip_norm / tf.maximum(norm, self.clip_norm)
            factor += norm - norm  # 0, or no number
        self.optimizer.apply(
            [gradient * factor for gradient in gradients],
            self.model.trainable_variables,
        )

    def _seed(self, draw: Any) -> None:
        for number, generator in enumerate(self.generators):
            start = tf.constant(1_000 * self.seed + number, tf.uint32)
            generator.state.assign(tf.stack([start, tf.cast(draw, tf.uint32)]))

    def _maybe_symbolic_build(
        self, iterator: Any = None, data_batch: Any = None
    ) -> None:
        """Do nothing: all is built, and Keras 3.15 would average workers' batches."""


class TrainingModel(TrainStepModel):
    """A task's model inside what `fit` needs to train it.

    Args:
        model: from `Task.build`.
        task: gives the loss.
        settings: of `TrainStepModel`.
    """

    def __init__(self, model: keras.Model, task: Task, **settings: Any) -> None:
        super().__init__(model, **settings)
        self.task = task
        self.mean_loss = keras.metrics.Mean(name="loss")
        self.mean_accuracy = task.metric()

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """Running means, which are reset at every epoch."""
        return [self.mean_loss, self.mean_accuracy]

    def train_step(self, data: Any) -> dict[str, Any]:
        """One update; returns the running means of the epoch."""
        replica = tf.distribute.get_replica_context()
        replicas = replica.num_replicas_in_sync
        counts = self.mean_accuracy.variables
        before = [tf.convert_to_tensor(count) for count in counts]
        sums = self._sums(data, self._draw(replica))
        if replicas > 1:
            # Each replica counts what all saw, so that any one's means are the true
            # ones: a checkpoint takes them from the chief alone.
            seen = [count - old for count, old in zip(counts, before, strict=True)]
            sums, seen = replica.all_reduce(tf.distribute.ReduceOp.SUM, (sums, seen))
            for count, old, more in zip(counts, before, seen, strict=True):
                count.assign(old + more)
        gradients, total, count = sums
        words = tf.maximum(count, 1.0)
        # The optimizer sums what the replicas give it, though it is all the same.
        self._update(gradients, words, share=1 / replicas)
        self.mean_loss.update_state(total / words, sample_weight=count)
        return {metric.name: metric.result() for metric in self.metrics}

    def _no_sums(self) -> tuple[Any, ...]:
        return 0.0, 0.0

    def _part_sums(self, data: Any, draw: Any, *more: Any) -> Any:
        """Gradients, loss and number of words, each summed."""
        features, labels = data
        self._seed(draw)
        weights = self.model.trainable_variables
        with tf.GradientTape() as tape:
            logits = self.model(features, training=True)
            total, count = self.task.loss(labels, logits)
            scaled = self.optimizer.scale_loss(total)
        found = tape.gradient(scaled, weights, unconnected_gradients="zero")
        self.mean_accuracy.update_state(labels, logits)
        # An embedding gives one slice per piece; norm and AdamW need their sums.
        return [tf.convert_to_tensor(gradient) for gradient in found], total, count

    @contextlib.contextmanager
    def averaged(self) -> Iterator[None]:
        """Give the model the moving average of its weights, as long as this lasts.

        Without such an average its weights stay as they are.
        """
        inner = getattr(self.optimizer, "inner_optimizer", self.optimizer)
        averages = getattr(inner, "averages", [])
        weights = self.model.trainable_variables[: len(averages)]
        kept = [weight.numpy() for weight in weights]
        for weight, average in zip(weights, averages, strict=True):
            weight.assign(average.numpy())
        try:
            yield
        finally:
            for weight, value in zip(weights, kept, strict=True):
                weight.assign(value)
