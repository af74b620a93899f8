"""Settings of pretraining, and the published sizes by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from tfner.config import files, limits
from tfner.config.base import Settings, with_leaves
from tfner.config.choices import Activation, Objective
from tfner.config.sections import Section, documented, setting
from tfner.config.shared import DevicesConfig, OptimizationConfig, SavingConfig

HEAD_WIDTH = 64
"""Width of the generator's attention heads."""

_SMALL: dict[str, Any] = {
    "embedding_size": 128,
    "hidden_size": 256,
    "num_layers": 12,
    "num_heads": 4,
    "intermediate_size": 1024,
    "generator_size": 0.25,
    "mask_rate": 0.15,
    "learning_rate": 5e-4,
    "batch_size": 128,
    "steps": 1_000_000,
    "max_length": 128,
}
PRETRAIN_PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {
        "embedding_size": 32,
        "hidden_size": 64,
        "num_layers": 2,
        "num_heads": 2,
        "intermediate_size": 256,
        "generator_size": 0.5,
        "mask_rate": 0.15,
        "learning_rate": 1e-3,
        "batch_size": 32,
        "steps": 1000,
        "max_length": 64,
        "warmup_ratio": 0.1,
    },
    "mini": {
        "embedding_size": 192,
        "hidden_size": 192,
        "num_layers": 3,
        "num_heads": 3,
        "intermediate_size": 768,
        "generator_size": 1.0,
        "hidden_dropout": 0.0,
        "attention_dropout": 0.0,
        "initializer_range": 0.06,
        "sinusoidal_positions": True,
        "mask_rate": 0.15,
        "learning_rate": 1e-3,
        "batch_size": 16,
        "steps": 12_000,
        "max_length": 128,
        "warmup_ratio": 0.05,
        "bias_correction": True,
    },
    "small": _SMALL,
    "base": {
        **_SMALL,
        "embedding_size": 768,
        "hidden_size": 768,
        "num_heads": 12,
        "intermediate_size": 3072,
        "generator_size": 1 / 3,
        "learning_rate": 2e-4,
        "batch_size": 256,
        "steps": 766_000,
        "max_length": 512,
    },
    "large": {
        **_SMALL,
        "embedding_size": 1024,
        "hidden_size": 1024,
        "num_layers": 24,
        "num_heads": 16,
        "intermediate_size": 4096,
        "mask_rate": 0.25,
        "learning_rate": 2e-4,
        "batch_size": 2048,
        "steps": 400_000,
        "max_length": 512,
    },
}
"""Published settings by name: `PretrainConfig(**PRETRAIN_PRESETS["base"], data=…)`.
`tiny`, for trying things out, and `mini`, for an hour or two without a GPU, are not.

Source: Clark et al. 2020, table 6; the length of small: section 3.3.
"""


@documented
@dataclass(frozen=True, kw_only=True)
class RecordsConfig(Section):
    """The records to learn from."""

    heading = "Data"

    data: str = setting("", needed=True, metavar="DIR")
    """Directory that `tfner pretrain-data` wrote."""
    max_length: int = setting(_SMALL["max_length"], low=5, high=limits.LENGTH)
    """Pieces of a row, special ones included."""


