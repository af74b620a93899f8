"""Optimizers and learning-rate schedules; Keras alone, so that any backend has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
from keras import ops

from tfner.models.encoders.interface import layer_groups
from tfner.training.keras_internals import index_of, moving_averages

NOT_DECAYED = ("bias", "gamma", "beta")
"""Variables whose names hold one of these take no weight decay (Devlin et al. 2018)."""

MOMENTUM = (0.95, 0.85)
"""Share of the first moment that a step keeps: at a rate of 0, and at the peak."""


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


@keras.saving.register_keras_serializable(package="tfner")
class Sweep(keras.optimizers.schedules.LearningRateSchedule):
    """Rises from the lowest to the highest rate, for a range test.

    Args:
        low: rate of the first step.
        high: rate of the last step.
        steps: length of the test, at least 2.
        mode: "exponential", by the same factor every step, or "linear".
    """

    def __init__(
        self, low: float, high: float, *, steps: int, mode: str = "exponential"
    ) -> None:
        self.low, self.high, self.steps, self.mode = low, high, steps, mode

    def __call__(self, step: Any) -> Any:
        """The rate of one step, counted from 0."""
        share = ops.cast(step, "float32") / (self.steps - 1)
        if self.mode == "linear":
            return self.low + (self.high - self.low) * share
        return self.low * (self.high / self.low) ** share

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return vars(self).copy()


@keras.saving.register_keras_serializable(package="tfner")
class AdamW(keras.optimizers.Adam):
    """Adam with decoupled weight decay and a rate of its own for every weight.

    Args:
        learning_rate: of a weight whose share is 1; a number or a schedule.
        decay: of weights other than biases and norms, per step, times the rate.
        rates: path of a weight -> its share of the rate; 1 where it has none.
        bias_correction: as in Adam; ELECTRA's and BERT's own optimizers leave it out,
            which makes the first thousand steps up to three times as large.
        cycle_peak: the rate at which a step keeps least of the first moment, and the
            more, the lower the rate (`MOMENTUM`), whatever `beta_1` is; `beta_1` always
            if None.
        epsilon: added to the root of the second moment.

    Source: google-research/electra model/optimization.py; torch.optim.lr_scheduler
    (OneCycleLR).
    """

    beta_1: Any
    adam: Callable[[Any, Any, Any], None] | None = None
    """Updates a weight, of gradient, weight and rate, in place of Keras' operations."""

    def __init__(
        self,
        learning_rate: Any,
        *,
        decay: float = 0.0,
        rates: Mapping[str, float] | None = None,
        bias_correction: bool = True,
        cycle_peak: float | None = None,
        epsilon: float = 1e-8,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, epsilon=epsilon, **kwargs)
        self.decay, self.rates = decay, dict(rates or {})
        self.bias_correction, self.cycle_peak = bias_correction, cycle_peak

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Make the moments, and each weight's share of rate and decay."""
        super().build(variables)
        self._shares = [self.rates.get(variable.path, 1.0) for variable in variables]
        self._decays = [
            0.0 if any(name in variable.name for name in NOT_DECAYED) else self.decay
            for variable in variables
        ]

    @property
    def averages(self) -> list[Any]:
        """Moving averages of the weights, in order; none without `use_ema`."""
        return moving_averages(self)

    def finalize_variable_values(self, var_list: Sequence[keras.Variable]) -> None:
        """Do nothing: averages are read on demand, and `fit` may go on from here."""

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update one weight; its decay is computed from the value before.

        Args:
            gradient: of the weight.
            variable: the weight.
            learning_rate: of this step.
        """
        fixed = self.beta_1
        if self.cycle_peak:
            high, low = MOMENTUM
            share = ops.minimum(learning_rate / self.cycle_peak, 1.0)
            self.beta_1 = high - (high - low) * share
        try:
            self._update(gradient, variable, learning_rate)
        finally:
            self.beta_1 = fixed  # a tensor of this step is of no use to another

    def _update(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        number = index_of(self, variable)
        rate = learning_rate * self._shares[number]
        if self._decays[number]:
            lost = ops.cast(rate * self._decays[number], variable.dtype)
            self.assign_sub(variable, variable * lost)
        if not self.bias_correction:
            step = ops.cast(self.iterations + 1, "float32")
            first, second = (1.0 - b**step for b in (self.beta_1, self.beta_2))
            rate = rate * first / ops.sqrt(second)
        (self.adam or super().update_step)(gradient, variable, rate)

    def get_config(self) -> dict[str, Any]:
        """The arguments, for serialization."""
        return {
            **super().get_config(),
            "decay": self.decay,
            "rates": self.rates,
            "bias_correction": self.bias_correction,
            "cycle_peak": self.cycle_peak,
        }


def adamw(
    *,
    learning_rate: float,
    steps: int,
    warmup_steps: int,
    weight_decay: float,
    epsilon: float = 1e-8,
    beta_2: float = 0.999,
    bias_correction: bool = True,
    cycle_momentum: bool = False,
    rates: Mapping[str, float] | None = None,
    ema: float | None = None,
) -> AdamW:
    """AdamW with warm-up and linear decay, biases and norms not decayed.

    Args:
        learning_rate: highest rate.
        steps: length of the run.
        warmup_steps: steps in which the rate rises, 0 <= warmup_steps <= steps.
        weight_decay: decoupled decay per step, times the rate.
        epsilon: see `AdamW`.
        beta_2: share of the second moment that a step keeps.
        bias_correction: see `AdamW`.
        cycle_momentum: let the first moment cycle with the rate; see `AdamW`.
        rates: see `AdamW`; `layerwise_rates` gives ELECTRA's.
        ema: share of the weights' moving average that a step keeps; None keeps none.
    """
    schedule = WarmupLinearDecay(learning_rate, steps=steps, warmup_steps=warmup_steps)
    return AdamW(
        schedule,
        decay=weight_decay,
        epsilon=epsilon,
        beta_2=beta_2,
        bias_correction=bias_correction,
        cycle_peak=learning_rate if cycle_momentum else None,
        rates=rates,
        use_ema=ema is not None,
        ema_momentum=ema or 0.0,
    )


def layerwise_rates(model: keras.Model, decay: float) -> dict[str, float]:
    """Each weight's share of the rate: the deeper below the head, the smaller.

    Args:
        model: with an `encoder` that has `layer_groups`; whatever else the model holds
            is its head, with a share of 1.
        decay: share of a layer in the rate of the layer above, between 0 and 1. As in
            ELECTRA the highest layer is two steps below the head.

    Returns:
        Path of a trainable weight -> its share.

    Raises:
        ConfigError: the encoder names no layers.

    Source: google-research/electra model/optimization.py (_get_layer_lrs).
    """
    groups = layer_groups(model.encoder, setting="--layerwise-lr-decay")
    rates = {weight.path: 1.0 for weight in model.trainable_variables}
    for number, group in enumerate(groups):
        share = decay ** (len(groups) + 1 - number)
        for layer in group:
            rates |= {weight.path: share for weight in layer.trainable_variables}
    return rates
