"""The train step: the one place that knows how a loss becomes an update.

The loss of a step is summed over all words and divided by their number, so that it does
not depend on how windows share rows, and the gradient is clipped as a whole.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfner.models.losses import MaskedAccuracy
from tfner.tasks import Task


class Trainee(keras.Model):
    """A task's model inside what `fit` needs to train it.

    Args:
        model: from `Task.build`; holds the weights, knows nothing of training.
        task: gives the loss.
        clip_norm: largest global norm of the gradient; 0 does not clip.
        seed: dropout is a function of seed and step, so that a resumed run drops the
            same units as an uninterrupted one.
    """

    def __init__(
        self, model: keras.Model, task: Task, *, clip_norm: float, seed: int
    ) -> None:
        super().__init__()
        self.model, self.task = model, task
        self.clip_norm, self.seed = clip_norm, seed
        self.generators = [
            layer.seed_generator
            for layer in model._flatten_layers()
            if hasattr(layer, "seed_generator")
        ]
        self.mean_loss = keras.metrics.Mean(name="loss")
        self.mean_accuracy = MaskedAccuracy()

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """What is reset at every epoch."""
        return [self.mean_loss, self.mean_accuracy]

    def call(self, features: Any, training: bool | None = None) -> Any:
        """The model's logits."""
        return self.model(features, training=training)

    def train_step(self, data: Any) -> dict[str, Any]:
        """One update; returns the running means of the epoch."""
        features, labels = data
        self._seed(self.optimizer.iterations)
        weights = self.model.trainable_variables
        with tf.GradientTape() as tape:
            logits = self.model(features, training=True)
            total, count = self.task.loss(labels, logits)
            loss = total / tf.maximum(count, 1.0)
        # An embedding gives one slice per piece; norm and AdamW need their sums.
        gradients = [
            None if gradient is None else tf.convert_to_tensor(gradient)
            for gradient in tape.gradient(loss, weights)
        ]
        if self.clip_norm:
            gradients, _ = tf.clip_by_global_norm(gradients, self.clip_norm)
        self.optimizer.apply(gradients, weights)
        self.mean_loss.update_state(loss, sample_weight=count)
        self.mean_accuracy.update_state(labels, logits)
        return {metric.name: metric.result() for metric in self.metrics}

    def _seed(self, step: Any) -> None:
        for number, generator in enumerate(self.generators):
            start = tf.constant(1_000 * self.seed + number, tf.uint32)
            generator.state.assign(tf.stack([start, tf.cast(step, tf.uint32)]))