@documented
@dataclass(frozen=True, kw_only=True)
class EncoderConfig(Section):
    """The encoder and its generator: sizes, dropout and first weights."""

    heading = "Encoder"

    encoder: str | None = setting(None, metavar="DIR")
    """Start from the weights of this encoder, which has the same sizes and tokenizer;
    named as `tfner train --encoder` takes it. The heads start new."""
    embedding_size: int = setting(_SMALL["embedding_size"], low=1, high=limits.WIDTH)
    """Width of the embeddings (electra)."""
    hidden_size: int = setting(_SMALL["hidden_size"], low=1, high=limits.WIDTH)
    """Width of the encoder."""
    num_layers: int = setting(_SMALL["num_layers"], low=1, high=limits.LAYERS)
    """Number of layers."""
    num_heads: int = setting(_SMALL["num_heads"], low=1, high=limits.WIDTH)
    """Number of attention heads."""
    intermediate_size: int = setting(
        _SMALL["intermediate_size"], low=1, high=limits.WIDTH
    )
    """Width of the feed-forward layers."""
    activation: Activation = "gelu"
    """GELU as it is defined, or its approximation by tanh, which google-research/bert
    and KerasHub's BERT have."""
    generator_size: float = setting(
        _SMALL["generator_size"], low=0.01, high=1, metavar="SHARE"
    )
    """Width of the generator as a share of the encoder's (electra)."""
    max_positions: int = setting(512, low=3, high=limits.LENGTH)
    """Positions that the encoder has; those past --max-length are not trained."""
    hidden_dropout: float = setting(0.1, low=0, high=0.9, metavar="RATE")
    """Dropout in the encoder."""
    attention_dropout: float = setting(0.1, low=0, high=0.9, metavar="RATE")
    """Dropout of the attention weights."""
    initializer_range: float = setting(0.02, low=0.001, high=1, metavar="X")
    """Standard deviation of new weights; that of embeddings is 0.02 at most."""
    sinusoidal_positions: bool = False
    """Start the position embeddings, which are trained, as sines and cosines, from
    which neighbouring positions are easily told."""

    @property
    def generator_width(self) -> int:
        """H of the generator."""
        return round(self.hidden_size * self.generator_size)

    @property
    def generator_heads(self) -> int:
        """Attention heads of the generator."""
        return max(1, self.generator_width // HEAD_WIDTH)

    def contradictions(self) -> list[str]:
        """A width that the heads do not divide."""
        if not self.hidden_size % self.num_heads:
            return []
        return [
            "`hidden_size` must be a multiple of `num_heads`. Received: "
            f"hidden_size={self.hidden_size}, num_heads={self.num_heads}"
        ]


@documented
@dataclass(frozen=True, kw_only=True)
class ObjectiveConfig(Section):
    """The objective of pretraining and its settings."""

    heading = "What is learned"

    objective: Objective = "electra"
    """Train a discriminator to find the pieces that a small generator replaced
    (electra), or a masked language model as BERT's (mlm)."""
    mask_rate: float = setting(_SMALL["mask_rate"], low=0.01, high=0.9, metavar="SHARE")
    """Share of the pieces that are masked."""
    temperature: float = setting(1.0, low=0.01, high=1_000, metavar="X")
    """Temperature of the generator's draws; below 1 likely pieces are drawn more
    often (electra)."""
    discriminator_weight: float = setting(50.0, low=0, high=limits.FACTOR, metavar="X")
    """Weight of the discriminator's loss; the generator's has 1 (electra)."""


@documented
@dataclass(frozen=True, kw_only=True)
class PretrainOptimizerConfig(OptimizationConfig):
    """The optimizer and its schedule."""

    first = ("steps",)

    steps: int = setting(_SMALL["steps"], low=1, high=limits.STEPS)
    """Number of updates."""
    batch_size: int = _SMALL["batch_size"]
    """Rows per update, on all devices together."""
    learning_rate: float = _SMALL["learning_rate"]
    discriminator_rate: float = setting(1.0, low=0.001, high=1, metavar="SHARE")
    """Learning rate of the discriminator's own weights as a share of the others': in
    small batches its gradient is noisy, and at too high a rate it learns nothing."""
    warmup_steps: int | None = 10_000
    adam_epsilon: float = 1e-6
    bias_correction: bool = False

    @property
    def rise(self) -> int:
        """Number of steps in which the learning rate rises."""
        return self.rising_steps(self.steps)


@documented
@dataclass(frozen=True, kw_only=True)
class PretrainOutputConfig(SavingConfig):
    """The output of a pretraining run."""

    save_every: int = setting(1000, low=1, high=limits.STEPS)
    """Steps between two checkpoints."""
    keep_checkpoints: int = setting(5, low=1, high=1_000_000)
    """Number of the newest checkpoints that are kept."""
    keep_every: int | None = setting(None, low=1, high=limits.STEPS)
    """Keep the checkpoint of every Nth step for ever, too."""
    log_every: int = setting(100, low=1, high=limits.STEPS)
    """Steps between two lines of the log."""


@with_leaves
@dataclass(frozen=True, init=False)
class PretrainConfig(Settings):
    """Everything that decides a pretraining run; the defaults are ELECTRA-small's.

    Settings are given by their names, `PretrainConfig(data="rows", steps=1000)`, or as
    whole sections, `PretrainConfig(records=RecordsConfig(data="rows"))`.

    Raises:
        ConfigError: names that do not exist, values out of range or that contradict
            each other, all at once.
    """

    renamed: ClassVar = {"keep": "keep_checkpoints"}
    removed: ClassVar = {
        "warmup": "is now `warmup_steps`, or `warmup_ratio` for a share of the steps."
    }
    moved: ClassVar = {
        "training": (),
        "output": (),
        "data": (),
        "model": ("objective",),
    }

    records: RecordsConfig
    model: EncoderConfig
    task: ObjectiveConfig
    optimizer: PretrainOptimizerConfig
    devices: DevicesConfig
    saving: PretrainOutputConfig

    @classmethod
    def translated(cls, record: Mapping[str, Any]) -> dict[str, Any]:
        """Settings as an earlier version stored them, by the names of this one."""
        found = super().translated(record)
        if "warmup" in record:
            steps = record["warmup"]
            found["warmup_ratio" if steps < 1 else "warmup_steps"] = steps
        return found

    def contradictions(self) -> list[str]:
        """Sizes of different sections that do not go together."""
        problems, model = [], self.model
        length, width = self.records.max_length, model.generator_width
        if length > model.max_positions:
            problems.append(
                f"`max_length` is {length}, but `max_positions` is "
                f"{model.max_positions}: a row must not be longer than the positions."
            )
        if self.task.objective == "electra" and width % model.generator_heads:
            problems.append(
                f"`generator_size` makes the generator {width} wide, which must be a "
                f"multiple of {HEAD_WIDTH}, or less than {2 * HEAD_WIDTH}."
            )
        return problems


def read_pretrain_settings(
    path: Path | None, assignments: Sequence[str], flags: Mapping[str, Any]
) -> dict[str, Any]:
    """Settings of a pretraining run: see `tfner.config.files.read_settings`."""
    return files.read_settings(
        PretrainConfig, PRETRAIN_PRESETS, path, assignments, flags
    )
