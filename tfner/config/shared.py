"""Sections that fine-tuning and pretraining share."""

from __future__ import annotations

from dataclasses import dataclass

from tfner.config import limits
from tfner.config.choices import Precision, Strategy
from tfner.config.sections import Section, documented, setting


@documented
@dataclass(frozen=True, kw_only=True)
class OptimizationConfig(Section):
    """Settings of the optimizer and its schedule."""

    heading = "Optimization"
    exclusive = (("warmup_ratio", "warmup_steps"),)

    batch_size: int | None = setting(None, low=1, high=limits.BATCH)
    """Windows per update, on all devices together; an average where rows are packed."""
    accumulate: int = setting(1, low=1, high=1_024)
    """Parts in which each device computes its share of a batch, one after the other:
    less memory, the same update."""
    learning_rate: float | None = setting(None, low=0, high=limits.RATE, metavar="RATE")
    """Highest learning rate."""
    warmup_ratio: float | None = setting(None, low=0, high=1, metavar="SHARE")
    """Share of the steps in which the learning rate rises."""
    warmup_steps: int | None = setting(None, low=0, high=limits.STEPS)
    """Number of steps in which the learning rate rises, instead of a share."""
    weight_decay: float = setting(0.01, low=0, high=1_000, metavar="RATE")
    """Weight decay, of all weights but biases and norms."""
    adam_epsilon: float = setting(1e-8, low=0, high=1, metavar="X")
    """Number added to the root of Adam's second moment."""
    bias_correction: bool = True
    """Correct Adam's moments for their start at 0, which ELECTRA and BERT do not."""
    clip_norm: float = setting(1.0, low=0, high=limits.FACTOR, metavar="X")
    """Largest global norm of the gradient; 0 does not clip."""
    seed: int = setting(0, low=0, high=limits.SEED)
    """Seed of new weights, of the order of the data and of dropout."""

    def contradictions(self) -> list[str]:
        """More parts of a batch than it has windows."""
        if self.batch_size is None or self.accumulate <= self.batch_size:
            return []
        return [
            "`accumulate` must not be more than `batch_size`. Received: "
            f"accumulate={self.accumulate}, batch_size={self.batch_size}"
        ]

    def rising_steps(self, steps: int) -> int:
        """The number of steps, of so many, in which the learning rate rises."""
        if self.warmup_steps is not None:
            return min(self.warmup_steps, steps)
        return round((self.warmup_ratio or 0.0) * steps)


@documented
@dataclass(frozen=True, kw_only=True)
class DevicesConfig(Section):
    """The devices of a run, and how they compute."""

    heading = "Devices"

    strategy: Strategy = "auto"
    """Devices to train on: all GPUs of this machine (mirrored), the workers that
    TF_CONFIG names, a TPU, or one device (none); auto takes the first of a TPU that is
    named, several workers, several GPUs, one device."""
    tpu: str | None = setting(None, metavar="NAME")
    """Name or address of the TPU; local for the one of this machine."""
    precision: Precision = "float32"
    """Number format of the encoder's computations in training; weights and the saved
    model are float32."""
    recompute: bool = False
    """Compute layers again for the gradient: less memory, more time."""
    steps_per_execution: int | None = setting(None, low=1, high=1_000)
    """Steps per call of the device; 32 on a TPU and 1 elsewhere if not set."""
    jit_compile: bool = True
    """Compile the train step with XLA."""

    def contradictions(self) -> list[str]:
        """A TPU that another strategy would not use."""
        if self.tpu and self.strategy not in ("auto", "tpu"):
            return [f"`tpu` and `strategy` {self.strategy} contradict each other."]
        return []


@documented
@dataclass(frozen=True, kw_only=True)
class SavingConfig(Section):
    """The output of a run."""

    heading = "Output"

    output: str = setting("", needed=True, metavar="DIR")
    """Directory to write."""
    overwrite: bool = setting(False, switch=True)
    """Replace what an earlier run has written."""
    resume: bool = setting(False, switch=True)
    """Go on after the newest checkpoint of an unfinished run."""

    def contradictions(self) -> list[str]:
        """To replace a run and to go on with it."""
        if self.overwrite and self.resume:
            return [
                "`overwrite` and `resume` contradict each other. A run that was begun "
                "with `overwrite` goes on with `resume` alone."
            ]
        return []
