"""Optimizers and learning-rate schedules; Keras alone, so that any backend has them."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

NOT_DECAYED = ("bias", "gamma", "beta")
"""Variables whose names hold one of these take no weight decay (Devlin et al. 2018)."""


@keras.saving.register_keras_serializable(package="tfner")
class WarmupLinearDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Rises linearly to the peak, then falls linearly to 0 at the last step.

    Args:
        peak: highest rate.
        steps: length of the run.
        warmup_steps: steps in which the rate rises, 0 <= warmup_steps <= steps.
    """

    def __init__(self, peak: float, *, steps: int, warmup_steps: int) -> None:
        self.peak, self.steps, self.warmup_steps = peak, steps, warmup_steps

    def __call__(self, step: Any) -> Any:
        """The rate of one step, counted from 0."""
        done = ops.cast(step, "float32")
        rising = (done + 1.0) / max(self.warmup_steps, 1)
        falling = (self.steps - done) / max(self.steps - self.warmup_steps, 1)
        return self.peak * ops.maximum(0.0, ops.minimum(rising, falling))

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {
            "peak": self.peak,
            "steps": self.steps,
            "warmup_steps": self.warmup_steps,
        }


def adamw(
    *, learning_rate: float, steps: int, warmup: float, weight_decay: float
) -> keras.optimizers.Optimizer:
    """AdamW with warm-up and linear decay, biases and norms not decayed.

    Args:
        learning_rate: highest rate.
        steps: length of the run.
        warmup: share of the steps in which the rate rises, between 0 and 1.
        weight_decay: decoupled decay per step, times the rate.
    """
    schedule = WarmupLinearDecay(
        learning_rate, steps=steps, warmup_steps=round(warmup * steps)
    )
    optimizer = keras.optimizers.AdamW(
        schedule, weight_decay=weight_decay, beta_1=0.9, beta_2=0.999, epsilon=1e-8
    )
    optimizer.exclude_from_weight_decay(var_names=list(NOT_DECAYED))
    return optimizer
