"""Settings of pretraining, and the published sizes by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfner.config import base as settings
from tfner.config.base import Settings, setting

HEAD_WIDTH = 64
"""Width of the generator's attention heads."""


def _model(default: Any, help: str, **about: Any) -> Any:
    return setting(default, help, section="model", **about)


def _training(default: Any, help: str, **about: Any) -> Any:
    return setting(default, help, section="training", **about)


def _output(default: Any, help: str, **about: Any) -> Any:
    return setting(default, help, section="output", **about)


_SMALL = {
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
        "warmup": 0.1,
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
        "warmup": 0.05,
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


@dataclass(frozen=True, kw_only=True)
class PretrainConfig(Settings):
    """Everything that decides a pretraining run; the defaults are ELECTRA-small's.

    `tfner pretrain --help` lists the meaning of every field.

    Raises:
        ConfigError: values out of range or that contradict each other, all at once.
    """

    data: str = setting(
        "",
        "Directory that `tfner pretrain-data` wrote.",
        section="data",
        needed=True,
    )
    objective: str = _model(
        "electra",
        "A generator and a discriminator that finds what it made up, or BERT's masked "
        "language model.",
        choices=("electra", "mlm"),
    )
    encoder: str | None = _model(
        None,
        "Start from the weights of this encoder, of the same sizes and tokenizer: a "
        "directory of Hugging Face or google-research, or a hub id. Heads start new.",
    )
    embedding_size: int = _model(
        _SMALL["embedding_size"], "Width of the embeddings (electra).", low=1
    )
    hidden_size: int = _model(_SMALL["hidden_size"], "Width of the encoder.", low=1)
    num_layers: int = _model(_SMALL["num_layers"], "Layers.", low=1)
    num_heads: int = _model(_SMALL["num_heads"], "Attention heads.", low=1)
    intermediate_size: int = _model(
        _SMALL["intermediate_size"], "Width of the feed-forward halves.", low=1
    )
    generator_size: float = _model(
        _SMALL["generator_size"],
        "Width of the generator, as a share of the encoder's.",
        low=0.01,
        high=1,
    )
    max_positions: int = _model(
        512, "Positions that the encoder has; those past --max-length stay new.", low=3
    )
    hidden_dropout: float = _model(0.1, "Dropout.", low=0, high=0.9)
    attention_dropout: float = _model(0.1, "Dropout of attention.", low=0, high=0.9)
    initializer_range: float = _model(
        0.02,
        "Standard deviation of new weights; embeddings have 0.02 at most.",
        low=0.001,
        high=1,
    )
    sinusoidal_positions: bool = _model(
        False,
        "Start the position embeddings, which are learnt, as sines and cosines: what "
        "stands beside a hidden piece is found out in fewer steps.",
    )

    max_length: int = _training(
        _SMALL["max_length"], "Pieces of a row, special ones included.", low=5
    )
    mask_rate: float = _training(
        _SMALL["mask_rate"], "Share of the pieces that are hidden.", low=0.01, high=0.9
    )
    temperature: float = _training(
        1.0, "Of the generator's draws; below 1 prefers likely pieces.", low=0.01
    )
    discriminator_weight: float = _training(
        50.0, "Weight of the discriminator's loss; the generator's has 1.", low=0
    )
    steps: int = _training(_SMALL["steps"], "Updates.", low=1)
    batch_size: int = _training(
        _SMALL["batch_size"], "Rows per update, on all devices together.", low=1
    )
    accumulate: int = _training(
        1,
        "Parts in which a device computes its share of a batch, one after the other: "
        "less memory, the same update.",
        low=1,
    )
    learning_rate: float = _training(
        _SMALL["learning_rate"], "Highest learning rate.", low=0
    )
    discriminator_rate: float = _training(
        1.0,
        "Learning rate of the discriminator's own weights, as a share: its gradient "
        "is noisy in small batches, and a rate that is too high for it makes it guess.",
        low=0.001,
        high=1,
    )
    warmup: float = _training(
        10_000, "Steps in which the rate rises; below 1: a share of all steps.", low=0
    )
    weight_decay: float = _training(
        0.01, "Decay of weights, biases and norms excepted.", low=0
    )
    adam_epsilon: float = _training(
        1e-6, "Added to the root of Adam's second moment.", low=0
    )
    bias_correction: bool = _training(
        False, "Correct Adam's moments for their start at 0; ELECTRA and BERT do not."
    )
    clip_norm: float = _training(
        1.0, "Largest global norm of the gradient; 0 does not clip.", low=0
    )
    seed: int = _training(
        0, "Decides weights, order, what is hidden, dropout.", low=0, high=4_000_000
    )
    precision: str = _training(
        "float32",
        "What the model computes in; weights and the saved model are float32.",
        choices=("float32", "mixed_bfloat16", "mixed_float16"),
    )
    recompute: bool = _training(
        False, "Compute layers again for the gradient: less memory, more time."
    )
    strategy: str = _training(
        "auto",
        "Devices to train on: all GPUs of this machine (mirrored), the workers of "
        "TF_CONFIG, a TPU, or one device; auto takes the first that is there.",
        choices=("auto", "none", "mirrored", "multi-worker", "tpu"),
    )
    tpu: str | None = _training(
        None, "Name or address of the TPU, or local for the one of this machine."
    )
    steps_per_execution: int | None = _training(
        None, "Steps per call of the device; 32 on a TPU, else 1, if not set.", low=1
    )
    jit_compile: bool = _training(True, "Compile the train step with XLA.")

    output: str = _output("", "Directory of the run.", needed=True)
    save_every: int = _output(1000, "Steps between two checkpoints.", low=1)
    keep: int = _output(5, "Newest checkpoints that are kept.", low=1)
    keep_every: int | None = _output(
        None, "Keep those of every Nth step for ever as well.", low=1
    )
    log_every: int = _output(100, "Steps between two lines of the log.", low=1)
    overwrite: bool = _output(False, "Replace an existing run.")
    resume: bool = _output(False, "Go on after the newest checkpoint.")

    @property
    def generator_width(self) -> int:
        """H of the generator."""
        return round(self.hidden_size * self.generator_size)

    @property
    def generator_heads(self) -> int:
        """Attention heads of the generator."""
        return max(1, self.generator_width // HEAD_WIDTH)

    @property
    def warmup_steps(self) -> int:
        """Steps in which the rate rises."""
        steps = self.warmup * self.steps if self.warmup < 1 else self.warmup
        return min(round(steps), self.steps)

    def contradictions(self) -> list[str]:
        """Settings that do not go together."""
        problems = []
        if self.overwrite and self.resume:
            problems.append("`overwrite` and `resume` contradict each other.")
        if self.tpu and self.strategy not in ("auto", "tpu"):
            problems.append(
                f"`tpu` and `strategy` {self.strategy} contradict each other."
            )
        if self.max_length > self.max_positions:
            problems.append(
                f"`max_length` is {self.max_length}, but `max_positions` is "
                f"{self.max_positions}: a row must not be longer than the positions."
            )
        if self.hidden_size % self.num_heads:
            problems.append(
                "`hidden_size` must be a multiple of `num_heads`. Received: "
                f"hidden_size={self.hidden_size}, num_heads={self.num_heads}"
            )
        if self.objective == "electra" and self.generator_width % self.generator_heads:
            problems.append(
                f"`generator_size` makes the generator {self.generator_width} wide, "
                f"which must be a multiple of {HEAD_WIDTH}, or less than "
                f"{2 * HEAD_WIDTH}."
            )
        return problems


def read_pretrain_settings(
    path: Path | None, assignments: Sequence[str], flags: Mapping[str, Any]
) -> dict[str, Any]:
    """Settings of a pretraining run: see `tfner.config.base.read_settings`."""
    return settings.read_settings(
        PretrainConfig, PRETRAIN_PRESETS, path, assignments, flags
    )
